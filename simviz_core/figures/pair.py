"""The figure of a pair."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from simviz_core.figures.cells import draw_block
from simviz_core.figures.maps import (
    FigureStyle,
    MapScales,
    add_colour_bar,
    overlay,
    shortened,
)
from simviz_core.pairs import BlockPart, PairExplanation


def pair_figure(
    pair: PairExplanation,
    query: Image.Image,
    match: Image.Image,
    captions: tuple[str, str],
    style: FigureStyle,
    parts: Sequence[BlockPart] = (),
) -> bytes:
    """Both images with their maps, the score, its check and the colour scale, as one figure.

    Args:
        pair: The explanation.
        query: RGB.
        match: RGB.
        captions: What to write over the two images.
        style: How the maps are shown.
        parts: Blocks of cells; each gets a line of its own, with its map on the other image.

    Returns:
        A PNG file.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    maps = (pair.query_map, pair.match_map)
    scales = MapScales.of_maps(maps, style)
    tallest = max(image.height / image.width for image in (query, match))
    height = 4.4 * min(max(tallest, 0.3), 1.6) + (0.4 if parts else 0)
    lines = 1 + len(parts)
    figure = Figure(figsize=(10, height * lines + 1.1), layout="constrained")
    panels, *others = figure.subplots(lines, 2, squeeze=False)
    for panel, image, values, caption in zip(panels, (query, match), maps, captions, strict=True):
        panel.imshow(overlay(image, values, scales.of(values), style))
        panel.set_title(shortened(caption), fontsize=10)
        panel.set_anchor("N")
        panel.set_axis_off()
        if not scales.shared:
            add_colour_bar(figure, [panel], scales.of(values))
    if scales.shared:
        add_colour_bar(figure, list(panels), scales.shared)
    for line, part in zip(others, parts, strict=True):
        draw_block(figure, list(line), part, (query, match), style)
    settings = pair.settings
    figure.suptitle(f"similarity {pair.similarity:.4f}   ·   {settings.title}")
    figure.supxlabel(sum_check(pair), fontsize=9, color="0.35")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def sum_check(pair: PairExplanation) -> str:
    """The check that the map adds up to the similarity, in one line."""
    bias = f" + bias {pair.bias:.4f}" if pair.bias else ""
    return (
        f"map sum {pair.query_map.sum(dtype=np.float64):.4f}{bias} · "
        f"cosine {pair.similarity:.4f} · residual {pair.residual:.0e}"
    )
