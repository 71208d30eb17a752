"""Pooling rules: the embedding of a feature map, and what each cell contributes to it.

Each rule has two methods that are written independently of each other: `embed` pools, as the
network does, and `contributions` splits the result over the cells. That the second sums to the
first is what every map in SimViz rests on.

A feature map `F` has the shape (..., H, W, C): leading batch dimensions, cells, channels.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

CELLS = (-3, -2)
"""The dimensions of a feature map that are pooled away: rows and columns of cells."""


class Pooling(Protocol):
    """A rule that turns a feature map into an embedding that is a sum over its cells."""

    @property
    def name(self) -> str:
        """The rule's name as it is chosen on the pages and the command line."""

    def embed(self, F: Tensor) -> Tensor:
        """Pool a feature map.

        Args:
            F: Feature map, (..., H, W, C), any floating dtype.

        Returns:
            The embedding, (..., C), float32 or wider.
        """

    def contributions(self, F: Tensor) -> Tensor:
        """Split the embedding over the cells.

        Args:
            F: Feature map, (..., H, W, C), any floating dtype.

        Returns:
            Cell contributions, (..., H, W, C), float32 or wider; their sum over the cells is
            `embed(F)`.
        """


@runtime_checkable
class PoolingWithConstant(Pooling, Protocol):
    """A rule whose embedding has a part that belongs to no cell, and differs between images."""

    def contributions_and_constant(self, F: Tensor) -> tuple[Tensor, Tensor]:
        """Split the embedding over the cells, and what belongs to none.

        Args:
            F: Feature map, (..., H, W, C), any floating dtype.

        Returns:
            Cell contributions, (..., H, W, D), and the constant, (..., D).
        """


def at_least_float32(values: Tensor) -> Tensor:
    """Widen half precision (and integers) to float32; leave float32 and float64 as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


@dataclass(frozen=True)
class AveragePooling:
    """The mean over the cells ("SPoC" in retrieval). Source: the paper's equation 2."""

    name: str = "average"

    def embed(self, F: Tensor) -> Tensor:
        """The mean of each channel; see `Pooling.embed`."""
        return at_least_float32(F).mean(CELLS)

    def contributions(self, F: Tensor) -> Tensor:
        """F / (H·W); see `Pooling.contributions`."""
        return at_least_float32(F) / (F.shape[-3] * F.shape[-2])


@dataclass(frozen=True)
class SumPooling:
    """The sum over the cells."""

    name: str = "sum"

    def embed(self, F: Tensor) -> Tensor:
        """The sum of each channel; see `Pooling.embed`."""
        return at_least_float32(F).sum(CELLS)

    def contributions(self, F: Tensor) -> Tensor:
        """F itself; see `Pooling.contributions`."""
        return at_least_float32(F)


@dataclass(frozen=True)
class MaxPooling:
    """The maximum over the cells ("MAC" in retrieval). Source: the paper's equations 4 to 6."""

    name: str = "max"

    def embed(self, F: Tensor) -> Tensor:
        """The maximum of each channel; see `Pooling.embed`."""
        return at_least_float32(F).amax(CELLS)

    def contributions(self, F: Tensor) -> Tensor:
        """F / N_c where F is the channel's maximum, else 0; N_c cells tie for it."""
        F = at_least_float32(F)
        is_maximum = F.amax(CELLS, keepdim=True) == F
        return torch.where(is_maximum, F / is_maximum.sum(CELLS, keepdim=True), 0.0)


@dataclass(frozen=True)
class GeMPooling:
    """The generalised mean over the cells, (mean of max(F, ε)^p)^(1/p).

    p = 1 is the average of the clamped map; towards p = ∞ it becomes the maximum. Powers are taken
    of F relative to the channel's maximum, so that no p over- or underflows.

    Attributes:
        p: The exponent, greater than 0: one number, or one for each channel, (C,).
        clamp: ε, greater than 0: the smallest value that enters the mean.

    Source: Radenović, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation",
        TPAMI 2019, equation 3.
    """

    p: float | Tensor = 3.0
    clamp: float = 1e-6
    name: str = "gem"

    def __post_init__(self) -> None:
        if not bool((torch.as_tensor(self.p) > 0).all()) or not self.clamp > 0:
            raise ValueError(f"GeM needs p > 0 and a clamp > 0, not p={self.p}, clamp={self.clamp}")

    def embed(self, F: Tensor) -> Tensor:
        """The generalised mean of each channel; see `Pooling.embed`."""
        maximum, relative_power = self._relative_power(F)
        return maximum.squeeze(CELLS) * relative_power.mean(CELLS) ** (1 / self._exponent(F))

    def contributions(self, F: Tensor) -> Tensor:
        """e_c · max(F,ε)^p / Σ max(F,ε)^p; see `Pooling.contributions`."""
        _, relative_power = self._relative_power(F)
        e = self.embed(F)[..., None, None, :]
        return e * relative_power / relative_power.sum(CELLS, keepdim=True)

    def _relative_power(self, F: Tensor) -> tuple[Tensor, Tensor]:
        """The channel's clamped maximum m, (..., 1, 1, C), and (max(F,ε) / m)^p, in 0..1."""
        clamped = at_least_float32(F).clamp_min(self.clamp)
        maximum = clamped.amax(CELLS, keepdim=True)
        return maximum, (clamped / maximum) ** self._exponent(F)

    def _exponent(self, F: Tensor) -> Tensor:
        return at_least_float32(torch.as_tensor(self.p, device=F.device))
