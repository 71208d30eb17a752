"""Comparing two maps of one image, and a map with an object's mask.

Maps are signed. Where a measure needs a distribution over the cells, a cell's share is its
magnitude over the sum of all magnitudes: |M[x,y]| / Σ|M|.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

Map = NDArray[np.float32]
ROUNDING = 1e-6
"""A map whose values differ by less than this share of the largest is the same everywhere."""


def pearson_correlation(first: Map, second: Map) -> float | None:
    """How far two maps rise and fall together, whatever their scale.

    Args:
        first: (H, W).
        second: (H, W).

    Returns:
        Pearson's r, −1..1; None where one of the maps is the same everywhere.
    """
    deviations = [
        values.astype(np.float64) - values.mean(dtype=np.float64) for values in (first, second)
    ]
    lengths = [float(np.linalg.norm(values)) for values in deviations]
    sizes = [float(np.linalg.norm(values.astype(np.float64))) for values in (first, second)]
    if any(length <= 1e-6 * size for length, size in zip(lengths, sizes, strict=True)):
        return None
    r = float((deviations[0] * deviations[1]).sum()) / (lengths[0] * lengths[1])
    return min(1.0, max(-1.0, r))


def jensen_shannon_divergence(first: Map, second: Map) -> float | None:
    """How far two maps differ as distributions over the cells.

    Args:
        first: (H, W).
        second: (H, W).

    Returns:
        In bits: 0 for maps that differ in scale alone, 1 for maps that share no cell; None where
        one of them is zero everywhere.

    Source: Lin, "Divergence Measures Based on the Shannon Entropy", 1991.
    """
    shares = [np.abs(values.astype(np.float64)).ravel() for values in (first, second)]
    if not all(values.any() for values in shares):
        return None
    return min(1.0, float(jensenshannon(*shares, base=2)) ** 2)


def share_inside(values: Map, weights: NDArray[np.float32]) -> float | None:
    """The share of a map that lies inside a mask.

    Args:
        values: The map, (H, W).
        weights: The share of each cell that the mask covers, (H, W), 0..1.

    Returns:
        Σ w·|M| / Σ|M|, 0..1; None where the map is zero everywhere.
    """
    magnitudes = np.abs(values.astype(np.float64))
    total = float(magnitudes.sum())
    return float((magnitudes * weights).sum()) / total if total else None
