"""Comparing two maps of one image, and a map with an object's mask.

Maps are signed. Where a measure needs a distribution over the cells, a cell's share is its
magnitude over the sum of all magnitudes: |M[x,y]| / Σ|M|.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.decomposition import cells_carrying, map_entropy

Map = NDArray[np.float32]


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
    from scipy.spatial.distance import jensenshannon

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


CARRIED = 0.9
"""Of the similarity: how few cells carry this share says how concentrated a map is."""


@dataclass(frozen=True)
class MapSpread:
    """How widely a map is spread over its cells; a map of zeros has no spread, only cells.

    Attributes:
        cells: How many cells the map has.
        entropy: Of |M| / Σ|M|, in bits; log2(cells) if all are equal.
        relative_entropy: The same as a share of log2(cells), 0..1.
        carrying_cells: The least number of cells whose |M| add up to 90 % of Σ|M|.
        carrying_share: The same as a share of the cells, 0..1.
    """

    cells: int
    entropy: float | None
    relative_entropy: float | None
    carrying_cells: int | None
    carrying_share: float | None

    def __str__(self) -> str:
        """In words."""
        if self.entropy is None:
            return "no cell contributes anything"
        return (
            f"entropy {self.entropy:.2f} bits, {self.relative_entropy:.0%} of an even map · "
            f"{CARRIED:.0%} in {self.carrying_cells} of {self.cells} cells"
        )


def map_spread(values: NDArray[Any]) -> MapSpread:
    """Measure how widely a map is spread.

    Args:
        values: The map, (H, W), signed.
    """
    if not values.any():
        return MapSpread(values.size, None, None, None, None)
    cells = torch.from_numpy(values.copy())
    share = cells_carrying(cells, CARRIED).item()
    return MapSpread(
        cells=values.size,
        entropy=map_entropy(cells).item(),
        relative_entropy=map_entropy(cells, relative=True).item(),
        carrying_cells=round(share * values.size),
        carrying_share=share,
    )


def mean_spread(spreads: Sequence[MapSpread]) -> str:
    """The mean spread of several maps in words; those of zeros do not count."""
    measured = [spread for spread in spreads if spread.entropy is not None]
    if not measured:
        return "no cell contributes anything"
    entropy = sum(spread.entropy or 0 for spread in measured) / len(measured)
    share = sum(spread.carrying_share or 0 for spread in measured) / len(measured)
    return f"entropy {entropy:.2f} bits · {CARRIED:.0%} in {share:.0%} of the cells"
