"""Where a network keeps its cells: which dimension of a tensor is rows, columns, channels."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

MOST_PREFIX_TOKENS = 16
"""Class and register tokens stand before the patch tokens; no network has more of them."""
SMALLEST_CELL = 4
"""Width of a cell of any network's last feature map, in pixels, at the least."""


@dataclass(frozen=True)
class Layout:
    """How a tensor (N, …) holds a feature map.

    Attributes:
        order: Its dimensions after the first: "CHW", "HWC", "LC" or "CL", where L are the cells,
            row by row.
        grid: Rows and columns of cells, (H, W).
        prefix: In "LC" and "CL", how many tokens stand before the cells and are none.
    """

    order: str
    grid: tuple[int, int]
    prefix: int = 0

    @property
    def is_tokens(self) -> bool:
        """Whether the cells are tokens in a row."""
        return "L" in self.order

    def cells_first(self, values: Tensor) -> Tensor:
        """The feature map as (N, H, W, C)."""
        if self.order == "CHW":
            return values.permute(0, 2, 3, 1)
        if self.order == "HWC":
            return values
        tokens = values if self.order == "LC" else values.transpose(1, 2)
        return tokens[:, self.prefix :].unflatten(1, self.grid)

    def as_held(self, F: Tensor) -> Tensor:
        """A feature map (N, H, W, C) without tokens before it, as the tensor holds it."""
        if self.order == "HWC":
            return F
        if self.order == "CHW":
            return F.permute(0, 3, 1, 2)
        tokens = F.flatten(1, 2)
        return tokens if self.order == "LC" else tokens.transpose(1, 2)


def layouts(shape: tuple[int, ...], image: tuple[int, int]) -> Iterator[Layout]:
    """All the ways in which a tensor could hold a feature map of an image.

    The cells must tile the image evenly: as many pixels to a cell across as down, up to rounding.

    Args:
        shape: Of the tensor, (N, …).
        image: Height and width, in pixels.

    Yields:
        The ways, the more usual first; none for a tensor that holds no more than one cell.
    """
    if len(shape) == 4:
        for order, grid in (("CHW", (shape[2], shape[3])), ("HWC", (shape[1], shape[2]))):
            if _tiles(grid, image):
                yield Layout(order, grid)
    elif len(shape) == 3:
        for order, count in (("LC", shape[1]), ("CL", shape[2])):
            for prefix in range(min(MOST_PREFIX_TOKENS + 1, count)):
                found = _grid_of(count - prefix, image)
                if found:
                    yield Layout(order, found, prefix)


def _tiles(grid: tuple[int, int], image: tuple[int, int]) -> bool:
    rows, columns = grid
    if not 2 <= rows * columns <= image[0] * image[1] / SMALLEST_CELL**2:
        return False
    # Within one cell of an even tiling, as padding and rounding in the network allow.
    pixels = (image[0] * image[1] / (rows * columns)) ** 0.5
    return abs(image[0] / pixels - rows) < 1 and abs(image[1] / pixels - columns) < 1


def _grid_of(count: int, image: tuple[int, int]) -> tuple[int, int] | None:
    """The rows and columns of so many cells, if they tile the image."""
    if count < 2:
        return None
    pixels = (image[0] * image[1] / count) ** 0.5
    grid = round(image[0] / pixels), round(image[1] / pixels)
    return grid if grid[0] * grid[1] == count and _tiles(grid, image) else None
