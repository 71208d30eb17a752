"""How widely a map is spread over its cells, as figures.

Both figures are of the distribution |M| / Σ|M|: a negative contribution counts with its magnitude,
since a cell that speaks against the similarity carries weight in it, too. They do not change when
the map is scaled, and are undefined, NaN, for a map of zeros.
"""

import math

import torch
from torch import Tensor

ROUNDING = 1e-9
"""Cells that miss the share by less than this part of the whole do reach it."""


def map_entropy(maps: Tensor, relative: bool = False) -> Tensor:
    """The entropy of a map's magnitudes: how many cells share the work, in bits.

    Args:
        maps: Similarity maps, (..., H, W), signed.
        relative: Divide by log2(H·W), the entropy of an even map, so that grids of different sizes
            can be compared. A map of a single cell then has 0.

    Returns:
        −Σ p log2 p with p = |M| / Σ|M|, (...), float64: from 0, all in one cell, to log2(H·W) bits,
        the same in all cells; or, relative to that, from 0 to 1. NaN for a map of zeros.
    """
    p = _shares(maps)
    # log2(p) = ln(p) / ln(2); entr is −p ln p, and 0 at 0.
    entropy = torch.special.entr(p).sum(-1) / math.log(2)
    if not relative:
        return entropy
    cells = p.shape[-1]
    return entropy / math.log2(cells) if cells > 1 else entropy


def cells_carrying(maps: Tensor, share: float = 0.9) -> Tensor:
    """The share of the cells that is needed to carry a share of a map.

    Args:
        maps: Similarity maps, (..., H, W), signed.
        share: Of Σ|M| that the cells carry together, above 0, at most 1.

    Returns:
        The least number of cells whose |M| add up to that share of Σ|M|, over H·W, (...), float64:
        above 0, at most 1. NaN for a map of zeros.

    Raises:
        ValueError: A share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share must be above 0 and at most 1, not {share}")
    p = _shares(maps)
    carried = p.sort(-1, descending=True).values.cumsum(-1)
    needed = (carried < share - ROUNDING).sum(-1) + 1
    # A map of zeros has NaN throughout, which is below nothing.
    return torch.where(p[..., 0].isnan(), math.nan, needed.to(p.dtype) / p.shape[-1])


def _shares(maps: Tensor) -> Tensor:
    """|M| / Σ|M| for each cell, (..., H·W), float64; NaN for a map of zeros."""
    magnitudes = maps.to(torch.float64).abs().flatten(-2)
    return magnitudes / magnitudes.sum(-1, keepdim=True)
