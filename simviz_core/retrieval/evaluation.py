"""How well a network retrieves: every image as the query in turn, and what each of them finds.

Whether a query is a hit or a miss is decided here and nowhere else: the figures, the list of misses
and their table all rest on `query_outcomes`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.errors import GalleryError
from simviz_core.gallery import NO_CONDITIONS, Conditions, equal_codes, rows_where
from simviz_core.retrieval.coverage import Coverage
from simviz_core.retrieval.ranking import GalleryIndex

AT = (1, 5, 10)
"""The K of Recall@K."""
MOST_QUERIES = 2000
"""Of larger galleries the pages ask as many images, drawn at random, and say so."""
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
        searched: Images that may be found, the query among them.
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
    """

    queries: int
    recall_at: dict[int, float]
    map_at_r: float
    rows: NDArray[np.int64]
    is_hit: NDArray[np.bool_]
    coverage: Coverage
    searched: int
    conditions: Conditions = NO_CONDITIONS


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
    )


def quality_as_json(quality: RetrievalQuality) -> dict[str, Any]:
    """The figures as JSON-ready values, with how much of the gallery they rest on."""
    recalls = {f"recall_at_{k}": recall for k, recall in quality.recall_at.items()}
    figures = {**recalls, "map_at_r": quality.map_at_r, "queries": quality.queries}
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
    found = np.flatnonzero(rows_where(index.columns, conditions.where, len(index.images)))
    equals = [codes[found] for codes in equal_codes(index.columns, conditions.leave_out_equal)]
    among = _Searched(
        index.matrix if len(found) == len(index.images) else index.matrix[found],
        index.class_of[found],
        equals,
    )
    relevant = among.relevant()
    asked = np.flatnonzero(relevant)
    if not asked.size:
        raise GalleryError(
            "Recall@K and mAP@R need a class with two images; put the images into class folders, "
            "or select more of them"
            if not conditions
            else f"no class has two images that can be found ({conditions.sentence}); leave out "
            "fewer"
        )
    if most_queries is not None and asked.size > most_queries:
        chosen = np.random.default_rng(seed).choice(asked.size, most_queries, replace=False)
        asked = asked[np.sort(chosen)]
    parts = []
    for start in range(0, asked.size, QUERIES_AT_ONCE):
        part = asked[start : start + QUERIES_AT_ONCE]
        parts.append(among.ask(part, relevant[part]))
        on_progress(start + len(part), asked.size)
    nearest, nearest_score, right, right_score, rank, precision = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return QueryOutcomes(
        index,
        found[asked],
        found[nearest],
        nearest_score,
        found[right],
        right_score,
        rank,
        precision,
        relevant[asked],
        len(found),
        conditions,
    )


@dataclass(frozen=True)
class _Searched:
    """The images that may be found, N of them.

    Attributes:
        matrix: Their unit embeddings, (N, D).
        class_of: Their classes, (N,); −1 for none.
        equals: Codes, (N,) each: images of one code, but for −1, do not find each other.
    """

    matrix: NDArray[np.float32]
    class_of: NDArray[np.int64]
    equals: list[NDArray[np.int64]]

    def relevant(self) -> NDArray[np.int64]:
        """How many others of its class each image may find, (N,); 0 for what is not asked."""
        count = np.zeros(len(self.class_of), dtype=np.int64)
        rows = np.flatnonzero(self.class_of >= 0)
        sizes = np.bincount(self.class_of[rows], minlength=1)
        count[rows] = sizes[self.class_of[rows]] - 1
        if self.equals:
            rows = rows[np.argsort(self.class_of[rows], kind="stable")]
            for of_class in np.split(rows, np.cumsum(sizes)[:-1]):
                for start in range(0, len(of_class), QUERIES_AT_ONCE):
                    part = of_class[start : start + QUERIES_AT_ONCE]
                    equal = self._equal(part, of_class)
                    equal |= part[:, None] == of_class
                    count[part] = (~equal).sum(1)
        return count

    def _equal(self, queries: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether images are equal to queries in one of the columns, (Q, M)."""
        equal = np.zeros((len(queries), len(others)), dtype=bool)
        for codes in self.equals:
            own = codes[queries][:, None]
            equal |= (codes[others] == own) & (own >= 0)
        return equal

    def ask(
        self, queries: NDArray[np.int64], relevant: NDArray[np.int64]
    ) -> tuple[NDArray[Any], ...]:
        """What a few queries find, as `QueryOutcomes` has it, `nearest` to `average_precision`.

        Equal scores keep the gallery's order, as in every other ranking.
        """
        places = np.arange(len(queries))
        scores = self.matrix[queries] @ self.matrix.T
        scores[places, queries] = -np.inf
        if self.equals:
            everything = np.arange(len(self.class_of))
            np.copyto(scores, -np.inf, where=self._equal(queries, everything))
        is_same = self.class_of == self.class_of[queries][:, None]
        nearest = scores.argmax(1)
        right = np.where(is_same, scores, -np.inf).argmax(1)
        best = scores[places, right][:, None]
        before = (scores > best).sum(1)
        level = scores == best
        if (level.sum(1) > 1).any():
            before += (level & (np.arange(scores.shape[1]) < right[:, None])).sum(1)
        return (
            nearest,
            scores[places, nearest],
            right,
            best[:, 0],
            before + 1,
            _average_precision(scores, is_same, relevant),
        )


def _average_precision(
    scores: NDArray[np.float32], is_same: NDArray[np.bool_], relevant: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(1/R) Σ_i≤R P(i), P(i) being 0 where the i-th image is of another class, (Q,)."""
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
