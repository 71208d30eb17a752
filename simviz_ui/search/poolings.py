"""The Search page's comparison of poolings: the matches of each in a row of its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from simviz_core.decomposition import CLASS_TOKEN
from simviz_core.figures import FigureStyle, MapScales, search_poolings_figure, spread_line
from simviz_core.gallery import Gallery
from simviz_core.images import LoadedImage
from simviz_core.map_measures import map_spread, mean_spread
from simviz_core.networks.poolings import POOLING_TITLES
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import COMPARED
from simviz_core.retrieval import (
    GalleryIndex,
    MatchMaps,
    Ranking,
    Region,
    SearchReport,
    rank,
    ranking_rows,
    search_as_json,
    search_panels,
    search_title,
    searches_as_json,
)
from simviz_core.tables import as_csv
from simviz_ui.choices.display import offer_own_scales
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.components.results import ShownQuery, results_grid
from simviz_ui.display.compared_maps import SPREAD_HELP
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import as_data_uri, colour_bar, fitted
from simviz_ui.display.values import show_values
from simviz_ui.navigation import page_fragment, run_again
from simviz_ui.retrieval.filters import Filters, search_controls
from simviz_ui.retrieval.matches import (
    QUERY_BOX,
    Query,
    make_query,
    make_query_of,
    maps_of,
    match_scales,
    open_in_pair,
    search_report,
    shown_matches,
)
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.search.view import command_of
from simviz_ui.serving.resources import open_picture, run_missing, with_weights_and_engine

PURPOSE = "search with"
"""Of the indexes beside that of the page, before the pooling's name."""


@dataclass(frozen=True)
class _Row:
    """The matches under one pooling.

    Attributes:
        settings: With this pooling.
        query: Decomposed with it.
        ranking: What was found.
        pictures: Of each match; None where it cannot be read.
        maps: Of each match; None where there is none yet.
    """

    settings: NetworkSettings
    query: Query
    ranking: Ranking
    pictures: Sequence[LoadedImage | None]
    maps: Sequence[MatchMaps | None]


@page_fragment
def show_poolings(
    gallery: Gallery, index: GalleryIndex, query: Query, settings: NetworkSettings
) -> None:
    """The matches under each pooling whose index there is, and the offer to make the others.

    A fragment: its controls run it alone.

    Args:
        gallery: Where to search.
        index: With the sidebar's pooling.
        query: Decomposed with the sidebar's pooling.
        settings: Of the sidebar.
    """
    filters, style = search_controls(gallery, query)
    places, rows = {}, {}
    for pooling in COMPARED:
        places[pooling] = st.container()
        with places[pooling]:
            heading = st.empty()
            heading.markdown(f"**{POOLING_TITLES[pooling]}**")
            is_own = pooling == settings.pooling
            own = settings
            if not is_own:
                own = with_weights_and_engine(replace(settings, pooling=pooling))
            others = [
                replace(settings, pooling=name)
                for name in COMPARED
                if name not in (pooling, settings.pooling)
            ]
            purpose = f"{PURPOSE} {pooling}"
            ready = index if is_own else gallery_index(gallery, own, purpose, others)
            if ready is not None and (row := _find(gallery, ready, query, own, filters)):
                rows[pooling] = row
                measured = [map_spread(found.match_map) for found in row.maps if found]
                spread = (
                    f" · the matches' maps on average: {mean_spread(measured)}" if measured else ""
                )
                heading.markdown(f"**{POOLING_TITLES[pooling]}**{spread}", help=SPREAD_HELP)
    if not rows:
        st.info("No image is left to be found. Choose more classes.")
        return
    show_weights(*(row.settings for row in rows.values()))
    scales = match_scales([m for row in rows.values() for m in row.maps], style, True)
    for pooling, row in rows.items():
        with places[pooling]:
            _show_row(row, style, scales, is_own=pooling == settings.pooling)
    pictures = [picture for row in rows.values() for picture in row.pictures]
    show_values([query.chosen.picture, *pictures])
    # A class token's map is another one than that which the compared poolings have in common.
    is_token = settings.pooling == CLASS_TOKEN
    if run_missing(pictures, next(iter(rows.values())).settings if is_token else settings):
        run_again()
    if scales.shared:
        colour_bar(scales.shared)
    groups = {
        POOLING_TITLES[pooling]: [
            values for maps in row.maps if maps for values in (maps.query_map, maps.match_map)
        ]
        for pooling, row in rows.items()
    }
    offer_own_scales(scales, groups, "own_scales_of_poolings")
    _exports(gallery, rows, settings, filters, style)


def _find(
    gallery: Gallery,
    index: GalleryIndex,
    query: Query,
    settings: NetworkSettings,
    filters: Filters,
) -> _Row | None:
    """Search under one pooling; None where nothing may be found."""
    own = make_query(query.chosen, gallery, settings)
    ranking = rank(index, own.image, None, filters.top, filters.allowed(index, own))
    if not ranking.matches:
        return None
    pictures = [open_picture(match) for match in ranking.matches]
    return _Row(settings, own, ranking, pictures, maps_of(own, ranking, pictures, None, settings))


def _report(row: _Row) -> SearchReport:
    return SearchReport(row.settings, row.ranking, row.query.label, maps=row.maps)


def _show_row(row: _Row, style: FigureStyle, scales: MapScales, is_own: bool) -> None:
    pooling = row.settings.pooling
    notes = [spread_line(map_spread(found.match_map)) if found else "" for found in row.maps]
    shown = shown_matches(
        row.query, row.ranking, row.pictures, row.maps, style, scales, notes, True
    )
    picture = as_data_uri(fitted(row.query.seen, QUERY_BOX))
    results_grid(
        shown,
        f"matches_{pooling}",
        open_in_pair if is_own else partial(open_in_pair, pooling=pooling),
        make_query_of,
        ShownQuery(picture, row.query.chosen.id),
        card_width="7rem",
        query_share=0.2,
    )


def _exports(
    gallery: Gallery,
    rows: dict[str, _Row],
    settings: NetworkSettings,
    filters: Filters,
    style: FigureStyle,
) -> None:
    # What is exported is what is shown; the command indexes what is missing.
    query = next(iter(rows.values())).query
    chosen = query.chosen

    def figure(file_format: str) -> bytes:
        lines = [
            (pooling, search_panels(search_report(row.query, row.ranking, None, row.settings)))
            for pooling, row in rows.items()
        ]
        title = search_title("whole image", settings, is_comparison=True)
        readable = [(pooling, panels) for pooling, panels in lines if panels]
        return search_poolings_figure(query.seen, readable, title, style, file_format)

    def table() -> str:
        return as_csv(ranking_rows([(pooling, _report(row)) for pooling, row in rows.items()]))

    def numbers() -> str:
        own = rows.get(settings.pooling)
        values = search_as_json(_report(own), chosen.path, Region()) if own else {}
        values["query_values"] = chosen.picture.values_as_json()
        values["query_note"] = chosen.picture.note or None
        compared = searches_as_json([_report(row) for row in rows.values()])
        values |= {"poolings": compared, **filters.conditions.as_json()}
        return json.dumps(values, indent=1)

    export_row(
        {
            **figure_files("search-poolings", figure, "Comparison"),
            "Comparison (JSON)": ("search-poolings.json", numbers),
            "Rankings (CSV)": ("search-poolings.csv", table),
        },
        command_of(gallery, query, settings, style, filters, is_comparison=True),
    )
