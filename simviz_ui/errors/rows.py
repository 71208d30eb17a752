"""The rows of the table of misses: which are shown, in which order, and the step from one on."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from simviz_core.misses import (
    COMPARED_KINDS,
    MISS_ORDERS,
    Comparison,
    QueryOutcome,
    list_misses,
    sorted_misses,
)
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import QueryOutcomes
from simviz_ui.navigation import hold

ORDER_TITLES = {
    "margin": "Widest margin first",
    "close": "Closest first",
    "rank": "Latest right one first",
    "precision": "Lowest precision first",
    "class": "By class",
    "taken_for": "By what it is taken for",
    "gallery": "As in the gallery",
}
CHANGE_TITLES = {"all": "All", "fixed": "Fixed", "broken": "Broken", "missed": "Missed by both"}
NOT_THERE = "Not all classes of the link have misses here; shown are: {shown}."


@dataclass(frozen=True)
class ShownMiss:
    """One row of the table.

    Attributes:
        outcome: The query and what it finds, by the network that misses.
        settings: That network.
        change: What becomes of the query under the other network; "" where none is compared.
    """

    outcome: QueryOutcome
    settings: NetworkSettings
    change: str = ""


def chosen_rows(
    outcomes: QueryOutcomes,
    settings: NetworkSettings,
    comparison: Comparison | None,
    other: NetworkSettings | None,
) -> list[ShownMiss]:
    """Show the order and the filters of the table, and return its rows.

    Args:
        outcomes: What every query finds.
        settings: By this network.
        comparison: What another one makes of the queries; None where none is compared.
        other: That network.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        kind = "all"
        if comparison is not None:
            kind = st.segmented_control(
                "Change",
                list(CHANGE_TITLES),
                required=True,
                format_func=lambda name: _change_title(name, comparison),
                **hold("change"),
                help="Fixed: a miss that the other network finds right. Broken: a hit that it "
                "misses; the row shows what that one finds.",
            )
        found = _found(outcomes, settings, comparison, other, kind or "all")
        order = st.selectbox(
            "Order",
            list(MISS_ORDERS),
            format_func=ORDER_TITLES.__getitem__,
            **hold("order"),
            width=210,
            help="The order that N and P step in.",
        )
        labels = sorted({row.outcome.query.label or "" for row in found})
        of_classes = st.multiselect(
            "Class",
            labels,
            **hold("of_classes", options=labels, instead=NOT_THERE),
            placeholder="All classes",
            width=230,
        )
        taken = sorted({row.outcome.taken_for for row in found})
        taken_for = st.multiselect(
            "Taken for",
            taken,
            **hold("taken_for", options=taken, instead=NOT_THERE),
            placeholder="All classes",
            width=230,
        )
    kept = {
        row.outcome: row
        for row in found
        if (not of_classes or row.outcome.query.label in of_classes)
        and (not taken_for or row.outcome.taken_for in taken_for)
    }
    return [kept[outcome] for outcome in sorted_misses(list(kept), order)]


def _change_title(name: str, comparison: Comparison) -> str:
    count = len(comparison.kind) if name == "all" else comparison.counts[name]
    return f"{CHANGE_TITLES[name]} {count:,}"


def _found(
    outcomes: QueryOutcomes,
    settings: NetworkSettings,
    comparison: Comparison | None,
    other: NetworkSettings | None,
    kind: str,
) -> Sequence[ShownMiss]:
    if comparison is None or other is None:
        return [ShownMiss(miss, settings) for miss in list_misses(outcomes)]
    rows = []
    for change in COMPARED_KINDS if kind == "all" else (kind,):
        for before, after in comparison.rows(change):
            if change == "broken":
                rows.append(ShownMiss(after, other, change))
            else:
                rows.append(ShownMiss(before, settings, change))
    return rows
