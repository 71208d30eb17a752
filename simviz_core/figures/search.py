"""The figure of a search: the query, and its matches with their maps."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simviz_core.figures.maps import (
    FigureStyle,
    MapScales,
    add_colour_bar,
    overlay,
    shortened,
)
from simviz_core.figures.text import PNG, as_file
from simviz_core.images import Frame
from simviz_core.retrieval import SAME_RANKING, Reference, Region, SearchPanel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 5
"""Matches beside one another."""
INCLUDED, EXCLUDED = "#2f9e60", "#d64545"
HIT, MISS = "#2f9e60", "#d64545"
CAPTION = 30
"""Characters that fit over a match."""


def search_figure(
    query: Image.Image,
    frame: Frame,
    region: Region,
    extent: tuple[int, int],
    panels: Sequence[SearchPanel],
    title: str,
    style: FigureStyle,
    reference: Reference | None = None,
    note: str = "",
    file_format: str = PNG,
) -> bytes:
    """The query with its region, and each match over the query's map for it.

    Args:
        query: RGB.
        frame: Where its maps lie in it; what lies outside is drawn dark.
        region: What is drawn on the query; may be nothing.
        extent: Width and height of the query's original, which the region is given in.
        panels: The matches, best first, at least one.
        title: What was searched, and how.
        style: How the maps are shown.
        reference: What the maps are relative to; where a region is drawn, only the query's are.
        note: What else is to be known of the maps, in a sentence.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(3 + 2.6 * columns, 0.9 + 3.6 * lines), layout="constrained")
    grid = figure.add_gridspec(2 * lines, columns + 1, width_ratios=[1.15] + [1] * columns)
    draw_query(figure.add_subplot(grid[0:2, 0]), frame.dimmed(query), region, extent)
    of_matches, of_queries = _scales(panels, style, region, reference)
    axes: list[Axes] = []
    for number, panel in enumerate(panels):
        line, column = divmod(number, columns)
        upper = figure.add_subplot(grid[2 * line, column + 1])
        lower = figure.add_subplot(grid[2 * line + 1, column + 1])
        _draw(upper, panel.picture, panel.match_map, of_matches, style)
        _draw(lower, frame.seen(query), panel.query_map, of_queries, style)
        colour = {True: HIT, False: MISS, None: "black"}[panel.is_hit]
        upper.set_title(shortened(panel.caption, CAPTION), fontsize=9, color=colour)
        axes += [upper, lower]
    _add_bars(figure, axes, (of_matches, of_queries), region, reference)
    say_meaning(figure, reference, note, columns + 1)
    figure.suptitle(title)
    return as_file(figure, 130, file_format)


def say_meaning(figure: Figure, reference: Reference | None, note: str, columns: int) -> None:
    """Say under a figure what the colours of relative maps mean, and what else is to be known."""
    sentences = [f"{reference.sentence} {SAME_RANKING}"] if reference is not None else []
    if meaning := " ".join([*sentences, note]).strip():
        lines = textwrap.wrap(meaning, 34 * columns)
        figure.supxlabel("\n".join(lines), fontsize=8, color="0.35")


def beyond_label(reference: Reference) -> str:
    """What the colour bar of relative maps measures."""
    return f"contribution beyond {shortened(reference.description, 30)}"


def _scales(
    panels: Sequence[SearchPanel], style: FigureStyle, region: Region, reference: Reference | None
) -> tuple[MapScales, MapScales]:
    """Of the maps of the matches, and of those of the query."""
    matches, queries = [p.match_map for p in panels], [p.query_map for p in panels]
    if reference is not None and region.is_drawn:
        return MapScales.of_maps(matches, style), MapScales.of_contrasts(queries, style)
    kind = MapScales.of_maps if reference is None else MapScales.of_contrasts
    scales = kind(matches + queries, style)
    return scales, scales


def _add_bars(
    figure: Figure,
    axes: list[Axes],
    scales: tuple[MapScales, MapScales],
    region: Region,
    reference: Reference | None,
) -> None:
    of_matches, of_queries = (each.shared for each in scales)
    if of_matches is None or of_queries is None:
        return
    if reference is None:
        add_colour_bar(figure, axes, of_matches)
        return
    beyond = beyond_label(reference)
    if region.is_drawn:
        add_colour_bar(figure, axes, of_matches, "contribution to the region's score, of the match")
    add_colour_bar(figure, axes, of_queries, f"{beyond}{', of the query' * region.is_drawn}")


def _draw(
    panel: Axes,
    image: Image.Image,
    values: NDArray[np.float32],
    scales: MapScales,
    style: FigureStyle,
) -> None:
    panel.imshow(overlay(image, values, scales.of(values), style))
    panel.set_axis_off()


def draw_query(
    panel: Axes,
    query: Image.Image,
    region: Region,
    extent: tuple[int, int],
    colours: tuple[str, str] = (INCLUDED, EXCLUDED),
) -> None:
    """A query with what is drawn on it, in a panel of a figure; colours of in- and excluded."""
    from matplotlib.patches import Rectangle

    panel.imshow(query, extent=(0, extent[0], extent[1], 0))
    panel.set_title("query", fontsize=9)
    panel.set_axis_off()
    panel.set_anchor("N")
    for rectangles, colour in zip((region.include, region.exclude), colours, strict=True):
        for x0, y0, x1, y1 in rectangles:
            corner = (min(x0, x1), min(y0, y1))
            panel.add_patch(
                Rectangle(corner, abs(x1 - x0), abs(y1 - y0), fill=False, edgecolor=colour, lw=2)
            )
