"""The figures of the checks on the spot: a part is blanked, all cells are, and what a cell sees."""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from simviz_core.figures.maps import (
    FigureStyle,
    MapScales,
    add_colour_bar,
    colour_scale,
    overlay,
)
from simviz_core.figures.text import PNG, as_file, visible

OUTLINE, CELL = "#f5b301", "#ffffff"
"""Around what can reach a cell, and around the cell itself."""
LINE = 120
"""Characters that fit under a figure."""

Map = NDArray[np.float32]


def occlusion_panels(
    picture: Image.Image, before: Map, blanked: Image.Image, after: Map, style: FigureStyle
) -> tuple[list[tuple[Image.Image, str]], MapScales]:
    """What an occlusion check shows: what the network saw, its map, and the map before.

    Args:
        picture: The whole image, RGB.
        before: Its map, (H, W).
        blanked: What the network saw, RGB; shown as large as the picture.
        after: The map of that, (H, W).
        style: How maps are shown.

    Returns:
        Pictures with their captions, and the scales of both maps.
    """
    scales = MapScales.of_maps([before, after], style)
    seen = blanked.resize(picture.size, Image.Resampling.BICUBIC)
    panels = [
        (seen, "What the network saw"),
        (overlay(seen, after, scales.of(after), style), "Its map"),
        (overlay(picture, before, scales.of(before), style), "The map before"),
    ]
    return panels, scales


def occlusion_figure(
    picture: Image.Image,
    maps: tuple[Map, Map],
    blanked: Image.Image,
    words: tuple[str, str, str],
    style: FigureStyle,
    file_format: str = PNG,
) -> bytes:
    """An occlusion check: what the network saw, its map and the map before.

    Args:
        picture: The whole image, RGB.
        maps: Before and after, (H, W) each.
        blanked: What the network saw, RGB.
        words: What was blanked, the predicted beside the real change, and what to keep in mind.
        style: How maps are shown.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.
    """
    from matplotlib.figure import Figure

    panels, scales = occlusion_panels(picture, maps[0], blanked, maps[1], style)
    height = 3.4 * min(max(picture.height / picture.width, 0.3), 1.6)
    figure = Figure(figsize=(11.5, height + 1.6), layout="constrained")
    axes = figure.subplots(1, len(panels))
    for axis, (shown, caption) in zip(axes, panels, strict=True):
        axis.imshow(shown)
        axis.set_title(caption, fontsize=9)
        axis.set_axis_off()
    if scales.shared:
        add_colour_bar(figure, list(axes), scales.shared)
    figure.suptitle(f"{_wrapped(words[0])}\n{words[1]}", fontsize=10)
    figure.supxlabel(_wrapped(words[2]), fontsize=8, color="0.35")
    return as_file(figure, 130, file_format)


def scatter_figure(
    predicted: Map, real: Map, words: tuple[str, str], file_format: str = PNG
) -> bytes:
    """Predicted against real changes, a point for each cell, with the diagonal.

    Args:
        predicted: (H, W).
        real: (H, W).
        words: Over it and under it.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 5.6), layout="constrained")
    axis = figure.subplots()
    ends = [min(predicted.min(), real.min()), max(predicted.max(), real.max())]
    axis.plot(ends, ends, ":", color="0.5")
    axis.scatter(predicted.ravel(), real.ravel(), s=22, alpha=0.75)
    axis.set_xlabel("predicted change of the similarity")
    axis.set_ylabel("real change")
    figure.suptitle(_wrapped(words[0], 70), fontsize=10)
    figure.supxlabel(_wrapped(words[1], 70), fontsize=8, color="0.35")
    return as_file(figure, 130, file_format)


def field_picture(
    picture: Image.Image,
    heat: Map,
    cell: Sequence[float],
    field: Sequence[float] | None,
    style: FigureStyle,
) -> Image.Image:
    """What a cell sees, over its image: the heat, the cell, and the outline of what can reach it.

    Args:
        picture: RGB.
        heat: How strongly each place drives the cell, (H, W).
        cell: Left, top, right and bottom of the cell, as shares of the image's sides.
        field: The same of what can reach it; None where that is not known.
        style: Its colour map and opacity.

    Returns:
        RGB, of the picture's size.
    """
    shown = overlay(picture, heat, colour_scale(heat, colour_map=style.colour_map), style)
    draw = ImageDraw.Draw(shown)
    for corners, colour in ((field, OUTLINE), (cell, CELL)):
        if corners is not None:
            x0, y0, x1, y1 = (
                round(share * side) for share, side in zip(corners, shown.size * 2, strict=True)
            )
            draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=colour, width=3)
    return shown


def field_figure(shown: Image.Image, words: tuple[str, str], file_format: str = PNG) -> bytes:
    """What a cell sees, with what is known of it in words.

    Args:
        shown: As `field_picture` makes it.
        words: Over it and under it.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 7 * shown.height / shown.width + 1.4), layout="constrained")
    axis = figure.subplots()
    axis.imshow(shown)
    axis.set_axis_off()
    figure.suptitle(_wrapped(words[0], 80), fontsize=10)
    figure.supxlabel(_wrapped(words[1], 80), fontsize=8, color="0.35")
    return as_file(figure, 130, file_format)


def _wrapped(text: str, width: int = LINE) -> str:
    parts = (textwrap.wrap(visible(part), width) for part in text.split("\n"))
    return "\n".join(line for lines in parts for line in lines)
