"""How much of a layout in two dimensions can be believed."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

NEIGHBOURS = 10
"""Nearest neighbours that are looked for again on the map."""
MOST_ASKED = 1000
"""Images that are asked for their neighbours; of more as many are drawn at random."""
ASKED_AT_ONCE = 64


@dataclass(frozen=True)
class NeighboursKept:
    """How many of the nearest neighbours are still the nearest on the map.

    Attributes:
        share: On average over the images that were asked, 0..1.
        chance: The share that a map of points thrown at random would keep.
        count: Neighbours of each image.
        asked: Images that were asked.
    """

    share: float
    chance: float
    count: int
    asked: int


def neighbours_kept(
    matrix: NDArray[np.float32], points: NDArray[np.float32], seed: int = 0
) -> NeighboursKept:
    """Ask images for their nearest neighbours, by similarity and on the map.

    Args:
        matrix: Unit embeddings, (N, D), N at least 2.
        points: Where they are on the map, (N, 2).
        seed: Of the draw, where not all are asked.

    Returns:
        The share that both have in common.
    """
    size = len(matrix)
    count = min(NEIGHBOURS, size - 1)
    chance = np.random.default_rng(seed)
    asked = np.sort(chance.choice(size, min(size, MOST_ASKED), replace=False))
    kept = 0
    for start in range(0, len(asked), ASKED_AT_ONCE):
        rows = asked[start : start + ASKED_AT_ONCE]
        by_similarity = _nearest(matrix[rows] @ matrix.T, rows, count)
        apart = points[rows, None, :] - points[None, :, :]
        on_map = _nearest(-np.einsum("qnd,qnd->qn", apart, apart), rows, count)
        kept += sum(
            len(np.intersect1d(left, right))
            for left, right in zip(by_similarity, on_map, strict=True)
        )
    return NeighboursKept(kept / (len(asked) * count), count / (size - 1), count, len(asked))


def _nearest(
    closeness: NDArray[np.float32], rows: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """The columns of the greatest values of each row, the image itself left out."""
    closeness[np.arange(len(rows)), rows] = -np.inf
    return torch.from_numpy(closeness).topk(count).indices.numpy()
