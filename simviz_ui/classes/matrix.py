"""The matrix of class-to-class similarities, to be clicked."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from simviz_core.classes import ClassSums, class_similarities, closest_classes, order_in_blocks
from simviz_ui.components.reveal import reveal
from simviz_ui.display.matrix import frame_cell, unseen_squares
from simviz_ui.display.messages import as_markdown, as_plotly_text, as_plotly_tick
from simviz_ui.navigation import choose, page_fragment
from simviz_ui.retrieval.quality import show_coverage

MOST_CLASSES = 60
"""Classes in the matrix; of more, the chosen one and those closest to it."""
SIDE = 640
"""Of the chart, in pixels."""
MARGIN = 90
"""For the names beside and below it."""
LONGEST = 18
"""Letters of a class's name beside the matrix."""
RESULT = "class_result"
"""Key of the container that a click brings into view."""
REVEALED = "reveal_class_result"


@page_fragment
def show_class_matrix(sums: ClassSums, chosen: Sequence[str]) -> None:
    """How similar the classes are to one another; a click shows two of them side by side.

    Args:
        sums: Of the gallery.
        chosen: The class that is shown, and the one beside it if there is one.
    """
    label = chosen[0]
    classes = list(sums.index.classes)
    if len(classes) < 2:
        return
    st.subheader("How similar the classes are")
    if len(classes) > MOST_CLASSES:
        near = [other for other, _ in closest_classes(sums, label)[: MOST_CLASSES - 1]]
        st.caption(
            f"{as_markdown(label)} and the {len(near)} of {len(classes):,} classes closest to it."
        )
        classes = list(dict.fromkeys([*chosen, *near]))
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
            st.session_state[REVEALED] = True

    shown = [labels.index(name) for name in chosen]
    show_coverage(sums.index.coverage)
    st.plotly_chart(
        _chart(similarities[np.ix_(order, order)], labels, shown),
        key="class_matrix",
        on_select=open_pair,
        selection_mode="points",
        width="content",
        config={"displayModeBar": False},
    )
    if st.session_state.pop(REVEALED, False):
        reveal(RESULT)


def _chart(similarities: np.ndarray, labels: list[str], shown: list[int]) -> go.Figure:
    """The matrix, with the cell of the classes that are shown framed: x, y."""
    # Axes of places, not of names: whatever classes are called, a click says which they are.
    places = np.arange(len(labels))
    names = np.array([as_plotly_text(label) for label in labels], dtype=object)
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
            unseen_squares(
                (x, y),
                (SIDE - 2 * MARGIN) / len(labels),
                similarities.ravel(),
                names[x] + " · " + names[y],
                ":.3f",
            ),
        ]
    )
    if shown:
        frame_cell(figure, shown[0], shown[-1])
    ends = [-0.5, len(labels) - 0.5]
    axis = {
        "tickvals": places,
        "ticktext": [as_plotly_tick(label, LONGEST) for label in labels],
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
