"""Which classes are taken for which, and how well each class is found."""

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
from simviz_ui.display.messages import as_plotly_text, as_plotly_tick
from simviz_ui.navigation import choose

MOST_CLASSES = 40
"""Classes in the matrix; of more, those that take part in most confusions."""
LONGEST = 14
"""Letters of a name beside the matrix."""
OTHERS = "all others"


def show_confusions(outcomes: QueryOutcomes) -> None:
    """The confusions, most frequent first, beside the matrix; a click shows their misses."""
    found = confusions(outcomes)
    if not found:
        return
    st.subheader("What is taken for what")
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _list(found)
    with right:
        labels = most_confused(outcomes, MOST_CLASSES)
        counts = confusion_counts(outcomes, labels)
        st.plotly_chart(_matrix(counts, labels), key="confusion", config={"displaylogo": False})
        most = len(outcomes.index.classes)
        shown = "All classes" if len(labels) == most else "The classes"
        of_all = "" if len(labels) == most else f", {len(labels)} of {most:,}"
        st.caption(
            f"{shown} that take part in confusions{of_all}: a row for the queries of a class, a "
            "column for what their nearest neighbours are. Hits, on the diagonal, are left out; "
            f"*{OTHERS}* are the classes that are not shown, and images without one."
        )


def _list(found: list[Confusion]) -> None:
    def open_row() -> None:
        chosen = st.session_state["confusions_table"].selection.rows
        if chosen:
            confusion = found[chosen[0]]
            choose(of_classes=(confusion.label,), taken_for=(confusion.taken_for,))

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


def _matrix(counts: np.ndarray, labels: list[str]) -> go.Figure:
    shown = counts.astype(float)
    places = np.arange(len(labels))
    shown[places, places] = np.nan
    of = np.array([as_plotly_text(label) for label in labels], dtype=object)
    taken_for = np.array([*of, OTHERS], dtype=object)
    words = of[:, None] + " taken for " + taken_for[None, :]
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            text=words,
            hovertemplate="%{text}: %{z:.0f}<extra></extra>",
            hoverongaps=False,
            colorscale="Viridis",
            zmin=0,
            zmax=max(1.0, float(np.nanmax(shown, initial=1.0))),
            colorbar={"title": {"text": "queries"}, "thickness": 14},
        )
    )
    axis = {"tickfont": {"size": 9}, "showgrid": False, "zeroline": False}
    ticks = [as_plotly_tick(label, LONGEST) for label in labels]
    figure.update_layout(
        height=460,
        margin={"l": 90, "r": 10, "t": 10, "b": 90},
        xaxis={
            **axis,
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
        chosen = st.session_state["classes_table"].selection.rows
        if chosen and found[chosen[0]].misses:
            choose(of_classes=(found[chosen[0]].label,), taken_for=())

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
