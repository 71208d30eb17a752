"""The figure of classes: their images with class maps, and what tells two classes apart."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simviz_core.figures.maps import (
    ColourScale,
    FigureStyle,
    MapScales,
    add_colour_bar,
    contrast_legend,
    overlay,
    shortened,
)
from simviz_core.figures.text import PNG, as_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

COLUMNS = 6
"""Images beside one another."""
CAPTION = 26
"""Characters that fit over an image."""
CLASS_MAP_LABEL = "contribution of a cell to the mean\nsimilarity with the class's other images"


@dataclass(frozen=True)
class ClassPanel:
    """An image with its class map.

    Attributes:
        picture: RGB.
        caption: Over the picture.
        values: The class map divided by the number of images that it is summed over, (H, W).
        contrast: The contrast map, (H, W); None where there is none.
        contrast_caption: Over the contrast map.
    """

    picture: Image.Image
    caption: str
    values: NDArray[np.float32]
    contrast: NDArray[np.float32] | None = None
    contrast_caption: str = ""


@dataclass(frozen=True)
class ClassBlock:
    """The images of one class.

    Attributes:
        title: Over all of them.
        panels: At least one.
        contrasted: The two classes of the contrast maps, the one that is subtracted last; None
            where there are none.
    """

    title: str
    panels: tuple[ClassPanel, ...]
    contrasted: tuple[str, str] | None = None


def class_figure(
    blocks: Sequence[ClassBlock],
    settings: str,
    style: FigureStyle,
    file_format: str = PNG,
    meaning: str = "",
) -> bytes:
    """Draw one class, or two of them one under the other.

    Args:
        blocks: At least one.
        settings: The network, in words.
        style: How the maps are shown; a shared scale is one for all class maps, and another one
            for all contrast maps.
        file_format: One of `FILE_FORMATS`.
        meaning: What the colours of the lower maps mean, in a sentence.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.

    Source: the paper's Figure 8.
    """
    from matplotlib.figure import Figure

    panels = [panel for block in blocks for panel in block.panels]
    columns = min(COLUMNS, max(len(block.panels) for block in blocks))
    lines = [_lines(block, columns) for block in blocks]
    scales = MapScales.of_maps([panel.values for panel in panels], style)
    contrasts = [panel.contrast for panel in panels if panel.contrast is not None]
    contrast_scales = MapScales.of_contrasts(contrasts, style)
    figure = Figure(
        figsize=(1.6 + 2.5 * columns, 0.5 + sum(0.6 + 2.15 * count for count in lines)),
        layout="constrained",
    )
    figure.suptitle(settings, fontsize=10, color="0.35")
    if meaning:
        lines_of_text = textwrap.wrap(f"Lower maps: {meaning}", 32 * columns + 20)
        figure.supxlabel("\n".join(lines_of_text), fontsize=8, color="0.35")
    parts = figure.subfigures(len(blocks), 1, height_ratios=lines, squeeze=False)[:, 0]
    for part, block in zip(parts, blocks, strict=True):
        _draw_block(part, block, columns, (scales, contrast_scales), style)
    return as_file(figure, 130, file_format)


def _lines(block: ClassBlock, columns: int) -> int:
    """Rows of pictures."""
    return math.ceil(len(block.panels) / columns) * (2 if block.contrasted else 1)


def _draw_block(
    part: SubFigure,
    block: ClassBlock,
    columns: int,
    scales: tuple[MapScales, MapScales],
    style: FigureStyle,
) -> None:
    part.suptitle(block.title, fontsize=11)
    grid = part.subplots(_lines(block, columns), columns, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    step = 2 if block.contrasted else 1
    class_scales, contrast_scales = scales
    for number, panel in enumerate(block.panels):
        line, column = divmod(number, columns)
        axis = grid[step * line, column]
        axis.imshow(overlay(panel.picture, panel.values, class_scales.of(panel.values), style))
        axis.set_title(shortened(panel.caption, CAPTION), fontsize=9)
        if panel.contrast is not None:
            lower = grid[step * line + 1, column]
            scale = contrast_scales.of(panel.contrast)
            lower.imshow(overlay(panel.picture, panel.contrast, scale, style))
            lower.set_title(shortened(panel.contrast_caption, CAPTION), fontsize=9)
    if class_scales.shared:
        _add_bars(part, block, grid, class_scales.shared, contrast_scales.shared)


def _add_bars(
    part: SubFigure,
    block: ClassBlock,
    grid: NDArray[np.object_],
    scale: ColourScale,
    contrast_scale: ColourScale | None,
) -> None:
    if block.contrasted is None or contrast_scale is None:
        add_colour_bar(part, grid.ravel().tolist(), scale, CLASS_MAP_LABEL)
        return
    upper: list[Axes] = grid[::2].ravel().tolist()
    lower: list[Axes] = grid[1::2].ravel().tolist()
    add_colour_bar(part, upper, scale, CLASS_MAP_LABEL)
    legend = contrast_legend(*(shortened(label, CAPTION) for label in block.contrasted))
    add_colour_bar(part, lower, contrast_scale, legend.replace(" · ", "\n"))
