"""The matrix of class-to-class similarities, to be clicked."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from simviz_core.classes import ClassSums, class_similarities, closest_classes, order_in_blocks
from simviz_ui.display.messages import as_markdown, as_plotly_text
from simviz_ui.navigation import choose, page_fragment

MOST_CLASSES = 60
"""Classes in the matrix; of more, the chosen one and those closest to it."""
SIDE = 640
"""Of the chart, in pixels."""
MARGIN = 90
LONGEST = 18
"""Letters of a class's name beside the matrix."""


@page_fragment
def show_class_matrix(sums: ClassSums, label: str) -> None:
    """How similar the classes are to one another; a click shows two of them side by side.

    Args:
        sums: Of the gallery.
        label: The chosen class.
    """
    classes = list(sums.index.classes)
    if len(classes) < 2:
        return
    st.subheader("How similar the classes are")
    if len(classes) > MOST_CLASSES:
        near = [other for other, _ in closest_classes(sums, label)[: MOST_CLASSES - 1]]
        st.caption(
            f"{as_markdown(label)} and the {len(near)} of {len(classes):,} classes closest to it."
        )
        classes = [label, *near]
    similarities = class_similarities(sums, sums.places(classes))
    order = order_in_blocks(np.nan_to_num(similarities, nan=1.0))
    labels = [classes[place] for place in order]
    st.caption(
        "Mean similarity of an image of the one class with an image of the other, similar classes "
        "next to one another. Click a cell to see its two classes side by side."
    )

    def open_pair() -> None:
        points = st.session_state["class_matrix"].selection.points
        if points:
            first, other = labels[round(points[0]["x"])], labels[round(points[0]["y"])]
            choose(**{"class": first, "class2": other if other != first else None})

    st.plotly_chart(
        _chart(similarities[np.ix_(order, order)], labels),
        key="class_matrix",
        on_select=open_pair,
        selection_mode="points",
        width="content",
        config={"displayModeBar": False},
    )


def _chart(similarities: np.ndarray, labels: list[str]) -> go.Figure:
    # Axes of places, not of names: whatever classes are called, a click says which they are.
    places = np.arange(len(labels))
    names = np.array([as_plotly_text(label) for label in labels], dtype=object)
    # Heat maps cannot be clicked, so squares that are not seen lie over it.
    x, y = (axis.ravel() for axis in np.meshgrid(places, places))
    figure = go.Figure(
        [
            go.Heatmap(
                z=similarities,
                x=places,
                y=places,
                colorscale="Viridis",
                hoverinfo="skip",
                colorbar={"title": {"text": "mean<br>similarity"}, "thickness": 14},
            ),
            go.Scatter(
                x=x,
                y=y,
                mode="markers",
                marker={
                    "symbol": "square",
                    "size": (SIDE - 2 * MARGIN) / len(labels),
                    "opacity": 0,
                },
                selected={"marker": {"opacity": 0}},
                unselected={"marker": {"opacity": 0}},
                customdata=similarities.ravel(),
                text=names[x] + " · " + names[y],
                hovertemplate="%{text}: %{customdata:.3f}<extra></extra>",
                showlegend=False,
            ),
        ]
    )
    ends = [-0.5, len(labels) - 0.5]
    axis = {
        "tickvals": places,
        "ticktext": [_shortened(label) for label in labels],
        "tickfont": {"size": 9},
        "showgrid": False,
        "zeroline": False,
    }
    figure.update_layout(
        width=SIDE + 60,
        height=SIDE,
        margin={"l": MARGIN, "r": MARGIN, "t": 10, "b": MARGIN},
        xaxis={**axis, "range": ends, "tickangle": -90},
        yaxis={**axis, "range": ends[::-1]},
    )
    return figure


def _shortened(label: str) -> str:
    """A label as there is room for beside the matrix; in full it is seen at the pointer."""
    return as_plotly_text(label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…")
