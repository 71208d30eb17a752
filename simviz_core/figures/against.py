"""The figure of one match of a query against another: their own maps, and the contrast between."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simviz_core.figures.maps import (
    CONTRIBUTION,
    FigureStyle,
    MapScales,
    add_colour_bar,
    overlay,
    shortened,
)
from simviz_core.figures.text import PNG, as_file
from simviz_core.pairs.against import PairAgainst, against_sentence, verdict

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

CAPTION = 40
"""Characters that fit over one of three panels."""
LINE = 150
"""Characters that fit under the figure."""
CONTRAST = "contribution of a query's cell to the difference"
"""What the colours of the contrast measure."""


@dataclass(frozen=True)
class AgainstRow:
    """One match of a query against another, as one network sees them.

    Attributes:
        title: Of the row; empty for none.
        pictures: The match, the query and the image that the match is set against, RGB.
        names: Of the three, in the same order.
        found: Their maps.
    """

    title: str
    pictures: tuple[Image.Image, Image.Image, Image.Image]
    names: tuple[str, str, str]
    found: PairAgainst


@dataclass(frozen=True)
class AgainstScales:
    """The colour scales of rows that are compared.

    Attributes:
        own: Of the matches' own maps.
        contrast: Of the contrasts.
    """

    own: MapScales
    contrast: MapScales


def against_scales(found: Sequence[PairAgainst], style: FigureStyle) -> AgainstScales:
    """The scales of one or more rows: one for all own maps, and one for all contrasts."""
    own = [values for each in found for values in (each.match.match_map, each.against.match_map)]
    contrasts = [each.contrast.values for each in found]
    return AgainstScales(MapScales.of_maps(own, style), MapScales.of_contrasts(contrasts, style))


def against_figure(
    rows: Sequence[AgainstRow], title: str, style: FigureStyle, file_format: str = PNG
) -> bytes:
    """Both matches with their own maps, and between them the query with the contrast.

    Args:
        rows: At least one; several are of several checkpoints.
        title: The network.
        style: How the maps are shown.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    from matplotlib.figure import Figure

    scales = against_scales([row.found for row in rows], style)
    tallest = max(p.height / p.width for row in rows for p in row.pictures)
    height = 3.6 * min(max(tallest, 0.3), 1.6) + 1.0
    figure = Figure(figsize=(12.5, height * len(rows) + 1.0), layout="constrained")
    parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        _draw_row(part, row, scales, style)
    figure.suptitle(title)
    name, _, other = rows[0].names
    lines = textwrap.wrap(against_sentence(shortened(name), shortened(other)), LINE)
    figure.supxlabel("\n".join(lines), fontsize=8, color="0.35")
    return as_file(figure, 130, file_format)


def _draw_row(part: SubFigure, row: AgainstRow, scales: AgainstScales, style: FigureStyle) -> None:
    """Three panels, each with its colour bar, so that all are of one size."""
    found = row.found
    match, query, against = (shortened(name, CAPTION) for name in row.names)
    shown: list[tuple[NDArray[np.float32], MapScales, str, str]] = [
        (
            found.match.match_map,
            scales.own,
            f"{match}\nsimilarity {found.match.similarity:.4f}",
            CONTRIBUTION,
        ),
        (
            found.contrast.values,
            scales.contrast,
            f"query: {query}\ndifference {found.difference:+.4f}",
            CONTRAST,
        ),
        (
            found.against.match_map,
            scales.own,
            f"{against}\nsimilarity {found.against.similarity:.4f}",
            CONTRIBUTION,
        ),
    ]
    panels = part.subplots(1, 3)
    for panel, picture, (values, of, caption, measured) in zip(
        panels, row.pictures, shown, strict=True
    ):
        scale = of.of(values)
        panel.imshow(overlay(picture, values, scale, style))
        panel.set_title(caption, fontsize=9)
        panel.set_axis_off()
        add_colour_bar(part, [panel], scale, measured)
    if row.title:
        part.suptitle(row.title, fontsize=10)
    said = f"{verdict(found, match, against)}   Contrast of the query: {found.check}"
    part.supxlabel("\n".join(textwrap.wrap(said, LINE)), fontsize=8, color="0.35")
