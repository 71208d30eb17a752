"""The chart of a map: a dot an image, in WebGL where there are many."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from simviz_core.figures import MOST_NAMED, NO_VALUE, is_scale, value_colours
from simviz_core.gallery import Column, value_text
from simviz_ui.display.messages import as_plotly_text

MOST_AS_SHAPES = 2000
"""So many dots are shapes of the page, which every browser draws; more are drawn in WebGL."""
HEIGHT = 620


def map_chart(
    points: NDArray[np.float32], group: Column | None, selected: NDArray[np.bool_] | None
) -> go.Figure:
    """The chart; every dot holds its image's row as its `customdata`.

    Args:
        points: (N, 2).
        group: What the dots are coloured by; None for one colour.
        selected: Which of them are marked as selected, (N,); None where nothing is.
    """
    figure = go.Figure()
    rows = np.arange(len(points), dtype=np.int32)
    if group is None:
        _add(figure, points, rows, selected, {"color": NO_VALUE})
    elif is_scale(group):
        _add(figure, points, rows, selected, _scaled(group))
    elif len(group.values) > MOST_NAMED:
        _add(figure, points, rows, selected, _unnamed(group))
    else:
        named = [*zip(group.values, value_colours(group), strict=True), (None, NO_VALUE)]
        codes = [*range(len(group.values)), -1]
        for code, (value, colour) in zip(codes, named, strict=True):
            own = rows[group.codes == code]
            if own.size:
                name = "none" if value is None else as_plotly_text(value_text(value))
                marker = {"color": colour}
                _add(figure, points, own, selected, marker, f"{name} ({own.size:,})")
    axis = {"visible": False, "zeroline": False}
    figure.update_layout(
        height=HEIGHT,
        margin={"t": 8, "b": 8, "l": 8, "r": 8},
        xaxis=axis,
        yaxis={**axis, "scaleanchor": "x"},
        dragmode="lasso",
        hovermode="closest",
        hoverdistance=12,
        legend={"itemsizing": "constant", "y": 0.9, "yanchor": "top"},  # under the tools
    )
    return figure


def _add(
    figure: go.Figure,
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    selected: NDArray[np.bool_] | None,
    marker: dict[str, Any],
    name: str = "",
) -> None:
    kind = go.Scatter if len(points) <= MOST_AS_SHAPES else go.Scattergl
    figure.add_trace(
        kind(
            x=points[rows, 0],
            y=points[rows, 1],
            customdata=rows,
            mode="markers",
            name=name,
            showlegend=bool(name),
            hoverinfo="none",  # the picture is shown instead
            marker={"size": _size(len(points)), "line": {"width": 0}, **marker},
            # A plain list: Plotly reads no packed one here.
            selectedpoints=None if selected is None else np.flatnonzero(selected[rows]).tolist(),
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 0.15}},
        )
    )


def _size(count: int) -> float:
    """Of a dot, in pixels."""
    return float(np.clip(14 - 2.2 * np.log10(count), 3, 10))


def _unnamed(group: Column) -> dict[str, Any]:
    """A colour for each of many values, by their places: shorter than a name for each dot."""
    colours = [NO_VALUE, *value_colours(group)]
    ends = np.arange(len(colours) + 1) / len(colours)
    steps = [
        [float(end), colour]
        for place, colour in enumerate(colours)
        for end in (ends[place], ends[place + 1])
    ]
    return {
        "color": group.codes.astype(np.int32),
        "colorscale": steps,
        "cmin": -1.5,
        "cmax": len(colours) - 1.5,
    }


def _scaled(group: Column) -> dict[str, Any]:
    """A colour by the value of a number, and by the place in their order of dates."""
    is_number = group.kind == "number"
    values = np.array(group.values if is_number else range(len(group.values)), dtype=np.float64)
    shown = np.where(group.codes >= 0, values[group.codes], np.nan)
    bar: dict[str, Any] = {"title": as_plotly_text(group.name), "thickness": 14}
    if not is_number:
        ends = (0, len(group.values) - 1)
        bar |= {
            "tickvals": ends,
            "ticktext": [as_plotly_text(value_text(group.values[end])) for end in ends],
        }
    return {"color": shown, "colorscale": "Viridis", "showscale": True, "colorbar": bar}
