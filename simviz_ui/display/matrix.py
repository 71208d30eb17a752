"""What the charts of matrices have in common: squares to click, and a frame around one of them."""

from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

MARK = "#ff5a1f"
"""Colour of the frame; seen on all of Viridis."""


def unseen_squares(
    places: tuple[NDArray[Any], NDArray[Any]],
    size: float,
    values: Any,
    words: NDArray[Any],
    number: str = "",
) -> go.Scatter:
    """Squares that are not seen, to lie over the cells of a heat map, which cannot be clicked.

    Args:
        places: Columns and rows of the cells, (N,) each.
        size: Of a square, in pixels.
        values: The cells' numbers, N of them; shown when one is pointed at.
        words: What each cell stands for, (N,).
        number: How the numbers are written, as Plotly has it: ":.3f".
    """
    columns, rows = places
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=columns,
        y=rows,
        mode="markers",
        marker={"symbol": "square", "size": size, "opacity": 0},
        selected=unseen,
        unselected=unseen,
        customdata=values,
        text=words,
        hovertemplate=f"%{{text}}: %{{customdata{number}}}<extra></extra>",
        showlegend=False,
    )


def frame_cell(figure: go.Figure, column: int, row: int) -> None:
    """Draw a frame around a cell of a matrix."""
    figure.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": MARK, "width": 3},
    )
