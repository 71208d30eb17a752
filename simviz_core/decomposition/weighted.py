"""Poolings with weights of their own: linear maps of every cell, and attention.

All are poolings in the sense of `Pooling`: an embedding that is a sum over cells. What is added
to that sum (a bias) belongs to no cell and is left to an affine tail.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simviz_core.decomposition.pooling import CELLS, at_least_float32


@dataclass(frozen=True)
class PerCellLinear:
    """Flattening a feature map and multiplying it with a matrix: each cell has its own block.

    Attributes:
        weight: W, (D, C, H, W): the matrix (D, C·H·W) of the fully connected layer.
    """

    weight: Tensor
    name: str = "flatten"

    def embed(self, F: Tensor) -> Tensor:
        """W vec(F), (..., D); see `Pooling.embed`.

        Raises:
            ValueError: F has another grid than the layer was made for.
        """
        F = self._checked(F)
        return F.movedim(-1, -3).flatten(-3) @ self.weight.to(F).flatten(1).mT

    def contributions(self, F: Tensor) -> Tensor:
        """The block of each cell times F there, (..., H, W, D); see `Pooling.contributions`."""
        F = self._checked(F)
        weight = self.weight.to(F)
        rows, columns = weight.shape[-2:]
        # Cell by cell: the whole matrix, cell by cell, would be another copy of it.
        blocks = [
            F[..., y, x, :] @ weight[:, :, y, x].mT for y in range(rows) for x in range(columns)
        ]
        return torch.stack(blocks, -2).unflatten(-2, (rows, columns))

    def _checked(self, F: Tensor) -> Tensor:
        expected = (*self.weight.shape[-2:], self.weight.shape[1])
        if tuple(F.shape[-3:]) != expected:
            raise ValueError(
                f"the layer after the flattening is for a feature map of {expected} (rows, "
                f"columns, channels), not {tuple(F.shape[-3:])}"
            )
        return at_least_float32(F)


@dataclass(frozen=True)
class DepthwisePooling:
    """A weighted sum over the cells, with weights of its own for each channel.

    A convolution by channels that is as large as the feature map, as heads of mobile face networks
    have in the place of the mean.

    Attributes:
        weight: w, (C, H, W).

    Source: Chen et al., "MobileFaceNets", CCBR 2018, section 3.1 (global depthwise convolution).
    """

    weight: Tensor
    name: str = "depthwise"

    def embed(self, F: Tensor) -> Tensor:
        """Σ w_c F_c over the cells, (..., C); see `Pooling.embed`."""
        return torch.einsum("...hwc,chw->...c", self._checked(F), self.weight.to(F))

    def contributions(self, F: Tensor) -> Tensor:
        """w_c F_c, (..., H, W, C); see `Pooling.contributions`."""
        return self._checked(F) * self.weight.to(F).permute(1, 2, 0)

    def _checked(self, F: Tensor) -> Tensor:
        expected = (*self.weight.shape[-2:], self.weight.shape[0])
        if tuple(F.shape[-3:]) != expected:
            raise ValueError(
                f"the convolution is for a feature map of {expected} (rows, columns, channels), "
                f"not {tuple(F.shape[-3:])}"
            )
        return at_least_float32(F)


@dataclass(frozen=True)
class AttentionPooling:
    """A mean over the cells, weighted by attention: e = Σ a·V for each head.

    The weights a depend on the image; a cell's contribution takes them as they are ("frozen"), as
    it takes the length |e|. The projection after the heads is left to a tail.

    Attributes:
        heads: Number of heads; the D components are theirs, one after the other.
        key: K's weight and bias, (D, C) and (D,).
        value: V's weight and bias, (D, C) and (D,).
        query: A learnt query, (D,), scaled as the network does not; or its weight, (D, C), for
            networks whose query is the mean cell (CLIP's ResNets).
        query_bias: (D,), with a weight.
        position: Added to the cells before anything else: (H·W, C), or (1 + H·W, C) with the mean
            cell's first; None for none.

    Source: Zhai et al., "Scaling Vision Transformers", 2022 (a learnt query); Radford et al.,
        "Learning Transferable Visual Models", 2021, section 2.4 (the mean cell as query).
    """

    heads: int
    key: tuple[Tensor, Tensor]
    value: tuple[Tensor, Tensor]
    query: Tensor
    query_bias: Tensor | None = None
    position: Tensor | None = None
    name: str = "attention"

    @property
    def has_mean_cell(self) -> bool:
        """Whether the mean cell is the query, and one of the cells that are attended to."""
        return self.query.dim() == 2

    def embed(self, F: Tensor) -> Tensor:
        """The heads' weighted means, (..., D); see `Pooling.embed`."""
        cells = self._cells(F)
        q, k, v = self._queries(cells), self._split(cells, self.key), self._split(cells, self.value)
        pooled = nn.functional.scaled_dot_product_attention(q, k, v)
        return pooled.transpose(-3, -2).flatten(-2).squeeze(-2)

    def contributions(self, F: Tensor) -> Tensor:
        """a·V of each cell, (..., H, W, D); see `Pooling.contributions`.

        The mean cell's share goes back to the cells that it is the mean of, in equal parts of
        the weight: a_0 V(mean of x) = Σ a_0 V(x) / HW.
        """
        cells = self._cells(F)
        q, k = self._queries(cells), self._split(cells, self.key)
        scores = (q * k).sum(-1) / k.shape[-1] ** 0.5
        weights = scores.softmax(-1)  # (..., heads, cells)
        if not self.has_mean_cell:
            values = self._split(cells, self.value)
        else:
            # Without the positions, which the mean cell has its own of.
            plain = at_least_float32(F).flatten(*CELLS)
            of_mean = self._split(plain, self.value) + self._position_of_mean()
            values = self._split(cells, self.value)[..., 1:, :]
            share = weights[..., :1] / plain.shape[-2]
            weights, mean = weights[..., 1:], share[..., None] * of_mean
        parts = weights[..., None] * values
        if self.has_mean_cell:
            parts = parts + mean
        return parts.transpose(-3, -2).flatten(-2).unflatten(-2, F.shape[-3:-1])

    def _cells(self, F: Tensor) -> Tensor:
        """What is attended to, (..., cells, C), the mean cell first where there is one."""
        cells = at_least_float32(F).flatten(*CELLS)
        if self.has_mean_cell:
            cells = torch.cat([cells.mean(-2, keepdim=True), cells], -2)
        return cells if self.position is None else cells + self.position.to(cells)

    def _queries(self, cells: Tensor) -> Tensor:
        """One query for each head, (..., heads, 1, D / heads)."""
        if self.has_mean_cell:
            assert self.query_bias is not None
            return self._split(cells[..., :1, :], (self.query, self.query_bias))
        query = self.query.to(cells).unflatten(-1, (self.heads, 1, -1))
        return query.expand(*cells.shape[:-2], *query.shape)

    def _split(self, cells: Tensor, layer: tuple[Tensor, Tensor]) -> Tensor:
        """A linear layer on every cell, by heads: (..., heads, cells, D / heads)."""
        weight, bias = layer
        projected = nn.functional.linear(cells, weight.to(cells), bias.to(cells))
        return projected.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def _position_of_mean(self) -> Tensor:
        """What the mean cell's position adds to its value, (heads, 1, D / heads)."""
        if self.position is None:
            return torch.zeros(())
        weight, _ = self.value
        return (weight @ self.position[0].to(weight)).unflatten(-1, (self.heads, 1, -1))
