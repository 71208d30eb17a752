"""The figures that compare poolings, as the paper's Figure 7 does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image

from simviz_core.decomposition import CLASS_TOKEN
from simviz_core.figures.maps import (
    FigureStyle,
    MapScales,
    add_colour_bar,
    overlay,
    shortened,
)
from simviz_core.figures.search import CAPTION, HIT, MISS
from simviz_core.figures.text import PNG, as_file
from simviz_core.map_measures import CARRIED, MapSpread, map_spread
from simviz_core.networks.poolings import pooling_words
from simviz_core.pairs import PairExplanation
from simviz_core.retrieval import SearchPanel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def poolings_figure(
    pairs: Sequence[PairExplanation],
    query: Image.Image,
    match: Image.Image,
    captions: tuple[str, str],
    style: FigureStyle,
    file_format: str = PNG,
) -> bytes:
    """A pair under several poolings side by side, each with its similarity and its spread.

    Args:
        pairs: One explanation for each pooling.
        query: RGB.
        match: RGB.
        captions: What to write beside the two images.
        style: How the maps are shown; a shared scale is shared by all of them.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    from matplotlib.figure import Figure

    scales = MapScales.of_maps(
        [m for pair in pairs for m in (pair.query_map, pair.match_map)], style
    )
    figure = Figure(figsize=(3.6 * len(pairs) + 1, _height((query, match))), layout="constrained")
    panels = figure.subplots(2, len(pairs), squeeze=False)
    for number, pair in enumerate(pairs):
        shown = ((query, pair.query_map), (match, pair.match_map))
        for row, (image, values) in enumerate(shown):
            panel, scale = panels[row][number], scales.of(values)
            panel.imshow(overlay(image, values, scale, style))
            _without_ticks(panel)
            panel.set_xlabel(spread_line(map_spread(values)), fontsize=8)
            if not scales.shared:
                add_colour_bar(figure, [panel], scale)
        name = pair.settings.pooling
        name = pooling_words(name) if name == CLASS_TOKEN else name
        panels[0][number].set_title(f"{name}\nsimilarity {pair.similarity:.4f}", fontsize=11)
    for row, caption in enumerate(captions):
        panels[row][0].set_ylabel(shortened(caption, CAPTION), fontsize=9)
    if scales.shared:
        add_colour_bar(figure, list(panels.flat), scales.shared)
    settings = pairs[0].settings
    figure.suptitle(settings.title_without_pooling)
    return as_file(figure, 130, file_format)


def search_poolings_figure(
    query: Image.Image,
    rows: Sequence[tuple[str, Sequence[SearchPanel]]],
    title: str,
    style: FigureStyle,
    file_format: str = PNG,
) -> bytes:
    """The matches under several poolings, one row each, beside the query's map for the best one.

    Args:
        query: RGB.
        rows: Each pooling's name and matches, best first, at least one.
        title: What was searched, and how.
        style: How the maps are shown; a shared scale is shared by all of them.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    from matplotlib.figure import Figure

    columns = 1 + max(len(panels) for _, panels in rows)
    maps = [
        values
        for _, panels in rows
        for values in (panels[0].query_map, *(panel.match_map for panel in panels))
    ]
    scales = MapScales.of_maps(maps, style)
    figure = Figure(figsize=(2.3 * columns + 0.8, 2.15 * len(rows) + 0.8), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, panels) in zip(axes, rows, strict=True):
        best = panels[0].query_map
        line[0].imshow(overlay(query, best, scales.of(best), style))
        line[0].set_title("query, for the best", fontsize=9)
        line[0].set_ylabel(name, fontsize=12)
        line[0].set_xlabel(spread_line(map_spread(best)), fontsize=6.5)
        for axis, panel in zip(line[1:], panels, strict=False):
            axis.imshow(overlay(panel.picture, panel.match_map, scales.of(panel.match_map), style))
            colour = {True: HIT, False: MISS, None: "black"}[panel.is_hit]
            axis.set_title(shortened(panel.caption, CAPTION), fontsize=9, color=colour)
            axis.set_xlabel(spread_line(map_spread(panel.match_map)), fontsize=6.5)
        for axis in line[: len(panels) + 1]:
            _without_ticks(axis)
        for axis in line[len(panels) + 1 :]:
            axis.set_axis_off()
    if scales.shared:
        add_colour_bar(figure, list(axes.flat), scales.shared)
    figure.suptitle(title)
    return as_file(figure, 130, file_format)


def spread_line(spread: MapSpread) -> str:
    """A map's spread in one short line."""
    if spread.entropy is None:
        return str(spread)
    return (
        f"entropy {spread.entropy:.2f} bits · {CARRIED:.0%} in {spread.carrying_cells} of "
        f"{spread.cells} cells"
    )


def _height(images: tuple[Image.Image, Image.Image]) -> float:
    return 1.4 + sum(3.2 * min(max(i.height / i.width, 0.3), 1.6) + 0.2 for i in images)


def _without_ticks(panel: Axes) -> None:
    """Like `set_axis_off`, but what is written beside the panel stays."""
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
