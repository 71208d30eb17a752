"""The table of misses: each query with what it found instead of its class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simviz_core.gallery import COPY_FROM, GalleryImage
from simviz_core.retrieval import QueryOutcomes

NO_CLASS = "(no class)"
"""What an image without a class is taken for."""


@dataclass(frozen=True)
class QueryOutcome:
    """One query and what it finds.

    Attributes:
        query: The image that was asked for.
        nearest: Its nearest neighbour.
        nearest_score: Their similarity.
        right: The nearest image of the query's class; the same one where it is no miss.
        right_score: Their similarity.
        rank: The place of that image in the ranking, from 1.
        average_precision: At R, 0..1.
        relevant: R: the images of its class that may be found.
    """

    query: GalleryImage
    nearest: GalleryImage
    nearest_score: float
    right: GalleryImage
    right_score: float
    rank: int
    average_precision: float
    relevant: int

    @property
    def nearest_is_copy(self) -> bool:
        """Whether the nearest neighbour is taken for a copy of the query."""
        return self.nearest_score >= COPY_FROM

    @property
    def is_hit(self) -> bool:
        """Whether the nearest neighbour is of the query's class."""
        return self.rank == 1

    @property
    def margin(self) -> float:
        """By how much the nearest neighbour is more similar than the best of the right class."""
        return self.nearest_score - self.right_score

    @property
    def taken_for(self) -> str:
        """The class of the nearest neighbour."""
        return self.nearest.label or NO_CLASS


def list_misses(outcomes: QueryOutcomes, ids: Sequence[str] | None = None) -> list[QueryOutcome]:
    """The queries that miss, in the gallery's order.

    Args:
        outcomes: What every query finds.
        ids: The queries that are wanted instead, whether they miss or not; those that were not
            asked are passed over.
    """
    images = outcomes.index.images
    if ids is None:
        places = np.flatnonzero(~outcomes.is_hit)
    else:
        place_of = {images[row].id: place for place, row in enumerate(outcomes.rows)}
        places = np.array([place_of[i] for i in ids if i in place_of], dtype=np.int64)
    return [
        QueryOutcome(
            images[outcomes.rows[place]],
            images[outcomes.nearest[place]],
            float(outcomes.nearest_score[place]),
            images[outcomes.right[place]],
            float(outcomes.right_score[place]),
            int(outcomes.right_rank[place]),
            float(outcomes.average_precision[place]),
            int(outcomes.relevant[place]),
        )
        for place in places
    ]


MISS_ORDERS: dict[str, Callable[[QueryOutcome], tuple[float | str, ...]]] = {
    "margin": lambda miss: (-miss.margin,),
    "close": lambda miss: (miss.margin,),
    "rank": lambda miss: (-miss.rank,),
    "precision": lambda miss: (miss.average_precision,),
    "class": lambda miss: (miss.query.label or "", miss.taken_for),
    "taken_for": lambda miss: (miss.taken_for, miss.query.label or ""),
    "gallery": lambda miss: (),
}
"""How a table of misses can be sorted: by the margin, widest or closest first; by the rank of the
first right one, latest first; by average precision, worst first; by the class; by what the query is
taken for; or as the gallery has them."""


def sorted_misses(misses: Sequence[QueryOutcome], by: str) -> list[QueryOutcome]:
    """Sort misses; equal ones keep their order.

    Args:
        misses: In the gallery's order.
        by: One of `MISS_ORDERS`.
    """
    return sorted(misses, key=MISS_ORDERS[by])
