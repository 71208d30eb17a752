"""Cell to cell: which cells of one image a cell of the other one pairs with, and how strongly.

The similarity is a sum over all pairs of a cell of the query and a cell of the match. A block of
cells of either image has its own map on the other image: its part of those pairs.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.decomposition import (
    DecomposedImage,
    cell_to_cell,
    cell_to_constant,
    similarity,
    similarity_map,
    similarity_without,
)
from simviz_core.errors import SettingsError

Side = Literal["query", "match"]
BLOCK = re.compile(r"(query|match),(\d{1,4}),(\d{1,4})(?:,(\d{1,4}),(\d{1,4}))?")
"""How a block is written: its first cell's row and column, and its last one's if it has several."""


@dataclass(frozen=True)
class CellBlock:
    """A cell of one image, or a rectangle of cells; rows and columns count from 0.

    Attributes:
        side: The image that it lies on.
        top: First row.
        left: First column.
        bottom: Last row, which belongs to it.
        right: Last column, which belongs to it.
    """

    side: Side
    top: int
    left: int
    bottom: int
    right: int

    @property
    def cells(self) -> int:
        """How many cells it has."""
        return (self.bottom - self.top + 1) * (self.right - self.left + 1)

    @property
    def swapped(self) -> "CellBlock":
        """The same block, once its image is the other one of the pair."""
        return replace(self, side="match" if self.side == "query" else "query")

    def lies_in(self, grid: tuple[int, ...]) -> bool:
        """Whether a grid of so many rows and columns has all of its cells."""
        return self.bottom < grid[0] and self.right < grid[1]

    def weights(self, grid: tuple[int, int]) -> torch.Tensor:
        """1 for each of its cells, else 0, (H, W), float64."""
        weights = torch.zeros(grid, dtype=torch.float64)
        weights[self.top : self.bottom + 1, self.left : self.right + 1] = 1
        return weights

    def __str__(self) -> str:
        """As `cell_block` reads it."""
        corners = [self.top, self.left]
        if self.cells > 1:
            corners += [self.bottom, self.right]
        return ",".join([self.side, *map(str, corners)])


def block_around(weights: torch.Tensor, side: Side) -> CellBlock:
    """The smallest block that holds every cell that a region covers at least by half.

    Args:
        weights: The region's share of each cell, (H, W), 0..1, not all zero. Where no cell is
            covered by half, the one that is covered most counts.
        side: The image that the region lies on.
    """
    rows, columns = torch.nonzero(weights >= min(0.5, weights.max().item()), as_tuple=True)
    corners = (int(c) for c in (rows.min(), columns.min(), rows.max(), columns.max()))
    return CellBlock(side, *corners)


def cell_block(text: str) -> CellBlock:
    """Read a block, such as `query,3,5` or `match,0,0,1,2`.

    Raises:
        SettingsError: It is written otherwise.
    """
    found = BLOCK.fullmatch(text)
    if found is None:
        raise SettingsError(
            f"{text!r} is no cell; write query,ROW,COLUMN or match,ROW,COLUMN, counted from 0, or "
            "query,ROW,COLUMN,LAST_ROW,LAST_COLUMN for several cells"
        )
    side, *corners = found.groups()
    # One cell is its own last one.
    corners = corners[:2] + (corners[:2] if corners[2] is None else corners[2:])
    numbers = [int(corner) for corner in corners]
    (top, bottom), (left, right) = sorted(numbers[0::2]), sorted(numbers[1::2])
    return CellBlock(cast(Side, side), top, left, bottom, right)


@dataclass(frozen=True, eq=False)
class CellPairs:
    """What every pair of a cell of the query and a cell of the match contributes.

    Attributes:
        values: P, (H, W, H', W'), float32. Summed over the cells of the match and with
            `query_rest` added it is `query_map`; over those of the query likewise.
        query_map: What each cell of the query contributes to the similarity, (H, W), float32.
        match_map: What each cell of the match contributes to it, (H', W'), float32.
        query_rest: The part of `query_map` that belongs to no cell of the match, (H, W); 0 unless
            a bias follows the pooling.
        match_rest: The part of `match_map` that belongs to no cell of the query, (H', W').
        similarity: The cosine of the two embeddings.
    """

    values: NDArray[np.float32]
    query_map: NDArray[np.float32]
    match_map: NDArray[np.float32]
    query_rest: NDArray[np.float32]
    match_rest: NDArray[np.float32]
    similarity: float

    def map_of(self, side: Side) -> NDArray[np.float32]:
        """The similarity map of one image."""
        return self.query_map if side == "query" else self.match_map

    def rest_of(self, side: Side) -> NDArray[np.float32]:
        """What the cells of one image owe to no cell of the other one."""
        return self.query_rest if side == "query" else self.match_rest


def cell_pairs(query: DecomposedImage, match: DecomposedImage) -> CellPairs:
    """Split the similarity of two decomposed images over all pairs of cells.

    Args:
        query: One image, contributions (H, W, D).
        match: One image, contributions (H', W', D).

    Returns:
        The pairs.

    Source: the paper's equation 3, before its sums are taken.
    """
    return CellPairs(
        values=cell_to_cell(query, match).numpy(force=True),
        query_map=similarity_map(query, match).numpy(force=True),
        match_map=similarity_map(match, query).numpy(force=True),
        query_rest=cell_to_constant(query, match).numpy(force=True),
        match_rest=cell_to_constant(match, query).numpy(force=True),
        similarity=similarity(query, match).item(),
    )


@dataclass(frozen=True, eq=False)
class BlockPart:
    """What a block of cells contributes to the similarity, and through which cells of the other.

    Attributes:
        pairs: All the pairs of cells.
        block: The block.
        without: What the similarity would be without its cells; None where that was not asked.
    """

    pairs: CellPairs
    block: CellBlock
    without: float | None = None

    @property
    def lost(self) -> float | None:
        """What similarity would be lost without its cells; negative where it would be higher."""
        return None if self.without is None else self.pairs.similarity - self.without

    @cached_property
    def partner_map(self) -> NDArray[np.float32]:
        """What it contributes together with each cell of the other image, (H', W')."""
        block = self.block
        rows, columns = slice(block.top, block.bottom + 1), slice(block.left, block.right + 1)
        if block.side == "query":
            total = self.pairs.values[rows, columns].sum((0, 1), dtype=np.float64)
        else:
            total = self.pairs.values[..., rows, columns].sum((2, 3), dtype=np.float64)
        return total.astype(np.float32)

    @property
    def contribution(self) -> float:
        """What it contributes to the similarity: the sum of its image's map over it."""
        return self._sum(self.pairs.map_of(self.block.side))

    @property
    def rest(self) -> float:
        """The part of its contribution that belongs to no cell of the other image."""
        return self._sum(self.pairs.rest_of(self.block.side))

    @property
    def partner(self) -> tuple[int, int]:
        """Row and column of the strongest cell of its map; the first one of equals."""
        row, column = np.unravel_index(self.partner_map.argmax(), self.partner_map.shape)
        return int(row), int(column)

    @property
    def partner_contribution(self) -> float:
        """What it contributes together with that cell."""
        return float(self.partner_map[self.partner])

    def _sum(self, values: NDArray[np.float32]) -> float:
        block = self.block
        part = values[block.top : block.bottom + 1, block.left : block.right + 1]
        return float(part.sum(dtype=np.float64))


def block_part(
    pairs: CellPairs,
    block: CellBlock,
    images: tuple[DecomposedImage, DecomposedImage] | None = None,
) -> BlockPart:
    """What a block of cells contributes.

    Args:
        pairs: All the pairs of cells.
        block: The block.
        images: The query and the match, which say what the similarity would be without the block.

    Raises:
        SettingsError: The image has no such cells.
    """
    grid = pairs.map_of(block.side).shape
    if not block.lies_in(grid):
        raise SettingsError(
            f"the {block.side} has no cell {block}; its grid has {grid[0]} rows and {grid[1]} "
            "columns, counted from 0"
        )
    return BlockPart(pairs, block, None if images is None else without_block(*images, block))


def without_block(query: DecomposedImage, match: DecomposedImage, block: CellBlock) -> float:
    """What the similarity would be without a block of cells, in closed form.

    A block that contributes may hold the similarity down all the same: without it the embedding is
    shorter, and the rest counts for more.

    Args:
        query: One image.
        match: One image.
        block: Of cells that its image has.

    Returns:
        cos(e − A_R, e_other), −1..1.
    """
    own, other = (query, match) if block.side == "query" else (match, query)
    return similarity_without(own, other, block.weights(own.grid)).item()


def block_as_json(part: BlockPart) -> dict[str, Any]:
    """The part of a block as JSON-ready values.

    Returns:
        `image`, `rows` and `columns` (first and last), its `contribution`, where it was asked the
        similarity `without` it and what is `lost` then, the `rest` of its contribution that
        belongs to no cell of the other image, the strongest `partner` with its `contribution` and
        the `share` that this is (None of a contribution of 0), and its `map` on the other image.
    """
    block, whole = part.block, part.contribution
    row, column = part.partner
    return {
        "image": block.side,
        "rows": [block.top, block.bottom],
        "columns": [block.left, block.right],
        "contribution": whole,
        **({} if part.without is None else {"without": part.without, "lost": part.lost}),
        "rest": part.rest,
        "partner": {
            "row": row,
            "column": column,
            "contribution": part.partner_contribution,
            "share": part.partner_contribution / whole if whole else None,
        },
        "map": part.partner_map.tolist(),
    }
