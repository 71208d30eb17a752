"""What the Region page shows: the rankings beside one another, and what the region carries."""

import json
from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from simviz_core.cli.search import search_command
from simviz_core.figures import FigureStyle, search_figure
from simviz_core.gallery import Conditions, Gallery
from simviz_core.networks import FINE_LABEL
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    FINE_NOTE,
    NOTHING,
    GalleryIndex,
    Reference,
    SearchReport,
    outside_note,
    ranking_rows,
    relative_search_as_json,
    search_as_json,
    search_panels,
    search_title,
)
from simviz_core.tables import as_csv
from simviz_ui.choices.display import style_controls
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.relative import relative_choice
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.values import show_values
from simviz_ui.navigation import hold, page_fragment, run_again
from simviz_ui.region.boxes import CANVAS_BOX
from simviz_ui.region.checks import region_check
from simviz_ui.region.columns import Column, show_columns
from simviz_ui.region.drawing import draw_region
from simviz_ui.region.fine import fine_choice
from simviz_ui.region.parts import collect_parts, export_parts, parts_search
from simviz_ui.region.rankings import (
    both_rankings,
    by_the_crop,
    class_rankings,
    region_cells,
    share_of,
)
from simviz_ui.retrieval.conditions import say_conditions
from simviz_ui.retrieval.filters import filter_controls
from simviz_ui.retrieval.matches import (
    Query,
    search_report,
)
from simviz_ui.retrieval.quality import show_coverage
from simviz_ui.retrieval.relative import (
    chosen_reference,
)
from simviz_ui.retrieval.tier import say_found_by
from simviz_ui.serving.resources import run_missing


@page_fragment
def region_search(
    gallery: Gallery,
    index: GalleryIndex,
    query: Query,
    settings: NetworkSettings,
) -> None:
    """The canvas, and the rankings that follow what is drawn on it.

    A fragment: drawing runs it alone.
    """
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=CANVAS_BOX[0] + 4)
        right = st.container(width="stretch", key="rankings")
    with left:
        region = draw_region(query.chosen.id, query.chosen.picture, query.frame)
        weights = region_cells(region, query)
        note = "" if weights is None else outside_note(region, query.chosen.picture, query.frame)
        if note:
            st.caption(f":material/crop: {note}.")
        show_values([query.chosen.picture])
        share = st.empty()
        collect_parts(query.chosen, region, gallery, settings)
    with right:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            filters = filter_controls(gallery, query.label is not None)
            with st.popover("Display", icon=":material/palette:"):
                style = style_controls()
        say_conditions(filters.conditions, gallery.by_id.get(query.chosen.id), query.chosen.id)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            per_class = _per_class_control()
            with_crop = not per_class and _crop_control(bool(region.include))
            fine = fine_choice(settings) if weights is not None else None
        chosen = relative_choice(gallery, query.label)
        asker = (query.chosen.id, query.label)
        reference = chosen_reference(chosen, gallery, index, asker, settings)
        allowed = filters.allowed(index, query)
        if per_class:
            columns = class_rankings(index, query, region, fine, allowed, per_class)
        else:
            columns = both_rankings(index, query, region, weights, fine, allowed, filters.top)
            if with_crop:
                columns.append(by_the_crop(index, query, region, settings, allowed, filters.top))
                left.image(columns[-1].query.chosen.picture.pixels, "What is cut out", width=160)
        if fine is not None and reference is not None:
            st.caption(
                "Fine regions go without relative maps, which are of the coarse cells: these maps "
                "show contributions."
            )
            reference = None
        if weights is None:
            st.info("Draw a rectangle on the picture to search by what it covers.")
        elif not per_class:
            _show_share(share, columns[1], weights)
        show_weights(settings)
        show_coverage(index.coverage)
        several = parts_search(gallery, index, settings, filters, per_class)
        if several is not None:
            columns = [several.column, *columns[1:]]
        found = {column.title: column.ranking for column in columns}
        say_found_by(found, gallery, settings)
        waiting = show_columns(columns, style, settings, bool(per_class), reference)
        show_values(waiting)
        if run_missing(waiting, settings):
            run_again()
        options = [*filters.as_options(), *(["--per-class"] if per_class else [])]
        if several is not None:
            export_parts(several, gallery, settings, options, style)
        else:
            options += ["--fine"] if fine is not None else []
            _exports(gallery, columns, settings, options, style, reference, filters.conditions)
        if weights is not None and not per_class:
            region_check(query, region, columns[1], settings, style)


def _per_class_control() -> int:
    """How many classes to show the best image of; 0 shows the best images of all."""
    kind = st.segmented_control(
        "Show",
        ["images", "classes"],
        required=True,
        format_func=lambda name: "Best images" if name == "images" else "Best of each class",
        **hold("show"),
        label_visibility="collapsed",
    )
    if kind != "classes":
        return 0
    count = st.number_input(
        "Classes shown",
        1,
        12,
        **hold("classes_shown"),
        label_visibility="collapsed",
        width=110,
    )
    return int(count)


def _crop_control(is_possible: bool) -> bool:
    wanted = st.toggle(
        "Crop and re-embed",
        **hold("crop"),
        help="The usual alternative, for comparison: cut the region out, and run the network on "
        "the cut-out.",
    )
    return wanted and is_possible


def _show_share(place: st.delta_generator.DeltaGenerator, column: Column, weights: Tensor) -> None:
    """How much of the best match's similarity the region carries, and of how much of the image."""
    if not column.ranking.matches:
        return
    best, similarity = column.ranking.matches[0], column.ranking.similarities[0]
    with place.container(horizontal=True, gap="large"):
        st.metric(
            "Region carries",
            share_of(best.score, similarity),
            help=f"Of the similarity to its best match: {best.score:.4f} of {similarity:.4f}"
            f"{'.' if column.fine is None else f', by fine cells, {FINE_LABEL}.'}",
            width="content",
        )
        st.metric(
            "Without it",
            f"{column.ranking.without[0]:.4f}",
            f"{column.ranking.without[0] - similarity:+.4f}",
            help="The similarity to the best match without the contributions of the region's "
            "cells, in closed form; the network does not run. It is not the similarity minus what "
            "the region carries: the rest counts for more once it is gone, so that without a "
            "region that contributes the similarity may even be higher. Nor does it foretell what "
            "blanking the pixels does; the occlusion check below measures that.",
            width="content",
        )
        st.metric(
            "Region covers",
            f"{weights.mean().item():.0%}",
            help="Of the image's cells, each counted by the share that is covered.",
            width="content",
        )


def _reports(
    columns: Sequence[Column], settings: NetworkSettings
) -> list[tuple[str, SearchReport]]:
    """The rankings that are shown, each under its title."""
    return [
        (column.searched, SearchReport(settings, column.ranking, column.query.label))
        for column in columns
    ]


def _exports(
    gallery: Gallery,
    columns: Sequence[Column],
    settings: NetworkSettings,
    options: Sequence[str],
    style: FigureStyle,
    reference: Reference | None,
    conditions: Conditions,
) -> None:
    # The figure and the command are of one search, the tables of all that are shown.
    column = columns[min(1, len(columns) - 1)]
    chosen = column.query.chosen

    def figure(file_format: str) -> bytes:
        return search_figure(
            chosen.picture.pixels,
            column.query.frame,
            column.region,
            (chosen.picture.width, chosen.picture.height),
            search_panels(
                search_report(column.query, column.ranking, column.weights, settings, reference)
            ),
            search_title(column.searched, settings, ranking=column.ranking),
            style,
            reference,
            "" if column.fine is None else FINE_NOTE,
            file_format,
        )

    def table() -> str:
        return as_csv(ranking_rows(_reports(columns, settings)))

    def numbers() -> str:
        report = SearchReport(settings, column.ranking, column.query.label, fine=column.fine)
        values = search_as_json(report, chosen.path, column.region)
        values |= conditions.as_json()
        values["query_values"] = chosen.picture.values_as_json()
        values["query_note"] = chosen.picture.note or None
        if note := outside_note(column.region, chosen.picture, column.query.frame):
            values["region_note"] = note
        if reference is not None:
            is_region = column.weights is not None
            values |= {"relative": relative_search_as_json(reference, (), is_region)}
        values["rankings"] = ranking_rows(_reports(columns, settings))
        return json.dumps(values, indent=1)

    command = in_gallery(
        search_command(
            chosen.path,
            gallery_name(gallery),
            column.region,
            settings,
            style,
            max(1, len(column.ranking.matches)),
            options,
            relative=NOTHING if reference is None else reference.choice,
            approximate=column.ranking.is_approximate,
        ),
        gallery,
    )
    export_row(
        {
            **figure_files("region", figure),
            "Numbers (JSON)": ("region.json", numbers),
            "Rankings (CSV)": ("region.csv", table),
        },
        command,
    )
