"""The queries that changed most between the checkpoints that are shown."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.following import ChangedQuery, most_changed
from simviz_core.gallery import Gallery
from simviz_ui.checkpoints.indexes import CheckpointIndex
from simviz_ui.checkpoints.reports import rows_to_search
from simviz_ui.choices.allowed import readable_path
from simviz_ui.choices.network import as_fields
from simviz_ui.choices.selection import keep_selection
from simviz_ui.choices.weights_in_use import PRETRAINED
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.display.rows import clicked_row
from simviz_ui.navigation import ERRORS_PAGE, choose, open_page, page_fragment, view
from simviz_ui.serving.resources import network_of
from simviz_ui.view import CONDITIONS, DEFAULTS

RANKED = "most_changed"
"""In the session: the ids of the queries, most changed first."""
STEPPED = "most_changed_last"
"""In the session: the query that was chosen last by the button or by a row."""
NOT_KEPT = "errors_between_not_kept"
"""In the session, once: why the images that are searched could not be kept as a selection."""


@page_fragment
def show_most_changed(
    gallery: Gallery, places: Sequence[CheckpointIndex], all_classes: bool
) -> None:
    """A table of all queries, ranked by how much changed; a click opens one in the grid.

    Args:
        gallery: The gallery.
        places: The checkpoints that are shown.
        all_classes: Whether images of the classes that training saw are asked, too.
    """
    runs = {place.run.root: place.run for place in places}
    ready = {
        root: [place for place in places if place.run.root == root and place.index is not None]
        for root in runs
    }
    offered = [root for root, found in ready.items() if len(found) > 1]
    if not offered:
        return
    st.subheader("What changed most")
    root = offered[0]
    if len(offered) > 1:
        root = st.segmented_control(
            "Run",
            offered,
            default=offered[0],
            required=True,
            format_func=lambda path: as_markdown(path.resolve().name),
            key="changed_run",
        )
    first, last = ready[root][0], ready[root][-1]
    st.caption(
        f"Every image as the query, from iteration {first.checkpoint.iteration:,} to "
        f"{last.checkpoint.iteration:,}. Click a row to follow it."
    )
    if gallery.by_label:
        _offer_errors(gallery, first, last, all_classes)
    with_maps = (first.settings, last.settings, all_classes) in _compared()
    changed = _changed(first, last, all_classes, with_maps)
    if changed is None:
        return
    st.session_state[RANKED] = [found.image.id for found in changed]
    _table(changed, with_maps)
    if not with_maps:
        st.button(
            "Compare their maps, too",
            icon=":material/compare:",
            key="compare_maps",
            on_click=_compared().add,
            args=((first.settings, last.settings, all_classes),),
            help="Runs both networks on every image.",
        )


def _offer_errors(
    gallery: Gallery, first: CheckpointIndex, last: CheckpointIndex, all_classes: bool
) -> None:
    """Offer what becomes of every query between two checkpoints, on the Errors page."""
    if message := st.session_state.pop(NOT_KEPT, None):
        show_error(message)
    assert first.index is not None
    rows = rows_to_search(first, all_classes)
    is_part = not rows.all()
    ids = [
        image.id for image, is_searched in zip(first.index.images, rows, strict=True) if is_searched
    ]
    part = f"Of the {len(ids):,} images that are searched here. " if is_part else ""

    def open_errors() -> None:
        try:
            selection = keep_selection(gallery, ids) if is_part else None
        except (SimVizError, OSError) as error:
            st.session_state[NOT_KEPT] = str(error)
            return
        path = last.checkpoint.path
        compared = {"compared_with": readable_path(path) if path else PRETRAINED}
        everything = {"change": "all", "of_classes": (), "taken_for": ()}
        everything |= {name: DEFAULTS[name] for name in CONDITIONS}
        network = as_fields(first.settings)
        open_page(ERRORS_PAGE, **network, **compared, **everything, selection=selection)

    st.button(
        "Which queries are fixed, which broken?",
        icon=":material/rule:",
        key="errors_between",
        on_click=open_errors,
        help=f"Opens Errors on iteration {first.checkpoint.iteration:,}, compared with iteration "
        f"{last.checkpoint.iteration:,}. {part}".strip(),
    )


def choose_most_changed() -> None:
    """Choose the query that changed most, or, where that was done before, the next one.

    For callbacks. Whoever has chosen another query meanwhile begins again at the first row.
    """
    ranked = st.session_state.get(RANKED, [])
    if not ranked:
        return
    current = view().query
    is_stepping = current in ranked and current == st.session_state.get(STEPPED)
    _choose_row(ranked[(ranked.index(current) + 1) % len(ranked)] if is_stepping else ranked[0])


def _choose_row(image_id: str) -> None:
    st.session_state[STEPPED] = image_id
    choose(query=image_id)


def _compared() -> set[object]:
    """Which checkpoints this session has asked to compare the maps of."""
    return st.session_state.setdefault("compared_maps", set())


def _changed(
    first: CheckpointIndex, last: CheckpointIndex, all_classes: bool, with_maps: bool
) -> list[ChangedQuery] | None:
    assert first.index is not None
    assert last.index is not None
    kept = st.session_state.setdefault("changed_queries", {})
    key = (first.settings, last.settings, all_classes, with_maps)
    held = kept.get(key)
    if held and held[0] is first.index and held[1] is last.index:
        return held[2]
    bar = st.progress(0.0, "Comparing …") if with_maps else None

    def show(done: int, total: int) -> None:
        if bar is not None:
            bar.progress(done / total, f"Comparing maps: {done:,} of {total:,} images …")

    load = [partial(network_of, p.settings) if with_maps else None for p in (first, last)]
    try:
        changed = most_changed(
            (load[0], first.index), (load[1], last.index), rows_to_search(first, all_classes), show
        )
    except SimVizError as error:
        show_error(error)
        return None
    if bar is not None:
        bar.empty()
    kept.clear()
    kept[key] = (first.index, last.index, changed)
    return changed


def _table(changed: Sequence[ChangedQuery], with_maps: bool) -> None:
    rows = {
        "query": [found.image.id for found in changed],
        "class": [found.image.label for found in changed],
        "stayed": [found.change.neighbour_overlap for found in changed],
    }
    if with_maps:
        rows["pearson"] = [found.change.pearson for found in changed]
        rows["divergence"] = [found.change.jensen_shannon for found in changed]
    column = st.column_config

    def open_row() -> None:
        if clicked := clicked_row("changed_table", changed):
            _choose_row(clicked.image.id)

    st.dataframe(
        rows,
        key="changed_table",
        hide_index=True,
        height=320,
        on_select=open_row,
        selection_mode="single-row",
        column_config={
            "query": column.TextColumn("Query"),
            "class": column.TextColumn("Class"),
            "stayed": column.ProgressColumn(
                "Neighbours that stayed",
                format="percent",
                min_value=0,
                max_value=1,
                help="Share of the 10 nearest that are still among them.",
            ),
            "pearson": column.NumberColumn("Map: Pearson's r", format="%.3f"),
            "divergence": column.NumberColumn("Map: Jensen-Shannon (bits)", format="%.4f"),
        },
    )
