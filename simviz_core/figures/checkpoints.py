"""The figure of a query followed through runs: a column per checkpoint, the runs stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simviz_core.figures.maps import (
    CONTRIBUTION,
    FigureStyle,
    MapPanel,
    MapScales,
    add_colour_bar,
    overlay,
    shortened,
)
from simviz_core.figures.search import HIT, MISS, beyond_label, say_meaning
from simviz_core.figures.text import PNG, as_file
from simviz_core.retrieval import Reference

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPTION = 26
"""Characters that fit over a panel."""


@dataclass(frozen=True)
class CheckpointColumn:
    """What one checkpoint sees.

    Attributes:
        title: Of the column.
        panels: From top to bottom: the query, then its matches.
    """

    title: str
    panels: tuple[MapPanel, ...]


@dataclass(frozen=True)
class RunRows:
    """The checkpoints of one run, side by side.

    Attributes:
        title: Of the run.
        columns: At least one.
    """

    title: str
    columns: tuple[CheckpointColumn, ...]


def checkpoints_figure(
    runs: Sequence[RunRows],
    style: FigureStyle,
    file_format: str = PNG,
    reference: Reference | None = None,
) -> bytes:
    """Draw the checkpoints of one or more runs.

    Args:
        runs: Stacked from top to bottom, at least one.
        style: How the maps are shown; a shared scale is one for all the runs.
        file_format: One of `FILE_FORMATS`.
        reference: What the maps are relative to; None for nothing.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.

    Source: the paper's figures 5 (one run), 6 and 7 (two runs).
    """
    from matplotlib.figure import Figure

    panels = [panel for run in runs for column in run.columns for panel in column.panels]
    kind = MapScales.of_maps if reference is None else MapScales.of_contrasts
    scales = kind([panel.map for panel in panels], style)
    measured = CONTRIBUTION if reference is None else beyond_label(reference)
    widest = max(len(run.columns) for run in runs)
    heights = [max(len(column.panels) for column in run.columns) for run in runs]
    figure = Figure(
        figsize=(1.4 + 2.5 * widest, 0.4 + sum(0.7 + 2.1 * height for height in heights)),
        layout="constrained",
    )
    parts = figure.subfigures(len(runs), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, run, height in zip(parts, runs, heights, strict=True):
        part.suptitle(run.title, fontsize=11)
        grid = part.subplots(height, widest, squeeze=False)
        for axis in grid.flat:
            axis.set_axis_off()
        for place, column in enumerate(run.columns):
            for row, panel in enumerate(column.panels):
                _draw(grid[row, place], panel, scales, style)
                if row == 0:
                    words = filter(None, (column.title, panel.caption, panel.note))
                    grid[row, place].set_title("\n".join(words), fontsize=9)
        if scales.shared:
            add_colour_bar(part, list(grid.flat), scales.shared, measured)
    say_meaning(figure, reference, "", widest)
    return as_file(figure, 130, file_format)


def _draw(axis: Axes, panel: MapPanel, scales: MapScales, style: FigureStyle) -> None:
    axis.imshow(overlay(panel.picture, panel.map, scales.of(panel.map), style))
    colour = {True: HIT, False: MISS, None: "black"}[panel.is_hit]
    words = filter(None, (shortened(panel.caption, CAPTION), panel.note))
    axis.set_title("\n".join(words), fontsize=9, color=colour)
