"""What the Search page shows: filters, matches with maps on both sides, exports."""

import json

import streamlit as st

from simviz_core.cli.search import search_command
from simviz_core.figures import FigureStyle, search_figure
from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    NOTHING,
    GalleryIndex,
    Ranking,
    Reference,
    Region,
    RelativeTo,
    SearchReport,
    rank,
    ranking_rows,
    relative_search_as_json,
    search_as_json,
    search_panels,
    search_title,
)
from simviz_core.tables import as_csv
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.relative import relative_choice
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.components.results import ShownQuery, results_grid
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import CONTRIBUTION, as_data_uri, colour_bar, fitted
from simviz_ui.display.values import show_values
from simviz_ui.navigation import page_fragment
from simviz_ui.retrieval.filters import Filters, search_controls
from simviz_ui.retrieval.matches import (
    QUERY_BOX,
    Query,
    make_query_of,
    maps_of,
    match_scales,
    open_in_pair,
    search_report,
    shown_matches,
)
from simviz_ui.retrieval.relative import (
    chosen_reference,
    in_words,
    relative_maps_of,
    say_reference,
    shown_instead,
)
from simviz_ui.retrieval.standing import show_standing
from simviz_ui.retrieval.tier import say_found_by
from simviz_ui.search.against import choose_two
from simviz_ui.serving.resources import open_picture, run_missing


@page_fragment
def show_matches(
    gallery: Gallery,
    index: GalleryIndex,
    query: Query,
    settings: NetworkSettings,
) -> None:
    """The matches, at first plain and then with their maps, and the exports.

    A fragment: its controls run it alone.
    """
    filters, style = search_controls(gallery, query)
    chosen = relative_choice(gallery, query.label)
    asker = (query.chosen.id, query.label)
    reference = chosen_reference(chosen, gallery, index, asker, settings)
    allowed = filters.allowed(index, query)
    ranking = rank(index, query.image, None, filters.top, allowed)
    if not ranking.matches:
        st.info("No image is left to be found. Choose more classes.")
        return
    pictures = [open_picture(match) for match in ranking.matches]
    relative = relative_maps_of(query.image, pictures, None, settings, reference)
    maps = shown_instead(maps_of(query, ranking, pictures, None, settings), relative)
    scales = match_scales(maps, style, True, is_relative=reference is not None)
    notes = [f"difference {each.query.difference:+.3f}" if each else "" for each in relative]
    shown = shown_matches(query, ranking, pictures, maps, style, scales, notes, True)
    plain = as_data_uri(fitted(query.seen, QUERY_BOX))
    show_weights(settings)
    say_found_by({"Whole image": ranking}, gallery, settings)
    results_grid(shown, "matches", open_in_pair, make_query_of, ShownQuery(plain, query.chosen.id))
    show_values([query.chosen.picture, *pictures])
    choose_two(index, query, ranking, allowed)
    if run_missing(pictures, settings):
        st.rerun()
    if scales.shared:
        colour_bar(
            scales.shared, CONTRIBUTION if reference is None else in_words(reference).measured
        )
    if reference is not None:
        say_reference(reference, relative[0])
    show_standing(ranking.matches[0].score, index, "Best match: ")
    _exports(gallery, query, ranking, settings, filters, style, reference)


def _exports(
    gallery: Gallery,
    query: Query,
    ranking: Ranking,
    settings: NetworkSettings,
    filters: Filters,
    style: FigureStyle,
    reference: Reference | None,
) -> None:
    chosen = query.chosen

    def figure(file_format: str) -> bytes:
        return search_figure(
            chosen.picture.pixels,
            settings.frame(chosen.picture.pixels),
            Region(),
            (chosen.picture.width, chosen.picture.height),
            search_panels(search_report(query, ranking, None, settings, reference)),
            search_title("whole image", settings, ranking=ranking),
            style,
            reference,
            file_format,
        )

    def table() -> str:
        report = SearchReport(settings, ranking, query.label)
        return as_csv(ranking_rows([("whole image", report)]))

    def numbers() -> str:
        report = SearchReport(settings, ranking, query.label)
        values = search_as_json(report, chosen.path, Region())
        values |= filters.conditions.as_json()
        values["query_values"] = chosen.picture.values_as_json()
        values["query_note"] = chosen.picture.note or None
        if reference is not None:
            values |= {"relative": relative_search_as_json(reference, (), is_region=False)}
        return json.dumps(values, indent=1)

    export_row(
        {
            **figure_files("search", figure),
            "Numbers (JSON)": ("search.json", numbers),
            "Ranking (CSV)": ("search.csv", table),
        },
        command_of(
            gallery,
            query,
            settings,
            style,
            filters,
            relative=NOTHING if reference is None else reference.choice,
            approximate=ranking.is_approximate,
        ),
    )


def command_of(
    gallery: Gallery,
    query: Query,
    settings: NetworkSettings,
    style: FigureStyle,
    filters: Filters,
    relative: RelativeTo = NOTHING,
    is_comparison: bool = False,
    approximate: bool = False,
) -> str:
    """The command that searches by the whole image and draws the same."""
    command = search_command(
        query.chosen.path,
        gallery_name(gallery),
        Region(),
        settings,
        style,
        filters.top,
        filters.as_options(),
        is_comparison=is_comparison,
        relative=relative,
        approximate=approximate,
    )
    return in_gallery(command, gallery)
