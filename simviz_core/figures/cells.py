"""Blocks of cells with their maps on the other image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from simviz_core.figures.maps import (
    FigureStyle,
    add_colour_bar,
    colour_scale,
    overlay,
)
from simviz_core.pairs import BlockPart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TOGETHER = "contribution together with the framed cells"


def draw_block(
    figure: Figure,
    panels: Sequence[Axes],
    part: BlockPart,
    images: tuple[Image.Image, Image.Image],
    style: FigureStyle,
) -> None:
    """Draw a block on its image, and its map with the strongest partner on the other one.

    Args:
        figure: That the panels belong to.
        panels: For the query and for the match.
        part: The block.
        images: The query and the match, RGB.
        style: How the map is shown.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    block = part.block
    # Never shared with other cells' maps: beside the strongest one most would be black.
    scale = colour_scale(part.partner_map, colour_map=style.colour_map)
    own, other = (0, 1) if block.side == "query" else (1, 0)
    panels[own].imshow(images[own])
    panels[other].imshow(overlay(images[other], part.partner_map, scale, style))
    corners = (block.top, block.left, block.bottom, block.right)
    _frame(panels[own], images[own], part.pairs.map_of(block.side).shape, corners)
    row, column = part.partner
    _frame(panels[other], images[other], part.partner_map.shape, (row, column, row, column), ":")
    panels[own].set_title(f"{describe(part)}: {part.contribution:.4g}", fontsize=10)
    panels[other].set_title(
        f"strongest partner, row {row}, column {column}: {part.partner_contribution:.4g}",
        fontsize=10,
    )
    for panel in panels:
        panel.set_anchor("N")
        panel.set_axis_off()
    add_colour_bar(figure, list(panels), scale, TOGETHER)


def describe(part: BlockPart) -> str:
    """A block in words."""
    block = part.block
    if block.cells == 1:
        return f"{block.side}, row {block.top}, column {block.left}"
    return f"{block.side}, rows {block.top}–{block.bottom}, columns {block.left}–{block.right}"


def _frame(
    panel: Axes,
    image: Image.Image,
    grid: tuple[int, ...],
    corners: tuple[int, int, int, int],
    line: str = "-",
) -> None:
    """Frame the cells between the first and the last row and column."""
    from matplotlib.patches import Rectangle as Frame

    top, left, bottom, right = corners
    cell = np.array([image.width / grid[1], image.height / grid[0]])
    # Pixels are drawn around their centres, so that the image begins half a pixel before 0.
    corner = np.array([left, top]) * cell - 0.5
    size = np.array([right - left + 1, bottom - top + 1]) * cell
    for colour, width, pattern in (("black", 3.5, "-"), ("white", 1.8, line)):
        panel.add_patch(
            Frame(tuple(corner), *size, fill=False, edgecolor=colour, lw=width, ls=pattern)
        )
