"""How well a network retrieves: every image as the query in turn, and what each of them finds.

Whether a query is a hit or a miss is decided here and nowhere else: the figures, the list of misses
and their table all rest on `query_outcomes`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.errors import GalleryError
from simviz_core.gallery import COPY_FROM, NO_CONDITIONS, Conditions, equal_codes
from simviz_core.retrieval.coverage import Coverage
from simviz_core.retrieval.ranking import GalleryIndex

AT = (1, 5, 10)
"""The K of Recall@K."""
MOST_QUERIES = 2000
"""Of larger galleries the pages ask as many images, drawn at random, and say so."""
_TWO, _TWO_IN_SETS = "two images that can be found", "an image to ask and another one to find"
QUERIES_AT_ONCE = 256
"""Queries that are ranked in one product."""


@dataclass(frozen=True, eq=False)
class QueryOutcomes:
    """What every query finds, the query itself left out; Q queries among N images.

    Asked are the images whose class has another image that may be found. An image without a class
    may be found, and is of no query's class.

    Attributes:
        index: The gallery's embeddings.
        rows: The index's row of each query, (Q,).
        nearest: The row of its nearest neighbour, (Q,); of equally near ones the gallery's first.
        nearest_score: Their similarity, (Q,).
        right: The row of the nearest image of its class, (Q,).
        right_score: Their similarity, (Q,).
        right_rank: The place of that image in the ranking, from 1, (Q,).
        average_precision: At R, (Q,), 0..1.
        relevant: R: the images of its class that may be found, (Q,).
        searched: Images that may be found; the query among them, unless there are two sets.
        conditions: On the columns of the gallery's manifest, which these figures are under: only
            images that meet `where` are asked and found.
    """

    index: GalleryIndex
    rows: NDArray[np.int64]
    nearest: NDArray[np.int64]
    nearest_score: NDArray[np.float32]
    right: NDArray[np.int64]
    right_score: NDArray[np.float32]
    right_rank: NDArray[np.int64]
    average_precision: NDArray[np.float64]
    relevant: NDArray[np.int64]
    searched: int
    conditions: Conditions = NO_CONDITIONS

    @cached_property
    def is_hit(self) -> NDArray[np.bool_]:
        """Whether each query's nearest neighbour is of its class, (Q,)."""
        return self.right_rank == 1

    @cached_property
    def nearest_is_copy(self) -> NDArray[np.bool_]:
        """Whether each query's nearest neighbour is taken for a copy of it, (Q,)."""
        return self.nearest_score >= COPY_FROM

    @cached_property
    def missed(self) -> list[str]:
        """The ids of the queries that are no hits, in the gallery's order."""
        return [self.index.images[row].id for row in self.rows[~self.is_hit]]


@dataclass(frozen=True)
class RetrievalQuality:
    """How well each image's class is found by its nearest neighbours, the image itself left out.

    Attributes:
        queries: Images that were asked: those whose class has another image that may be found.
        recall_at: Under K, the share of queries with an image of their class among the K nearest.
        map_at_r: Mean average precision at R, R being the number of others of the query's class.
        rows: The index's row of each query, (Q,).
        is_hit: Whether the nearest neighbour of each query is of its class, (Q,).
        coverage: How much of the gallery the figures rest on.
        searched: Images that may be found.
        conditions: On the columns of the gallery's manifest, which the figures are under.
        copies: Queries whose nearest neighbour is taken for a copy of them.
    """

    queries: int
    recall_at: dict[int, float]
    map_at_r: float
    rows: NDArray[np.int64]
    is_hit: NDArray[np.bool_]
    coverage: Coverage
    searched: int
    conditions: Conditions = NO_CONDITIONS
    copies: int = 0

    @property
    def copies_note(self) -> str:
        """What is to be said of copies beside the figures; "" where there are none."""
        if not self.copies:
            return ""
        return (
            f"the nearest neighbour of {self.copies:,} of {self.queries:,} queries is taken for a "
            f"copy of it (similarity of at least {COPY_FROM:g}), which makes figures too good; "
            + (
                "copies can be left out"
                if 2 * self.copies <= self.queries
                else "with this network most images are that similar, so that copies do not show"
            )
        )


def retrieval_quality(
    index: GalleryIndex,
    most_queries: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    conditions: Conditions = NO_CONDITIONS,
) -> RetrievalQuality:
    """Ask for the nearest neighbours of every image, and see of which class they are.

    Args:
        index: The gallery's embeddings, N images.
        most_queries: Ask at most this many, drawn at random; None asks all. All N images can be
            found in any case.
        seed: Of the drawing.
        on_progress: Called with the queries done and the queries in all.
        conditions: Which images are asked and found at all, and which are too like a query.

    Returns:
        The figures, averaged over the queries.

    Raises:
        GalleryError: No class has two images.
        SettingsError: There is no such column, or a value is none that it can hold.

    Source: Recall@K as in Jegou, Douze, Schmid, "Product Quantization for Nearest Neighbor
        Search", TPAMI 2011; mAP@R as in Musgrave, Belongie, Lim, "A Metric Learning Reality
        Check", ECCV 2020.
    """
    return quality_of(query_outcomes(index, most_queries, seed, on_progress, conditions))


def quality_of(outcomes: QueryOutcomes) -> RetrievalQuality:
    """The figures of queries that have been asked."""
    return RetrievalQuality(
        queries=len(outcomes.rows),
        recall_at={k: float(np.mean(outcomes.right_rank <= k)) for k in AT},
        map_at_r=float(np.mean(outcomes.average_precision)),
        rows=outcomes.rows,
        is_hit=outcomes.is_hit,
        coverage=outcomes.index.coverage,
        searched=outcomes.searched,
        conditions=outcomes.conditions,
        copies=int(outcomes.nearest_is_copy.sum()),
    )


def quality_as_json(quality: RetrievalQuality) -> dict[str, Any]:
    """The figures as JSON-ready values, with how much of the gallery they rest on."""
    recalls = {f"recall_at_{k}": recall for k, recall in quality.recall_at.items()}
    figures = {**recalls, "map_at_r": quality.map_at_r, "queries": quality.queries}
    if quality.copies:
        figures["queries_with_a_copy_nearest"] = quality.copies
    under = quality.conditions.as_json()
    under |= {"images_searched": quality.searched} if under else {}
    return {**figures, **quality.coverage.as_json(), **under}


def query_outcomes(
    index: GalleryIndex,
    most_queries: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    conditions: Conditions = NO_CONDITIONS,
) -> QueryOutcomes:
    """Rank the gallery by its similarity to each of its images, a few hundred at a time.

    Args, Raises and Source: As of `retrieval_quality`.

    Returns:
        What every query finds.
    """
    count = len(index.images)
    found = np.flatnonzero(conditions.found_rows(index.columns, count))
    asked = np.flatnonzero(conditions.asked_rows(index.columns, count))
    equals = equal_codes(index.columns, conditions.leave_out_equal)
    among = _Searched(index, found, equals, conditions.leave_out_copies)
    asked = asked[among.relevant(asked) > 0]
    if asked.size and most_queries is not None and asked.size > most_queries:
        chosen = np.random.default_rng(seed).choice(asked.size, most_queries, replace=False)
        asked = asked[np.sort(chosen)]
    parts = []
    for start in range(0, asked.size, QUERIES_AT_ONCE):
        parts.append(among.ask(asked[start : start + QUERIES_AT_ONCE]))
        on_progress(min(start + QUERIES_AT_ONCE, asked.size), asked.size)
    if not any(part[0].size for part in parts):
        raise GalleryError(
            "Recall@K and mAP@R need a class with two images; put the images into class folders, "
            "or select more of them"
            if not conditions
            else f"no class has {_TWO_IN_SETS if conditions.has_two_sets else _TWO} "
            f"({conditions.sentence}); leave out fewer"
        )
    rows, nearest, nearest_score, right, right_score, rank, precision, relevant = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return QueryOutcomes(
        index,
        rows,
        found[nearest],
        nearest_score,
        found[right],
        right_score,
        rank,
        precision,
        relevant,
        len(found),
        conditions,
    )


class _Searched:
    """The images that may be found, M of the index's N."""

    def __init__(
        self,
        index: GalleryIndex,
        found: NDArray[np.int64],
        equals: Sequence[NDArray[np.int64]],
        copies: float | None,
    ) -> None:
        """Take what queries are compared with.

        Args:
            index: The index.
            found: Its rows that may be found, (M,).
            equals: Codes, (N,) each: images of one code, but for −1, do not find each other.
            copies: Similarity from which images do not find each other; None for any.
        """
        self.index, self.found, self.equals, self.copies = index, found, equals, copies
        self.matrix = index.matrix if len(found) == len(index.images) else index.matrix[found]
        self.class_of = index.class_of[found]
        self.place = np.full(len(index.images), -1)
        self.place[found] = np.arange(len(found))

    def relevant(self, queries: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many others of its class each query may find, (Q,); copies of it are counted, too."""
        of = self.index.class_of[queries]
        sizes = np.bincount(self.class_of[self.class_of >= 0], minlength=len(self.index.classes))
        if not sizes.size:
            return np.zeros(len(queries), dtype=np.int64)
        count = np.where(of >= 0, sizes[of] - (self.place[queries] >= 0), 0)
        if self.equals:
            members = _by_class(self.class_of, len(sizes))
            for label, group in enumerate(_by_class(of, len(sizes))):
                for start in range(0, len(group), QUERIES_AT_ONCE):
                    part = group[start : start + QUERIES_AT_ONCE]
                    others = self.found[members[label]]
                    equal = self._equal(queries[part], others)
                    equal |= queries[part][:, None] == others
                    count[part] = (~equal).sum(1)
        return count

    def _equal(self, queries: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether images are equal to queries in one of the columns, (Q, M)."""
        equal = np.zeros((len(queries), len(others)), dtype=bool)
        for codes in self.equals:
            own = codes[queries][:, None]
            equal |= (codes[others] == own) & (own >= 0)
        return equal

    def ask(self, queries: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """What a few queries find: the queries, and what `QueryOutcomes` has from `nearest` on.

        Equal scores keep the gallery's order, as in every other ranking. Queries that may find
        nothing of their class are left out.
        """
        scores = self.index.matrix[queries] @ self.matrix.T
        if self.copies is not None:
            np.copyto(scores, -np.inf, where=scores >= self.copies)
        own = self.place[queries]
        inside = np.flatnonzero(own >= 0)
        scores[inside, own[inside]] = -np.inf
        if self.equals:
            np.copyto(scores, -np.inf, where=self._equal(queries, self.found))
        is_same = self.class_of == self.index.class_of[queries][:, None]
        relevant = (is_same & (scores > -np.inf)).sum(1)
        if not relevant.all():
            kept = relevant > 0
            queries, scores, is_same, relevant = (
                each[kept] for each in (queries, scores, is_same, relevant)
            )
        places = np.arange(len(queries))
        nearest = scores.argmax(1)
        right = np.where(is_same, scores, -np.inf).argmax(1)
        best = scores[places, right][:, None]
        before = (scores > best).sum(1)
        level = scores == best
        if (level.sum(1) > 1).any():
            before += (level & (np.arange(scores.shape[1]) < right[:, None])).sum(1)
        return (
            queries,
            nearest,
            scores[places, nearest],
            right,
            best[:, 0],
            before + 1,
            _average_precision(scores, is_same, relevant),
            relevant,
        )


def _by_class(class_of: NDArray[np.int64], classes: int) -> list[NDArray[np.int64]]:
    """The places of each class's images; those without a class are in none."""
    places = np.flatnonzero(class_of >= 0)
    places = places[np.argsort(class_of[places], kind="stable")]
    sizes = np.bincount(class_of[places], minlength=classes)
    return np.split(places, np.cumsum(sizes)[:-1])


def _average_precision(
    scores: NDArray[np.float32], is_same: NDArray[np.bool_], relevant: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(1/R) Σ_i≤R P(i), P(i) being 0 where the i-th image is of another class, (Q,)."""
    if not relevant.size:
        return np.zeros(0)
    most = int(relevant.max())
    found = np.take_along_axis(is_same, _first(scores, most), 1).astype(np.float64)
    place = np.arange(1, most + 1)
    found *= place <= relevant[:, None]
    precision = found.cumsum(1) / place * found
    return np.asarray(precision.sum(1) / relevant, dtype=np.float64)


def _first(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The columns of the highest scores of each row, (Q, count), equal ones in their order."""
    best = torch.from_numpy(scores).topk(count)
    values, columns = best.values.numpy(), best.indices.numpy()
    # Which of equal scores are taken, and in which order, is not said of `topk`.
    order = np.lexsort((columns, -values))
    columns = np.take_along_axis(columns, order, 1)
    for row in np.flatnonzero((scores >= values[:, -1:]).sum(1) > count):
        columns[row] = np.argsort(-scores[row], kind="stable")[:count]
    return columns
