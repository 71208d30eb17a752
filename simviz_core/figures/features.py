"""The figures of features: what share the strongest carry, and what single channels look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simviz_core.figures.maps import (
    FigureStyle,
    MapPanel,
    MapScales,
    add_colour_bar,
    overlay,
    shortened,
)
from simviz_core.figures.text import PNG, as_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE_COLOURS = ("#d8683a", "#3f93a6", "#d3982f", "#8d7bb8", "#7f9f52", "#5c6f7b")
CAPTION = 26
"""Characters that fit over a picture."""


@dataclass(frozen=True)
class CurveLine:
    """A curve of the share that the strongest components carry.

    Attributes:
        title: In the legend.
        shares: For k = 1..D, (D,).
        spread: The standard deviation of each, (D,); None for a single pair.
        top: The k of the point that is marked, from 1.
        is_dashed: Whether the line is dashed.
    """

    title: str
    shares: NDArray[np.floating]
    spread: NDArray[np.floating] | None
    top: int
    is_dashed: bool = False


@dataclass(frozen=True)
class ChannelRow:
    """A channel of a pair, and the images that excite it most.

    Attributes:
        title: Beside its pictures.
        pair: The query and the match, each with what it contributes through the channel.
        examples: Each with its excitation map.
    """

    title: str
    pair: tuple[MapPanel, MapPanel]
    examples: tuple[MapPanel, ...]


def feature_curves_figure(lines: Sequence[CurveLine], title: str, file_format: str = PNG) -> bytes:
    """Draw curves with their bands of one standard deviation, the marked points in words.

    Args:
        lines: At least one.
        title: Over the figure.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.

    Source: the paper's Figure 3.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(8, 5), layout="constrained")
    axis = figure.subplots()
    for number, line in enumerate(lines):
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        k = np.arange(1, line.shares.size + 1)
        mark = line.shares[line.top - 1]
        label = f"{line.title} (top {line.top}: {mark:.1%})"
        axis.plot(k, line.shares, color=colour, label=label, ls="--" if line.is_dashed else "-")
        axis.plot([line.top], [mark], "o", color=colour)
        if line.spread is not None:
            low, high = line.shares - line.spread, line.shares + line.spread
            axis.fill_between(k, low, high, color=colour, alpha=0.18, lw=0)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("k, number of feature components, strongest first")
    axis.set_ylabel("share of the similarity")
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.grid(alpha=0.25)
    axis.legend(fontsize=9)
    axis.set_title(title, fontsize=11)
    return as_file(figure, 130, file_format)


def channels_figure(
    rows: Sequence[ChannelRow], title: str, style: FigureStyle, file_format: str = PNG
) -> bytes:
    """Draw channels from top to bottom: the pair on the left, the most exciting images beside it.

    Args:
        rows: At least one.
        title: Over the figure.
        style: How the maps are shown; a shared scale is one for the pairs' maps of all channels,
            and one for the excitation maps of each channel.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    from matplotlib.figure import Figure

    columns = 2 + max(len(row.examples) for row in rows)
    figure = Figure(figsize=(1.4 + 2.3 * columns, 0.7 + 2.1 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    scales = MapScales.of_maps([panel.map for row in rows for panel in row.pair], style)
    for number, row in enumerate(rows):
        for axis, panel, words in zip(grid[number], row.pair, (row.title, ""), strict=False):
            axis.imshow(overlay(panel.picture, panel.map, scales.of(panel.map), style))
            axis.set_title(_lines(words, panel.note), fontsize=9, loc="left")
        _draw_examples(list(grid[number, 2:]), row, style)
    if scales.shared:
        add_colour_bar(figure, list(grid.flat), scales.shared, "contribution through the channel")
    figure.suptitle(title, fontsize=11)
    return as_file(figure, 130, file_format)


def _draw_examples(axes: list[Axes], row: ChannelRow, style: FigureStyle) -> None:
    scales = MapScales.of_maps([panel.map for panel in row.examples], style)
    for axis, panel in zip(axes, row.examples, strict=False):
        axis.imshow(overlay(panel.picture, panel.map, scales.of(panel.map), style))
        axis.set_title(_lines(shortened(panel.caption, CAPTION), panel.note), fontsize=8)


def _lines(*parts: str) -> str:
    return "\n".join(filter(None, parts))
