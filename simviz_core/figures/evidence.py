"""The figure of a comparison of methods: a bar for each, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simviz_core.figures.text import PNG, as_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3
FIRST, REST = "#d1495b", "#5b7f95"


@dataclass(frozen=True)
class MethodBars:
    """One measure of several methods.

    Attributes:
        title: The game and the measure.
        names: Of the methods; the first one's bar is marked.
        values: (mean, low, high) of each; None where it is undefined.
    """

    title: str
    names: tuple[str, ...]
    values: tuple[tuple[float, float, float] | None, ...]


def method_bars_figure(panels: Sequence[MethodBars], title: str, file_format: str = PNG) -> bytes:
    """Draw measures side by side.

    Args:
        panels: At least one.
        title: What was measured.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    height = 0.9 + 0.24 * max(len(panel.names) for panel in panels)
    figure = Figure(figsize=(4.6 * columns, 0.6 + height * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw(axis, panel)
    figure.suptitle(title)
    return as_file(figure, 130, file_format)


def _draw(axis: Axes, panel: MethodBars) -> None:
    for place, value in enumerate(panel.values):
        if value is None:
            continue
        mean, low, high = value
        axis.barh(place, mean, color=REST if place else FIRST, height=0.7)
        axis.plot([low, high], [place, place], color="black", lw=1)
    axis.set_yticks(range(len(panel.names)), panel.names, fontsize=7)
    axis.invert_yaxis()
    axis.tick_params(axis="x", labelsize=7)
    axis.set_title(panel.title, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
