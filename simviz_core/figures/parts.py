"""The figure of a search for several parts: the parts, and the matches with their maps."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from simviz_core.figures.maps import FigureStyle, MapScales, add_colour_bar, overlay, shortened
from simviz_core.figures.search import CAPTION, COLUMNS, HIT, MISS, draw_query
from simviz_core.figures.text import PNG, as_file
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    SCORE_SENTENCE,
    MatchMaps,
    PartsRanking,
    QueryPart,
    contributions_text,
    is_hit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CUT_OUT = "0.5"
SCORED = "contribution of a match's cell to its score"
"""What the colours of the matches' maps measure."""


@dataclass(frozen=True)
class ShownPart:
    """A part of a query as the figure shows it.

    Attributes:
        part: The part.
        picture: Its image, RGB.
        extent: Width and height of its original, which the region is given in.
    """

    part: QueryPart
    picture: Image.Image
    extent: tuple[int, int]


def part_title(number: int, part: QueryPart) -> str:
    """A part in a few words: its number, and what it counts."""
    return f"{number}. {'subtracted' if part.is_subtracted else 'added'} × {abs(part.weight):g}"


def shown_parts(
    parts: Sequence[QueryPart], pictures: Mapping[str, LoadedImage], settings: NetworkSettings
) -> list[ShownPart]:
    """The parts as the figure shows them.

    Args:
        parts: Of the query.
        pictures: By the name of a part's image.
        settings: The network; what it does not see is drawn dark.
    """
    return [
        ShownPart(
            part,
            settings.frame(picture.pixels).dimmed(picture.pixels),
            (picture.width, picture.height),
        )
        for part in parts
        for picture in [pictures[part.image]]
    ]


def parts_title(count: int, per_class: bool) -> str:
    """What was searched for, in words."""
    parts = "one part" if count == 1 else f"{count} parts"
    return f"query of {parts}{', best of each class' if per_class else ''}"


def parts_figure(
    parts: Sequence[ShownPart],
    found: PartsRanking,
    pictures: Sequence[Image.Image | None],
    maps: Sequence[MatchMaps | None],
    label: str | None,
    title: str,
    style: FigureStyle,
    file_format: str = PNG,
) -> bytes:
    """The parts of a query with their regions, and its matches with their maps.

    Args:
        parts: The parts, in the query's order.
        found: The ranking, with at least one match that has a picture and a map.
        pictures: Of each match, RGB; None where it cannot be read.
        maps: Of each match; None where there are none.
        label: The class of the images that are added; None where it is not one.
        title: What was searched, and how.
        style: How the maps are shown.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    from matplotlib.figure import Figure

    shown = [
        (number, picture, both.match_map)
        for number, (picture, both) in enumerate(zip(pictures, maps, strict=True))
        if picture is not None and both is not None
    ]
    columns = max(1, min(COLUMNS, len(shown)))
    lines = max(1, math.ceil(len(shown) / columns))
    of_parts = math.ceil(len(parts) / lines) if len(parts) > lines else 1
    figure = Figure(
        figsize=(2.2 * of_parts + 2.6 * columns + 0.8, 1.3 + 2.5 * lines), layout="constrained"
    )
    grid = figure.add_gridspec(lines, of_parts + columns)
    for number, drawn in enumerate(parts):
        axis = figure.add_subplot(grid[number % lines, number // lines])
        colour = MISS if drawn.part.is_subtracted else HIT
        draw_query(axis, drawn.picture, drawn.part.region, drawn.extent, (colour, CUT_OUT))
        axis.set_title(part_title(number + 1, drawn.part), fontsize=9, color=colour)
    scales = MapScales.of_maps([values for _, _, values in shown], style)
    axes = []
    for place, (number, picture, values) in enumerate(shown):
        line, column = divmod(place, columns)
        axis = figure.add_subplot(grid[line, of_parts + column])
        _draw_match(axis, found, number, label)
        axis.imshow(overlay(picture, values, scales.of(values), style))
        axes.append(axis)
    if scales.shared and axes:
        add_colour_bar(figure, axes, scales.shared, SCORED)
    meaning = textwrap.wrap(SCORE_SENTENCE, 32 * (columns + of_parts))
    figure.supxlabel("\n".join(meaning), fontsize=8, color="0.35")
    figure.suptitle(title)
    return as_file(figure, 130, file_format)


def _draw_match(axis: Axes, found: PartsRanking, number: int, label: str | None) -> None:
    """A match's caption: its rank, class and score, and what the parts contribute to it."""
    match = found.ranking.matches[number]
    name = match.image.label or match.image.path.name
    caption = shortened(f"{number + 1}. {name} · {match.score:.3f}", CAPTION)
    contributions = contributions_text(found.contributions[number].tolist())
    colour = {True: HIT, False: MISS, None: "black"}[is_hit(label, match.image)]
    axis.set_title(caption + "\n" + textwrap.fill(contributions, 34), fontsize=8, color=colour)
    axis.set_axis_off()
