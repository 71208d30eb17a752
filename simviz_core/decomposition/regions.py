"""Rectangles on an image: how much of each cell they cover, and what they contribute."""

from collections.abc import Sequence

import torch
from torch import Tensor

from simviz_core.decomposition.decomposed import DecomposedImage

Rectangle = tuple[float, float, float, float]
"""Corners (x0, y0, x1, y1), in either order, in the unit of the extent that they lie in."""


def region_weights(
    include: Sequence[Rectangle],
    grid: tuple[int, int],
    extent: tuple[float, float],
    exclude: Sequence[Rectangle] = (),
) -> Tensor:
    """The exact share of each cell that a drawn region covers.

    The region is the union of the included rectangles without the excluded ones; with nothing
    included it is the whole image without the excluded ones. What overlaps counts once; what lies
    outside the image is cut off.

    Args:
        include: Rectangles, R of them.
        grid: Rows and columns of cells, (H, W).
        extent: Width and height of the image, in the unit of the rectangles (say, pixels).
        exclude: Rectangles to leave out.

    Returns:
        Weights w, (H, W), float64, 0..1.

    Raises:
        ValueError: An extent that is not positive, or a corner that is not a finite number.
    """
    width, height = extent
    if not (width > 0 and height > 0):
        raise ValueError(f"the image's extent must be positive, not {width} x {height}")
    rows, columns = grid
    to_cells = torch.tensor([columns / width, rows / height] * 2, dtype=torch.float64)
    included = _in_cells(include or [(0, 0, width, height)], to_cells, grid)
    excluded = _in_cells(exclude, to_cells, grid)

    # Between neighbouring edges, of cells or of rectangles, a patch is covered wholly or not at
    # all; summing the areas of the covered patches is exact, whatever overlaps.
    x = _edges(columns, included[:, 0::2], excluded[:, 0::2])
    y = _edges(rows, included[:, 1::2], excluded[:, 1::2])
    covered = _covers(included, x, y) & ~_covers(excluded, x, y)
    return _lengths(y, rows) @ covered.to(torch.float64) @ _lengths(x, columns).mT


def region_embedding(i: DecomposedImage, weights: Tensor) -> Tensor:
    """The vector whose product with any unit embedding is the region's score.

    Args:
        i: The image that the region is drawn on.
        weights: Share of each cell that the region covers, (H, W) or (..., H, W), 0..1.

    Returns:
        q_R = Σ_xy w[x,y] A_i[x,y] / |e_i|, (..., D).
    """
    weights = weights.to(i.contributions)
    return torch.einsum("...hw,...hwd->...d", weights, i.contributions) / i.norm[..., None]


def region_score(i: DecomposedImage, j: DecomposedImage, weights: Tensor) -> Tensor:
    """The part of the similarity of i and j that a region of image i carries.

    Args:
        i: The image that the region is drawn on.
        j: The image that it is compared with.
        weights: Share of each cell that the region covers, (H, W) or (..., H, W), 0..1.

    Returns:
        s_R = q_R · ê_j = Σ_xy w[x,y] M_i|j[x,y], (...). For the whole image this is the
        similarity, up to the bias term, which belongs to no region.

    Source: the paper's section 4.5.
    """
    return (region_embedding(i, weights) * j.unit_embedding).sum(-1)


def _in_cells(rectangles: Sequence[Rectangle], to_cells: Tensor, grid: tuple[int, int]) -> Tensor:
    """Rectangles as (R, 4) with ordered corners, in cells, cut off at the grid's edge."""
    corners = torch.tensor(rectangles, dtype=torch.float64).reshape(-1, 4)
    if not bool(corners.isfinite().all()):
        raise ValueError("the corners of a rectangle must be finite numbers")
    corners = corners * to_cells
    low, high = (
        torch.minimum(corners[:, :2], corners[:, 2:]),
        torch.maximum(corners[:, :2], corners[:, 2:]),
    )
    limits = torch.tensor([grid[1], grid[0]], dtype=torch.float64)
    return torch.cat([low, high], dim=1).clamp_min(0).minimum(limits.repeat(2))


def _edges(cells: int, *edges: Tensor) -> Tensor:
    """All the edges along one axis, sorted: of the cells and of the rectangles, (K + 1,)."""
    of_cells = torch.arange(cells + 1, dtype=torch.float64)
    return torch.cat([of_cells, *(e.flatten() for e in edges)]).unique()


def _covers(rectangles: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Whether any rectangle, (R, 4), covers the patches between the edges; (K_y, K_x), bool."""
    middle_x, middle_y = (x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2
    x0, y0, x1, y1 = (corner[:, None] for corner in rectangles.unbind(1))
    along_x = (x0 < middle_x) & (middle_x < x1)
    along_y = (y0 < middle_y) & (middle_y < y1)
    return (along_y[:, :, None] & along_x[:, None, :]).any(0)


def _lengths(edges: Tensor, cells: int) -> Tensor:
    """The length of each patch in the row of the cell that it lies in, (cells, K), in cells."""
    lengths = edges.diff()
    cell = edges[:-1].floor().to(torch.int64)
    return torch.nn.functional.one_hot(cell, cells).to(torch.float64).mT * lengths
