"""The matrix of class-to-class similarities, to be clicked."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from simviz_core.classes import ClassSums, class_similarities, closest_classes, order_in_blocks
from simviz_ui.navigation import choose, page_fragment

MOST_CLASSES = 60
"""Classes in the matrix; of more, the chosen one and those closest to it."""
SIDE = 640
"""Of the chart, in pixels."""
MARGIN = 90


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
        st.caption(f"{label} and the {len(near)} of {len(classes):,} classes closest to it.")
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
            first, other = points[0]["x"], points[0]["y"]
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
    count = len(labels)
    # Heat maps cannot be clicked, so squares that are not seen lie over it.
    x, y = (places.ravel() for places in np.meshgrid(labels, labels))
    figure = go.Figure(
        [
            go.Heatmap(
                z=similarities,
                x=labels,
                y=labels,
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
                    "size": (SIDE - 2 * MARGIN) / count,
                    "opacity": 0,
                },
                selected={"marker": {"opacity": 0}},
                unselected={"marker": {"opacity": 0}},
                customdata=similarities.ravel(),
                hovertemplate="%{x} · %{y}: %{customdata:.3f}<extra></extra>",
                showlegend=False,
            ),
        ]
    )
    axis = {"type": "category", "tickfont": {"size": 9}, "showgrid": False}
    figure.update_layout(
        width=SIDE + 60,
        height=SIDE,
        margin={"l": MARGIN, "r": MARGIN, "t": 10, "b": MARGIN},
        xaxis={**axis, "tickangle": -90},
        yaxis={**axis, "autorange": "reversed"},
    )
    return figure
