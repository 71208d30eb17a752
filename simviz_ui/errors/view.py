"""What the Errors page shows: the misses as a table, one of them in full, and the exports."""

import json
from collections.abc import Sequence

import streamlit as st

from simviz_core.cli.errors import errors_command
from simviz_core.errors import GalleryError
from simviz_core.gallery import COPY_FROM, Conditions, Gallery, Selection
from simviz_core.misses import Comparison, MissReport, misses_as_csv, misses_as_json
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import GalleryIndex, QueryOutcomes, quality_of
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.selection import part_selected
from simviz_ui.choices.stepping import step_buttons
from simviz_ui.components.reveal import reveal
from simviz_ui.components.steps import steps_counted
from simviz_ui.display.exports import export_row
from simviz_ui.display.messages import as_markdown
from simviz_ui.errors.compared import compare_with, other_network
from simviz_ui.errors.confused import CHOSEN, show_classes, show_confusions
from simviz_ui.errors.details import place_of, show_miss
from simviz_ui.errors.rows import CHANGE_TITLES, ShownMiss, chosen_rows
from simviz_ui.navigation import choose, is_choice, view, was_shown
from simviz_ui.retrieval.conditions import chosen_conditions, condition_controls
from simviz_ui.retrieval.outcomes import index_outcomes
from simviz_ui.retrieval.quality import show_quality

MISSES = "misses"
"""Key of the container with the table, which a click further down brings into view."""
COUNTED = "misses_counted"
"""In the session: how far the steps had come when the table was made."""
TOLD = "misses_told"
"""In the session: which table it is, and the row that it was told to mark last."""


def show_errors(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    selection: Selection | None,
) -> None:
    """Everything below the choice of gallery and network.

    Args:
        gallery: The gallery.
        index: Its embeddings.
        settings: By this network.
        selection: The images that stand for the gallery; None for all.
    """
    conditions = chosen_conditions(gallery)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        other = other_network(settings)
        with st.popover("Filter", icon=":material/filter_alt:"):
            condition_controls(gallery)
    index = part_selected(index, selection)
    try:
        outcomes = index_outcomes(gallery, index, settings, conditions)
    except GalleryError as error:
        _say_what_to_do(str(error), conditions, selection)
        return
    if outcomes is None:
        return
    show_quality(quality_of(outcomes), index)
    comparison = None
    if other is not None:
        comparison = compare_with(gallery, outcomes, other, conditions, selection)
    if outcomes.missed or comparison is not None:
        with st.container(key=MISSES):
            _show_table(gallery, chosen_rows(outcomes, settings, comparison, other))
        if st.session_state.pop(CHOSEN, False):
            reveal(MISSES)
    else:
        st.success("There are no misses: every nearest neighbour is of its image's class.")
    show_confusions(outcomes)
    show_classes(outcomes)
    _exports(gallery, settings, outcomes, comparison, other, selection)


def _say_what_to_do(reason: str, conditions: Conditions, selection: Selection | None) -> None:
    if selection is not None and not conditions:
        st.info(
            "There is nothing to ask: the selection has no class with two images. Select more on "
            "the Map page, or clear the selection.",
            icon=":material/lasso_select:",
        )
        return
    if conditions:
        st.info(as_markdown(f"There is nothing to ask: {reason}."), icon=":material/filter_alt:")
        return
    st.info(
        "An error is a nearest neighbour of another class, and this gallery has no class with two "
        "images. Put the images into one folder per class, or give the manifest a column `label`; "
        "then **Rescan** in the sidebar.",
        icon=":material/category:",
    )


def _show_table(gallery: Gallery, rows: Sequence[ShownMiss]) -> None:
    if not rows:
        st.info("No miss is left. Choose other classes.")
        return
    was_shown("query")
    place = place_of(rows, view().query)

    def take(query: str | None, steps: int) -> str:
        return rows[(place_of(rows, query) + steps) % len(rows)].outcome.query.id

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        is_single = len(rows) < 2
        step_buttons("query", "miss", take, disabled=is_single, with_keys=True, name="miss")
        what = "row" if rows[0].change else "miss"
        many = "rows" if rows[0].change else "misses"
        count = f"{place + 1:,} of {len(rows):,} {what if len(rows) == 1 else many}"
        st.markdown(f"**{count}**", width="content")
    _table(rows, place)
    show_miss(gallery, rows[place])


def _tell(place: int) -> str:
    """Have the table mark a row, whatever it marks in the browser; returns the table's key.

    It is told in every run: what the browser sent with this one may be older than what it has been
    told since, and marks next. A table takes no notice of what it was told last already: where
    somebody has marked another row since, which was passed over, a new table takes its place.
    """
    number, told = st.session_state.get(TOLD, (0, None))
    held = st.session_state.get(f"misses_table_{number}")
    if told == place and held and list(held["selection"]["rows"]) != [place]:
        number += 1
    st.session_state[TOLD] = number, place
    key = f"misses_table_{number}"
    st.session_state[key] = {"selection": {"rows": [place], "columns": [], "cells": []}}
    return key


def _table(rows: Sequence[ShownMiss], place: int) -> None:
    key = _tell(place)
    st.session_state[COUNTED] = steps_counted("miss")

    def open_row() -> None:
        (chosen,) = st.session_state[key]["selection"]["rows"]
        # A quick step, and a control of the miss' own, may come with the row that was marked before
        # the browser heard of the next one; any choice with one of more rows than there are now.
        is_step = steps_counted("miss") != st.session_state[COUNTED]
        if not is_step and is_choice("query") and chosen < len(rows):
            choose(query=rows[chosen].outcome.query.id)

    misses = [row.outcome for row in rows]
    columns = {
        "query": [miss.query.id for miss in misses],
        "class": [miss.query.label for miss in misses],
        "taken_for": [miss.taken_for for miss in misses],
        "margin": [miss.margin for miss in misses],
        "nearest": [miss.nearest_score for miss in misses],
        "right": [miss.right_score for miss in misses],
        "rank": [miss.rank for miss in misses],
        "precision": [miss.average_precision for miss in misses],
    }
    if any(miss.nearest_is_copy for miss in misses):
        columns["copy"] = ["copy" if miss.nearest_is_copy else "" for miss in misses]
    if rows[0].change:
        columns = {"change": [CHANGE_TITLES[row.change] for row in rows], **columns}
    column = st.column_config
    st.dataframe(
        columns,
        key=key,
        hide_index=True,
        height=min(320, 38 + 35 * len(rows)),
        on_select=open_row,
        selection_mode="single-row-required",
        column_config={
            "change": column.TextColumn("Change"),
            "query": column.TextColumn("Query", width="medium"),
            "class": column.TextColumn("Class"),
            "taken_for": column.TextColumn("Taken for"),
            "margin": column.NumberColumn(
                "Margin",
                format="%.4f",
                help="The similarity of the wrong nearest neighbour minus that of the best right "
                "one.",
            ),
            "nearest": column.NumberColumn("Wrong", format="%.4f", help="Its similarity."),
            "right": column.NumberColumn("Right", format="%.4f", help="The best one's similarity."),
            "copy": column.TextColumn(
                "Nearest is",
                help=f"A copy of the query, by a similarity of at least {COPY_FROM:g}: the same "
                "picture in two classes.",
            ),
            "rank": column.NumberColumn(
                "First right", help="The rank of the first image of the query's class."
            ),
            "precision": column.NumberColumn(
                "AP at R",
                format="%.3f",
                help="Average precision among the R nearest, R being the number of other images of "
                "the class; its mean over all queries is mAP@R.",
            ),
        },
    )


def _exports(
    gallery: Gallery,
    settings: NetworkSettings,
    outcomes: QueryOutcomes,
    comparison: Comparison | None,
    other: NetworkSettings | None,
    selection: Selection | None,
) -> None:
    order = view().order
    compared = other if comparison is not None else None
    selected = selection.name if selection else None
    report = MissReport(settings, outcomes, compared, comparison, order, selected)
    export_row(
        {
            "All misses (CSV)": ("errors.csv", lambda: misses_as_csv(report)),
            "Numbers (JSON)": (
                "errors.json",
                lambda: json.dumps(misses_as_json(report), indent=1),
            ),
        },
        in_gallery(
            errors_command(
                gallery_name(gallery), settings, outcomes.conditions, order, compared, selected
            ),
            gallery,
        ),
    )
