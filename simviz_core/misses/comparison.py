"""Two networks on one gallery: which queries the second one mends, and which it breaks."""

from dataclasses import dataclass
from functools import cached_property

from simviz_core.errors import GalleryError
from simviz_core.misses.table import QueryOutcome, list_misses
from simviz_core.retrieval import QueryOutcomes

COMPARED_KINDS = ("fixed", "broken", "missed")
"""What becomes of a query: a miss that is a hit now, a hit that is a miss now, a miss of both."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two networks make of the same queries.

    Attributes:
        before: By the one.
        after: By the other, which it is compared with.
        kind: One of `COMPARED_KINDS` for each query that is a miss of either, under its id, in the
            gallery's order.
        queries: Queries that were asked of both.
        only_before: Queries that were asked of the one alone, since the other's index lacks them.
        only_after: Likewise of the other.
    """

    before: QueryOutcomes
    after: QueryOutcomes
    kind: dict[str, str]
    queries: int
    only_before: int
    only_after: int

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many queries of each kind."""
        kinds = list(self.kind.values())
        return {kind: kinds.count(kind) for kind in COMPARED_KINDS}

    def rows(self, kind: str) -> list[tuple[QueryOutcome, QueryOutcome]]:
        """The queries of one kind, as the one network sees them and as the other does."""
        ids = [image_id for image_id, found in self.kind.items() if found == kind]
        return list(zip(list_misses(self.before, ids), list_misses(self.after, ids), strict=True))

    @property
    def note(self) -> str:
        """What is to be said beside it; "" where both were asked the same queries."""
        if not self.only_before and not self.only_after:
            return ""
        return (
            f"rests on the {self.queries:,} queries that both were asked; {self.only_before:,} "
            f"were asked of the first alone and {self.only_after:,} of the second alone"
        )


def compare_outcomes(before: QueryOutcomes, after: QueryOutcomes) -> Comparison:
    """See which queries two networks find right.

    Args:
        before: What every query finds by the one.
        after: By the other, in the same gallery and under the same conditions.

    Raises:
        GalleryError: They were asked no common query.
    """
    hits, hits_after = ({_id(o, r): bool(h) for r, h in _asked(o)} for o in (before, after))
    common = [image_id for image_id in hits if image_id in hits_after]
    if not common:
        raise GalleryError("the two networks were asked no common query; index the gallery by both")
    kind = {}
    for image_id in common:
        was, is_now = hits[image_id], hits_after[image_id]
        if not (was and is_now):
            kind[image_id] = "missed" if was == is_now else "fixed" if is_now else "broken"
    return Comparison(
        before, after, kind, len(common), len(hits) - len(common), len(hits_after) - len(common)
    )


def _asked(outcomes: QueryOutcomes) -> "zip[tuple[int, bool]]":
    return zip(outcomes.rows.tolist(), outcomes.is_hit.tolist(), strict=True)


def _id(outcomes: QueryOutcomes, row: int) -> str:
    return outcomes.index.images[row].id
