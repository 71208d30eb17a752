"""The figure of a gallery's map, and the colours of its points."""

from __future__ import annotations

import colorsys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simviz_core.figures.maps import shortened
from simviz_core.figures.search import HIT, MISS
from simviz_core.figures.text import PNG, as_file
from simviz_core.gallery import Column, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

MOST_NAMED = 20
"""Values that have a line in the legend; more cannot be told apart by their colours."""
NO_VALUE = "#9aa0a6"
"""The colour of points without a value, and of those of which it is not known."""
SCALE = "viridis"
"""Of numbers and dates of more values than have a name."""
AS_PICTURE = 3000
"""So many points are a picture inside an SVG or PDF, which would be slow to draw else."""
LINE = 110
CAPTION = 24
_KNOWN = {"hit": HIT, "miss": MISS, "not asked": NO_VALUE}
_GOLDEN = 0.618034
"""Hues that far apart stay apart, however many they are."""


def value_colours(group: Column) -> list[str]:
    """A colour for each value of a group, as `#rrggbb`."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    names = [value_text(value) for value in group.values]
    if set(names) <= set(_KNOWN):
        return [_KNOWN[name] for name in names]
    if is_scale(group):
        return [to_hex(colormaps[SCALE](share)) for share in np.linspace(0, 1, len(names))]
    if len(names) <= MOST_NAMED:
        return [to_hex(colormaps["tab20"](place)) for place in range(len(names))]
    hues = (place * _GOLDEN % 1 for place in range(len(names)))
    return [to_hex(colorsys.hsv_to_rgb(h, (0.55, 0.85)[p % 2], 0.85)) for p, h in enumerate(hues)]


def is_scale(group: Column) -> bool:
    """Whether a group's values are shown by a scale and not by a legend."""
    return group.kind != "text" and len(group.values) > MOST_NAMED


def gallery_map_figure(
    points: NDArray[np.float32],
    group: Column | None,
    title: str,
    note: str,
    file_format: str = PNG,
) -> bytes:
    """Draw a map, one dot an image.

    Args:
        points: (N, 2).
        group: What the dots are coloured by; None for one colour.
        title: The gallery and the network.
        note: How far the map can be believed, in sentences.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), layout="constrained")
    axis = figure.subplots()
    size = float(np.clip(9000 / len(points), 1.5, 40))
    if group is None:
        _dots(axis, points, NO_VALUE, size)
    elif is_scale(group):
        _scaled(figure, axis, points, group, size)
    else:
        _grouped(axis, points, group, size)
    axis.set_aspect("equal", "datalim")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_color("0.8")
    axis.set_title(title, fontsize=9)
    figure.supxlabel("\n".join(textwrap.wrap(note, LINE)), fontsize=8, color="0.35")
    return as_file(figure, 150, file_format)


def _dots(
    axis: Axes,
    points: NDArray[np.float32],
    colour: Any,
    size: float,
    label: str = "",
    colour_map: str | None = None,
) -> PathCollection:
    return axis.scatter(
        points[:, 0],
        points[:, 1],
        s=size,
        c=colour,
        cmap=colour_map,
        lw=0,
        label=label,
        rasterized=len(points) > AS_PICTURE,
    )


def _grouped(axis: Axes, points: NDArray[np.float32], group: Column, size: float) -> None:
    colours, named = value_colours(group), len(group.values) <= MOST_NAMED
    palette = np.array([*colours, NO_VALUE])
    if not named:
        _dots(axis, points, palette[group.codes], size)
        return
    for place, value in [*enumerate(group.values), (-1, "none")]:
        rows = group.codes == place
        if rows.any():
            label = f"{shortened(value_text(value), CAPTION)} ({rows.sum():,})"
            _dots(axis, points[rows], palette[place], size, label)
    axis.legend(
        title=shortened(group.name, CAPTION), fontsize=8, loc="upper left", bbox_to_anchor=(1, 1)
    )


def _scaled(
    figure: Figure, axis: Axes, points: NDArray[np.float32], group: Column, size: float
) -> None:
    from matplotlib.dates import date2num

    known = group.codes >= 0
    is_date = group.kind == "date"
    values = np.array([date2num(v) if is_date else v for v in group.values], dtype=float)
    _dots(axis, points[~known], NO_VALUE, size)
    dots = _dots(axis, points[known], values[group.codes[known]], size, colour_map=SCALE)
    bar = figure.colorbar(dots, ax=axis, shrink=0.6)
    bar.set_label(shortened(group.name, CAPTION))
    if is_date:
        ends = (group.values[0], group.values[-1])
        bar.set_ticks([values[0], values[-1]], labels=[value_text(end) for end in ends])
