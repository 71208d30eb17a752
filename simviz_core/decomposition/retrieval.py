"""Poolings of image retrieval that weigh regions or cells by what is in the image.

The weights (lengths of the regions' vectors, weights of cells and channels) depend on the image; a
cell's contribution takes them as they are, as it takes the length |e|.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

import torch
from torch import Tensor

from simviz_core.decomposition.decomposed import norm
from simviz_core.decomposition.pooling import CELLS, MaxPooling, at_least_float32

Box = tuple[slice, slice]
OVERLAP = 0.4
"""Of neighbouring regions of the largest size, about, as a share of their side."""
MOST_REGIONS = 7
"""Of the largest size, along the longer side."""


@dataclass(frozen=True)
class RMACPooling:
    """The sum of the unit vectors of regions, each the maximum over its cells ("R-MAC").

    Square regions of several sizes: at level l as wide as 2 · (shorter side) / (l + 1), l along the
    shorter side, and along the longer one as many more as let the largest overlap by two fifths.

    Attributes:
        levels: L, the number of sizes.

    Source: Tolias, Sicre, Jégou, "Particular Object Retrieval with Integral Max-Pooling of CNN
        Activations", ICLR 2016, section 3.2; without whitening, which is learnt.
    """

    levels: int = 3
    name: str = "rmac"

    def embed(self, F: Tensor) -> Tensor:
        """Σ_r m_r / |m_r|, where m_r is the maximum over region r; see `Pooling.embed`."""
        F = at_least_float32(F)
        vectors = [F[..., rows, columns, :].amax(CELLS) for rows, columns in self.regions(F)]
        return sum((m / norm(m)[..., None] for m in vectors), torch.zeros_like(vectors[0]))

    def contributions(self, F: Tensor) -> Tensor:
        """Σ_r of the cell's part of the maximum, over |m_r|; see `Pooling.contributions`."""
        F = at_least_float32(F)
        A = torch.zeros_like(F)
        for rows, columns in self.regions(F):
            part = MaxPooling().contributions(F[..., rows, columns, :])
            A[..., rows, columns, :] += part / norm(part.sum(CELLS))[..., None, None, None]
        return A

    def regions(self, F: Tensor) -> Iterator[Box]:
        """The regions of a feature map (..., H, W, C), as rows and columns of its cells."""
        rows, columns = F.shape[-3], F.shape[-2]
        more = _more_along(min(rows, columns), max(rows, columns))
        for level in range(1, self.levels + 1):
            side = 2 * min(rows, columns) // (level + 1)
            if side:
                for top in _begins(rows, side, level + (more if rows > columns else 0)):
                    for left in _begins(columns, side, level + (more if columns > rows else 0)):
                        yield slice(top, top + side), slice(left, left + side)


def _more_along(short: int, long: int) -> int:
    """How many regions more there are along the longer side than along the shorter one."""
    if short == long:
        return 0

    def miss(count: int) -> float:
        return abs(1 - (long - short) / (count - 1) / short - OVERLAP)

    return min(range(2, MOST_REGIONS + 1), key=miss) - 1


def _begins(length: int, side: int, count: int) -> list[int]:
    """Where so many regions begin, evenly from one end to the other."""
    step = (length - side) / (count - 1) if count > 1 else 0.0
    return [floor(place * step) for place in range(count)]


@dataclass(frozen=True)
class CroWPooling:
    """The sum over the cells, weighed by cell and by channel ("CroW").

    A cell weighs as the root of its share in all activation, α = (S / |S|)^½ with S the sum over
    channels; a channel the more, the rarer it is active, log(Σ Q / Q_c) with Q_c the share of the
    cells where it is.

    Attributes:
        eps: Added to each channel's share.

    Source: Kalantidis, Mellina, Osindero, "Cross-dimensional Weighting for Aggregated Deep
        Convolutional Features", ECCV 2016 workshops, sections 3.2 and 3.3; a = b = 2.
    """

    eps: float = 1e-6
    name: str = "crow"

    def embed(self, F: Tensor) -> Tensor:
        """β_c Σ α F_c; see `Pooling.embed`."""
        F = at_least_float32(F)
        weighed = torch.einsum("...hw,...hwc->...c", self.cell_weights(F), F)
        return self.channel_weights(F) * weighed

    def contributions(self, F: Tensor) -> Tensor:
        """β_c α F_c, with α and β as they are; see `Pooling.contributions`."""
        F = at_least_float32(F)
        return self.cell_weights(F)[..., None] * F * self.channel_weights(F)[..., None, None, :]

    def cell_weights(self, F: Tensor) -> Tensor:
        """α, (..., H, W), 0..1."""
        S = F.sum(-1).clamp_min(0)
        length = norm(S.flatten(-2))[..., None, None]
        return (S / length).sqrt()

    def channel_weights(self, F: Tensor) -> Tensor:
        """β, (..., C)."""
        Q = (F > 0).to(F.dtype).mean(CELLS) + self.eps
        return (Q.sum(-1, keepdim=True) / Q).log()
