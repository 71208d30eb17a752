"""Which classes are taken for which, and how well each class is found."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from simviz_core.misses import (
    Confusion,
    class_qualities,
    confusion_counts,
    confusions,
    most_confused,
)
from simviz_core.retrieval import AT, QueryOutcomes
from simviz_ui.display.matrix import frame_cell, unseen_squares
from simviz_ui.display.messages import as_plotly_text, as_plotly_tick
from simviz_ui.display.rows import clicked_row
from simviz_ui.navigation import choose, view

MOST_CLASSES = 40
"""Classes in the matrix; of more, those that take part in most confusions."""
LONGEST = 14
"""Letters of a name beside the matrix."""
OTHERS = "all others"
HEIGHT = 460
"""Of the matrix, in pixels."""
MARGIN = 90
"""For the names beside and below it."""
ROOM = "<style>.st-key-confusions .stColumn { min-width: min(100%, 23rem); }</style>"
"""Where they have none beside one another, the matrix stands below the list."""
CHOSEN = "confusion_chosen"
"""In the session, once: a pair of classes has been clicked, and its misses are to be seen."""


def show_confusions(outcomes: QueryOutcomes) -> None:
    """The confusions, most frequent first, beside the matrix; a click shows their misses."""
    found = confusions(outcomes)
    if not found:
        return
    st.subheader("What is taken for what")
    st.html(ROOM)
    with st.container(key="confusions"):
        left, right = st.columns([2, 3], gap="medium")
    with left:
        _list(found)
    with right:
        labels = most_confused(outcomes, MOST_CLASSES)
        counts = confusion_counts(outcomes, labels)
        _matrix(found, counts, labels)
        most = len(outcomes.index.classes)
        shown = "All classes" if len(labels) == most else "The classes"
        of_all = "" if len(labels) == most else f", {len(labels)} of {most:,}"
        st.caption(
            f"{shown} that take part in confusions{of_all}: a row for the queries of a class, a "
            "column for what their nearest neighbours are. Hits, on the diagonal, are left out; "
            f"*{OTHERS}* are the classes that are not shown, and images without one. Click a cell "
            "to see its misses in the table above; by keyboard, choose **Class** and **Taken for** "
            "there."
        )


def _list(found: list[Confusion]) -> None:
    def open_row() -> None:
        if confusion := clicked_row("confusions_table", found):
            _show_misses(confusion.label, (confusion.taken_for,))

    column = st.column_config
    st.dataframe(
        {
            "class": [confusion.label for confusion in found],
            "taken_for": [confusion.taken_for for confusion in found],
            "count": [confusion.count for confusion in found],
            "share": [confusion.share for confusion in found],
        },
        key="confusions_table",
        hide_index=True,
        height=420,
        on_select=open_row,
        selection_mode="single-row",
        column_config={
            "class": column.TextColumn("Class"),
            "taken_for": column.TextColumn("Taken for"),
            "count": column.NumberColumn("Queries"),
            "share": column.ProgressColumn(
                "Of the class", format="percent", min_value=0, max_value=1
            ),
        },
    )
    st.caption(f"{len(found):,} pairs of classes. Click one to see its misses in the table above.")


def _show_misses(label: str, taken_for: Sequence[str]) -> None:
    """Have the table show the misses of a class that are taken for some others; for callbacks."""
    choose(of_classes=(label,), taken_for=tuple(taken_for))
    st.session_state[CHOSEN] = True


def _matrix(found: list[Confusion], counts: np.ndarray, labels: list[str]) -> None:
    """The matrix, of which a cell can be clicked."""

    def taken_for(row: int, column: int) -> tuple[str, ...]:
        if column < len(labels):
            return (labels[column],)
        return tuple(
            c.taken_for for c in found if c.label == labels[row] and c.taken_for not in seen
        )

    def open_cell() -> None:
        points = st.session_state["confusion"].selection.points
        if points:
            row, column = round(points[0]["y"]), round(points[0]["x"])
            _show_misses(labels[row], taken_for(row, column))

    seen, framed = set(labels), None
    chosen = view()
    if len(chosen.of_classes) == 1 and chosen.of_classes[0] in seen and chosen.taken_for:
        row = labels.index(chosen.of_classes[0])
        columns = range(len(labels) + 1)
        asked = set(chosen.taken_for)
        framed = next(
            ((column, row) for column in columns if set(taken_for(row, column)) == asked), None
        )
    st.plotly_chart(
        _chart(counts, labels, framed),
        key="confusion",
        on_select=open_cell,
        selection_mode="points",
        config={"displayModeBar": False},
        alt=f"Which of {len(labels)} classes are taken for which; the table beside has the numbers",
    )


def _chart(counts: np.ndarray, labels: list[str], framed: tuple[int, int] | None) -> go.Figure:
    """The matrix, with the cell whose misses are shown framed: column, row."""
    shown = counts.astype(float)
    places = np.arange(len(labels))
    shown[places, places] = np.nan
    of = np.array([as_plotly_text(label) for label in labels], dtype=object)
    taken_for = np.array([*of, OTHERS], dtype=object)
    words = of[:, None] + " taken for " + taken_for[None, :]
    most = max(1, int(np.nan_to_num(shown).max(initial=1)))
    # Only cells with misses can be clicked.
    rows, columns = np.nonzero(np.nan_to_num(shown))
    figure = go.Figure(
        [
            go.Heatmap(
                z=shown,
                hoverinfo="skip",
                colorscale="Viridis",
                zmin=0,
                zmax=most,
                colorbar={
                    "title": {"text": "queries"},
                    "thickness": 14,
                    "dtick": -(-most // 5),
                },
            ),
            unseen_squares(
                (columns, rows),
                (HEIGHT - MARGIN) / len(labels),
                counts[rows, columns].tolist(),
                words[rows, columns],
            ),
        ]
    )
    if framed is not None:
        frame_cell(figure, *framed)
    axis = {"tickfont": {"size": 9}, "showgrid": False, "zeroline": False}
    ticks = [as_plotly_tick(label, LONGEST) for label in labels]
    figure.update_layout(
        height=HEIGHT,
        margin={"l": MARGIN, "r": 10, "t": 10, "b": MARGIN},
        xaxis={
            **axis,
            "range": [-0.5, len(labels) + 0.5],
            "tickvals": np.arange(len(labels) + 1),
            "ticktext": [*ticks, OTHERS],
            "tickangle": -90,
        },
        yaxis={**axis, "tickvals": places, "ticktext": ticks, "range": [len(labels) - 0.5, -0.5]},
    )
    return figure


def show_classes(outcomes: QueryOutcomes) -> None:
    """Recall@K and mAP@R of each class; a click shows its misses."""
    found = sorted(class_qualities(outcomes), key=lambda of: of.map_at_r)
    st.subheader("How well each class is found")

    def open_row() -> None:
        clicked = clicked_row("classes_table", found)
        if clicked and clicked.misses:
            _show_misses(clicked.label, ())

    column = st.column_config
    figures = {f"recall_{k}": [of.recall_at[k] for of in found] for k in AT}
    st.dataframe(
        {
            "class": [of.label for of in found],
            "queries": [of.queries for of in found],
            "misses": [of.misses for of in found],
            **figures,
            "precision": [of.map_at_r for of in found],
            "taken_for": [of.most_taken_for for of in found],
        },
        key="classes_table",
        hide_index=True,
        height=min(360, 38 + 35 * len(found)),
        on_select=open_row,
        selection_mode="single-row",
        column_config={
            "class": column.TextColumn("Class"),
            "queries": column.NumberColumn("Queries"),
            "misses": column.NumberColumn("Misses"),
            **{
                f"recall_{k}": column.ProgressColumn(
                    f"Recall@{k}", format="percent", min_value=0, max_value=1
                )
                for k in AT
            },
            "precision": column.ProgressColumn("mAP@R", format="percent", min_value=0, max_value=1),
            "taken_for": column.TextColumn("Mostly taken for"),
        },
    )
    st.caption("The class that is found worst stands first. Click one to see its misses.")
