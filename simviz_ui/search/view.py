"""What the Search page shows: filters, matches with maps on both sides, exports."""

import json
from dataclasses import dataclass

import streamlit as st

from simviz_core.cli import search_command
from simviz_core.figures import FigureStyle, search_figure
from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import GalleryIndex, Mask, Ranking, Region, choose, rank, search_as_json
from simviz_ui.choices.galleries import gallery_name
from simviz_ui.components.results import ShownQuery, results_grid
from simviz_ui.display.exports import export_row
from simviz_ui.display.map_style import as_data_uri, colour_bar, fitted, style_controls
from simviz_ui.navigation import follow_click
from simviz_ui.retrieval.matches import (
    QUERY_BOX,
    Query,
    make_query_of,
    maps_of,
    match_scales,
    open_in_pair,
    search_panels,
    shown_matches,
)
from simviz_ui.serving.resources import open_picture, run_missing

TOPS = (6, 12, 24)


@dataclass(frozen=True)
class Filters:
    """Which images may be found, and how many are shown.

    Attributes:
        top: How many matches.
        classes: Only these; none means all.
        keep_query: Whether the query itself may be found.
        without_own_class: Whether the query's class is left out.
    """

    top: int
    classes: tuple[str, ...] = ()
    keep_query: bool = False
    without_own_class: bool = False

    def allowed(self, index: GalleryIndex, query: Query) -> Mask:
        """Which images of an index may be found, (N,)."""
        return choose(
            index,
            [label for label in self.classes if label in index.classes] or None,
            without_image=None if self.keep_query else query.chosen.id,
            without_class=query.label if self.without_own_class else None,
        )

    def as_options(self) -> list[str]:
        """The same as options of the command line."""
        words = [f"--class={label}" for label in self.classes]
        words += ["--keep-query"] if self.keep_query else []
        return [*words, "--exclude-own-class"] if self.without_own_class else words


def filter_controls(gallery: Gallery, query_has_class: bool) -> Filters:
    """Show how many matches, and the filters, and return what they say."""
    top = st.segmented_control(
        "Matches",
        TOPS,
        default=TOPS[1],
        required=True,
        key="top",
        bind="query-params",
        label_visibility="collapsed",
    )
    with st.popover("Filter", icon=":material/filter_alt:"):
        classes = st.multiselect(
            "Classes",
            list(gallery.by_label),
            key="classes",
            bind="query-params",
            placeholder="All classes",
            disabled=not gallery.by_label,
        )
        keep_query = st.checkbox(
            "Let the query itself be found", key="keep_query", bind="query-params"
        )
        without_own_class = st.checkbox(
            "Leave out the query's class",
            key="without_own_class",
            bind="query-params",
            disabled=not query_has_class,
            help="What else is similar?",
        )
    return Filters(
        top or TOPS[1], tuple(classes), keep_query, without_own_class and query_has_class
    )


def search_controls(gallery: Gallery, query: Query) -> tuple[Filters, FigureStyle]:
    """Show the filters and the controls of the display in one row, and return what they say."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        filters = filter_controls(gallery, query.label is not None)
        with st.popover("Display", icon=":material/palette:"):
            style = style_controls()
    return filters, style


@st.fragment
def show_matches(
    gallery: Gallery,
    index: GalleryIndex,
    query: Query,
    settings: NetworkSettings,
) -> None:
    """The matches, at first plain and then with their maps, and the exports.

    A fragment: its controls run it alone.
    """
    follow_click()
    filters, style = search_controls(gallery, query)
    ranking = rank(index, query.image, None, filters.top, filters.allowed(index, query))
    if not ranking.matches:
        st.info("No image is left to be found. Choose more classes.")
        return
    pictures = [open_picture(match) for match in ranking.matches]
    maps = maps_of(query, ranking, pictures, None, settings)
    scales = match_scales(maps, style, with_query_maps=True)
    shown = shown_matches(query, ranking, pictures, maps, style, scales, with_query_maps=True)
    plain = as_data_uri(fitted(query.chosen.picture.pixels, QUERY_BOX))
    results_grid(shown, "matches", open_in_pair, make_query_of, ShownQuery(plain, query.chosen.id))
    if run_missing(pictures, settings):
        st.rerun()
    if style.shared_scale and scales:
        colour_bar(scales[0])
    _exports(gallery, query, ranking, settings, filters, style)


def _exports(
    gallery: Gallery,
    query: Query,
    ranking: Ranking,
    settings: NetworkSettings,
    filters: Filters,
    style: FigureStyle,
) -> None:
    chosen = query.chosen

    def figure() -> bytes:
        title = settings.title
        return search_figure(
            chosen.picture.pixels,
            Region(),
            (chosen.picture.width, chosen.picture.height),
            search_panels(query, ranking, None, settings),
            f"whole image   ·   {title}",
            style,
        )

    def numbers() -> str:
        return json.dumps(search_as_json(ranking, chosen.path, Region(), settings), indent=1)

    export_row(
        {
            "Figure (PNG)": ("search.png", figure),
            "Numbers (JSON)": ("search.json", numbers),
        },
        search_command(
            chosen.path,
            gallery_name(gallery),
            Region(),
            settings,
            style,
            filters.top,
            filters.as_options(),
        ),
    )
