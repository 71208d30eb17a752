"""The figure of a pair."""

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from simviz_core.figures.maps import (
    FigureStyle,
    add_colour_bar,
    map_scales,
    overlay,
    shortened,
)
from simviz_core.pairs import PairExplanation


def pair_figure(
    pair: PairExplanation,
    query: Image.Image,
    match: Image.Image,
    captions: tuple[str, str],
    style: FigureStyle,
) -> bytes:
    """Both images with their maps, the score, its check and the colour scale, as one figure.

    Args:
        pair: The explanation.
        query: RGB.
        match: RGB.
        captions: What to write over the two images.
        style: How the maps are shown.

    Returns:
        A PNG file.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    maps = (pair.query_map, pair.match_map)
    scales = map_scales(maps, style)
    tallest = max(image.height / image.width for image in (query, match))
    height = 4.4 * min(max(tallest, 0.3), 1.6) + 1.1
    figure = Figure(figsize=(10, height), layout="constrained")
    panels = figure.subplots(1, 2)
    for panel, image, values, scale, caption in zip(
        panels, (query, match), maps, scales, captions, strict=True
    ):
        panel.imshow(overlay(image, values, scale, style))
        panel.set_title(shortened(caption), fontsize=10)
        panel.set_anchor("N")
        panel.set_axis_off()
        if not style.shared_scale:
            add_colour_bar(figure, [panel], scale)
    if style.shared_scale:
        add_colour_bar(figure, list(panels), scales[0])
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
