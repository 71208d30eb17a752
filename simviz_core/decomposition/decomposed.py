"""The one value object: an image's embedding, decomposed over its cells."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from simviz_core.decomposition.pooling import (
    CELLS,
    Pooling,
    PoolingWithConstant,
    at_least_float32,
)

SMALLEST_NORM = 1e-12
"""Shorter embeddings count as zero: their similarity to anything, and every map of them, is 0."""


@dataclass(frozen=True)
class DecomposedImage:
    """An embedding e = Σ_xy A[x,y] + b, of one image or, with leading dimensions, of a batch.

    Attributes:
        contributions: Cell contributions A, (..., H, W, D), float32 or wider.
        embedding: e as the network pools it, (..., D). Kept beside A instead of being summed from
            it, so that the sum can be checked against it.
        constant: b, the part of e that belongs to no cell, (D,) or (..., D).
    """

    contributions: Tensor
    embedding: Tensor
    constant: Tensor

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells, (H, W)."""
        return self.contributions.shape[-3], self.contributions.shape[-2]

    @cached_property
    def norm(self) -> Tensor:
        """The length |e|, (...), at least `SMALLEST_NORM`."""
        return norm(self.embedding)

    @cached_property
    def unit_embedding(self) -> Tensor:
        """The unit embedding ê = e / |e|, (..., D)."""
        return self.embedding / self.norm[..., None]

    def __getitem__(self, index: int | slice) -> Self:
        """One image of a batch, or a part of the batch."""
        constant = self.constant if self.constant.dim() == 1 else self.constant[index]
        return type(self)(self.contributions[index], self.embedding[index], constant)

    def residual(self) -> Tensor:
        """The largest |Σ A + b − e| over the D components, relative to |e|, (...)."""
        difference = self.contributions.sum(CELLS) + self.constant - self.embedding
        return difference.abs().amax(-1) / self.norm


def decompose(F: Tensor, pooling: Pooling) -> DecomposedImage:
    """Decompose the embedding that a pooling rule makes of a feature map.

    Args:
        F: Feature map, (..., H, W, C), any floating dtype, with at least one cell.
        pooling: The rule.

    Returns:
        The decomposed image, with a constant of zero unless the rule has one.

    Raises:
        ValueError: F has fewer than three dimensions, or no cells.

    Source: the paper's equations 2 (average) and 4 (max).
    """
    if F.dim() < 3 or 0 in F.shape[-3:]:
        raise ValueError(f"expected a feature map of shape (..., H, W, C), not {tuple(F.shape)}")
    embedding = pooling.embed(F)
    if isinstance(pooling, PoolingWithConstant):
        contributions, constant = pooling.contributions_and_constant(F)
        return DecomposedImage(contributions, embedding, constant)
    constant = embedding.new_zeros(embedding.shape[-1])
    return DecomposedImage(pooling.contributions(F), embedding, constant)


def norm(embedding: Tensor) -> Tensor:
    """The length |e|, (...), of embeddings (..., D); at least `SMALLEST_NORM`."""
    return torch.linalg.vector_norm(at_least_float32(embedding), dim=-1).clamp_min(SMALLEST_NORM)


def unit_norm(embedding: Tensor) -> Tensor:
    """The unit embedding ê = e / |e|, (..., D), float32 or wider."""
    return at_least_float32(embedding) / norm(embedding)[..., None]


def cosine_similarity(e_i: Tensor, e_j: Tensor) -> Tensor:
    """The cosine of two embeddings.

    Args:
        e_i: Embeddings, (..., D).
        e_j: Embeddings, (..., D), broadcast against `e_i`.

    Returns:
        ê_i · ê_j, (...), -1..1.

    Source: the paper's equation 1.
    """
    return (unit_norm(e_i) * unit_norm(e_j)).sum(-1)
