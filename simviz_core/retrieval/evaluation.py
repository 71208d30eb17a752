"""How well a network retrieves: Recall@K and mAP@R, with every image as the query in turn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.errors import GalleryError
from simviz_core.retrieval.coverage import Coverage
from simviz_core.retrieval.ranking import GalleryIndex

AT = (1, 5, 10)
"""The K of Recall@K."""
MOST_QUERIES = 2000
"""Of larger galleries the pages ask as many images, drawn at random, and say so."""
QUERIES_AT_ONCE = 256
"""Queries that are ranked in one product."""


@dataclass(frozen=True)
class RetrievalQuality:
    """How well each image's class is found by its nearest neighbours, the image itself left out.

    Attributes:
        queries: Images that were asked: those whose class has another image.
        recall_at: Under K, the share of queries with an image of their class among the K nearest.
        map_at_r: Mean average precision at R, R being the number of others of the query's class.
        rows: The index's row of each query, (Q,).
        is_hit: Whether the nearest neighbour of each query is of its class, (Q,).
        coverage: How much of the gallery the figures rest on.
    """

    queries: int
    recall_at: dict[int, float]
    map_at_r: float
    rows: NDArray[np.int64]
    is_hit: NDArray[np.bool_]
    coverage: Coverage


def retrieval_quality(
    index: GalleryIndex,
    most_queries: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> RetrievalQuality:
    """Ask for the nearest neighbours of every image, and see of which class they are.

    Args:
        index: The gallery's embeddings, N images.
        most_queries: Ask at most this many, drawn at random; None asks all. All N images can be
            found in any case.
        seed: Of the drawing.
        on_progress: Called with the queries done and the queries in all.

    Returns:
        The figures, averaged over the queries.

    Raises:
        GalleryError: No class has two images.

    Source: Recall@K as in Jegou, Douze, Schmid, "Product Quantization for Nearest Neighbor
        Search", TPAMI 2011; mAP@R as in Musgrave, Belongie, Lim, "A Metric Learning Reality
        Check", ECCV 2020.
    """
    rows = np.flatnonzero(index.class_of >= 0)
    sizes = np.bincount(index.class_of[rows], minlength=len(index.classes))
    rows = rows[sizes[index.class_of[rows]] > 1]
    if not rows.size:
        raise GalleryError(
            "Recall@K and mAP@R need a class with two images; put the images into class folders"
        )
    if most_queries is not None and rows.size > most_queries:
        chosen = np.random.default_rng(seed).choice(rows.size, most_queries, replace=False)
        rows = rows[np.sort(chosen)]
    found = dict.fromkeys(AT, 0)
    precision = 0.0
    is_hit = np.zeros(rows.size, dtype=bool)
    for start in range(0, rows.size, QUERIES_AT_ONCE):
        part = rows[start : start + QUERIES_AT_ONCE]
        classes = index.class_of[part]
        neighbours = _neighbours(index, part, int(max(max(AT), sizes[classes].max() - 1)))
        is_same = index.class_of[neighbours] == classes[:, None]
        for k in AT:
            found[k] += int(is_same[:, :k].any(1).sum())
        precision += len(part) * _map_at_r(index.class_of[neighbours], classes, sizes)
        is_hit[start : start + len(part)] = is_same[:, 0]
        on_progress(start + len(part), rows.size)
    return RetrievalQuality(
        queries=rows.size,
        recall_at={k: found[k] / rows.size for k in AT},
        map_at_r=precision / rows.size,
        rows=rows,
        is_hit=is_hit,
        coverage=index.coverage,
    )


def quality_as_json(quality: RetrievalQuality) -> dict[str, Any]:
    """The figures as JSON-ready values, with how much of the gallery they rest on."""
    recalls = {f"recall_at_{k}": recall for k, recall in quality.recall_at.items()}
    figures = {**recalls, "map_at_r": quality.map_at_r, "queries": quality.queries}
    return {**figures, **quality.coverage.as_json()}


def _neighbours(index: GalleryIndex, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The rows of the nearest images of each query, itself left out, (Q, ≤ count)."""
    scores = torch.from_numpy(index.matrix[rows] @ index.matrix.T)
    scores[torch.arange(len(rows)), torch.from_numpy(rows)] = -torch.inf
    return scores.topk(min(count, len(index.images) - 1)).indices.numpy()


def _map_at_r(
    found: NDArray[np.int64], classes: NDArray[np.int64], sizes: NDArray[np.int64]
) -> float:
    """The mean over queries of their average precision at R.

    Args:
        found: The class of each neighbour, nearest first, (Q, K).
        classes: The class of each query, (Q,).
        sizes: The images of each class, the query among them.
    """
    # The package imports scikit-learn, which takes seconds.
    from pytorch_metric_learning.utils.accuracy_calculator import mean_average_precision

    asked = np.unique(classes)
    return mean_average_precision(
        torch.from_numpy(found),
        torch.from_numpy(classes)[:, None],
        ref_includes_query=True,
        label_counts=(torch.from_numpy(asked)[:, None], torch.from_numpy(sizes[asked])),
        avg_of_avgs=False,
        return_per_class=False,
        label_comparison_fn=torch.eq,
        at_r=True,
    )
