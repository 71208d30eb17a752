"""What the Map page shows: the map, the picture under the pointer, the query and its matches."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from simviz_core.cli.gallery.export import export_command
from simviz_core.cli.gallery.map import map_command
from simviz_core.errors import ImageError, SimVizError
from simviz_core.figures import gallery_map_figure
from simviz_core.gallery import Column, Gallery, Selection, value_text
from simviz_core.networks.settings import NetworkSettings
from simviz_core.projection import (
    CLASS,
    HIT,
    GalleryMap,
    grouping,
    groupings,
    image_rows,
    make_map,
    map_as_json,
    read_map,
    save_map,
)
from simviz_core.retrieval import (
    EmbeddingTable,
    GalleryIndex,
    Match,
    RetrievalQuality,
    choose,
    most_similar,
)
from simviz_core.tables import as_csv
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.selection import select, show_selection
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.map_marks import Mark, Picture, map_marks
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import as_data_uri
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.gallery_map.chart import map_chart
from simviz_ui.navigation import choose as choose_fields
from simviz_ui.navigation import hold, open_page, page_fragment, view
from simviz_ui.retrieval.outcomes import index_content
from simviz_ui.retrieval.panel import index_table
from simviz_ui.retrieval.progress import offer_job, show_job
from simviz_ui.retrieval.quality import index_quality
from simviz_ui.serving.background import Job, Jobs, Show
from simviz_ui.serving.resources import gallery_picture
from simviz_ui.serving.with_index import kept_with

AT_ONCE_UP_TO = 5000
"""Of as many images the map is made without asking first."""
MATCHES = 12
"""The query's most similar images, which are marked."""
PICTURE = (360, 360)
"""The picture under the pointer fits into this width and height, in pixels."""
CHART = "gallery_map"
NEXT_PAGES = (
    ("search", "image_search"),
    ("errors", "error"),
    ("region", "select"),
    ("classes", "category"),
)
"""Where a selection can be taken, with their icons."""
NO_SUCH_COLOUR = "The map cannot be coloured by {asked}; it is coloured by {shown}."


@dataclass(frozen=True)
class _Shown:
    """What the page shows.

    Attributes:
        gallery: The gallery.
        index: Its embeddings.
        settings: The network.
        found: The map.
        content: Of the index, by `content_of`.
        quality: Whose nearest neighbours are of their class; None without classes.
    """

    gallery: Gallery
    index: GalleryIndex
    settings: NetworkSettings
    found: GalleryMap
    content: str
    quality: RetrievalQuality | None


@st.cache_resource(show_spinner=False)
def map_jobs() -> Jobs[GalleryMap]:
    """The maps being made in this process."""
    return Jobs("map")


def map_of(
    gallery: Gallery, index: GalleryIndex, settings: NetworkSettings
) -> tuple[GalleryMap, str] | None:
    """The map of an index, and what it was made from; where there is none it is made.

    Returns:
        None while it is being made, or where it cannot be, after the page has said so.
    """
    try:
        table = index_table(gallery, settings)
    except SimVizError as error:
        show_error(error)
        return None
    content = index_content(index)
    kept: dict[str, GalleryMap] = kept_with(index, "map", dict)
    job = map_jobs().latest(content)
    if "map" not in kept:
        found = (job.value if job else None) or read_map(index, content, table)
        if found is not None:
            kept["map"] = found
    if "map" in kept:
        return kept["map"], content
    if job is not None and job.is_running:
        _show_progress(job)
    else:
        _offer(index, table, content, job)
    return None


def _offer(
    index: GalleryIndex, table: EmbeddingTable, content: str, job: Job[GalleryMap] | None
) -> None:
    """Make the map where it is little work; else, or where it was ended or failed, offer it."""
    if job is not None and job.error:
        show_error(job.error)
    elif job is None and len(index.images) <= AT_ONCE_UP_TO:
        _show_progress(_start(index, table, content))
        return
    offer_job(
        f"The {len(index.images):,} images have no map yet. It is made once, in the background, "
        "and kept with the index.",
        ":material/scatter_plot:",
        "Make the map",
        "make_map",
        partial(_start, index, table, content),
    )


def _start(index: GalleryIndex, table: EmbeddingTable, content: str) -> Job[GalleryMap]:
    def work(show: Show, is_cancelled: Callable[[], bool]) -> GalleryMap:
        found = make_map(index, on_progress=show, is_cancelled=is_cancelled)
        save_map(found, content, table)
        return found

    return map_jobs().start(content, work)


def _show_progress(job: Job[GalleryMap]) -> None:
    show_job(job, _words, "cancel_map")


def _words(job: Job[GalleryMap]) -> str:
    words = f"{job.step}, {job.done} of {job.total} steps" if job.done else job.step or "begins"
    return f"Making the map: {words} …"


def show_map(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    found: tuple[GalleryMap, str],
    query: ChosenImage | None,
    selection: Selection | None,
) -> None:
    """The map with its controls, what it is worth, and the exports."""
    quality = index_quality(index)
    shown = _Shown(gallery, index, settings, *found, quality)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        group = _colour_choice(shown)
        _selection_tools(selection)
    matches = _matches(index, query)
    with st.container(key=CHART):
        _chart(shown, group, selection)
    _over_the_chart(shown, query, matches)
    st.caption(f":material/info: **What this is.** {as_markdown(shown.found.caution)}")
    _say_marks(index, query, matches)
    show_weights(settings)
    if index.coverage.note:
        st.caption(f"The map {index.coverage.note}.")
    _exports(shown, group)


def _colour_choice(shown: _Shown) -> Column | None:
    offered = groupings(shown.index, shown.quality is not None)
    if not offered:
        return None
    titles = {CLASS: "Class", HIT: "Hit or miss"}
    by = st.selectbox(
        "Colour",
        offered,
        format_func=lambda name: titles.get(name, name),
        **hold("colour_by", offered[0], offered, instead=NO_SUCH_COLOUR),
        width=200,
        help="Hit or miss: whether an image's nearest neighbour is of its class.",
    )
    return grouping(shown.index, by or offered[0], shown.quality)


def _selection_tools(selection: Selection | None) -> None:
    """What is selected, and where to go with it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if selection is None:
            st.caption(
                "Draw around dots to select them (lasso or box, above the chart on the right); "
                "click one to make it the query; the wheel zooms."
            )
            return
        show_selection(selection)
        for page, icon in NEXT_PAGES:
            st.button(
                page.capitalize(),
                icon=f":material/{icon}:",
                key=f"selection_to_{page}",
                on_click=open_page,
                args=(page,),
                help=f"Open {page.capitalize()} on these images alone.",
            )


def _chart(shown: _Shown, group: Column | None, selection: Selection | None) -> None:
    """The chart. What is drawn on it stays as long as the chart is the same."""
    drawn_on = (shown.content, view().colour_by)
    name = selection.name if selection else None
    drawn = st.session_state.get("map_drawn")
    is_there = f"map_chart_{st.session_state.get('map_number')}" in st.session_state
    if drawn != (name, drawn_on) or not is_there:
        # Not drawn on this very chart: by a link, before the page was left, or cleared.
        number = st.session_state.get("map_number", 0) + 1
        st.session_state.update(map_number=number, map_marked=name, map_drawn=(name, drawn_on))
    is_marked = selection is not None and st.session_state["map_marked"] == selection.name
    rows = selection.rows(shown.index.images) if selection and is_marked else None
    key = f"map_chart_{st.session_state['map_number']}"

    def take() -> None:
        chosen = st.session_state[key]["selection"]
        if not (chosen["box"] or chosen["lasso"]):
            if view().selection is not None:
                choose_fields(selection=None)
            return
        ids = [shown.index.images[_row(point)].id for point in chosen["points"]]
        if not ids:
            return
        try:
            select(shown.gallery, ids)
        except (SimVizError, OSError) as error:
            st.session_state["map_error"] = str(error)
            return
        if st.session_state["map_marked"] is None:
            # The chart shows by itself what was drawn on it.
            st.session_state["map_drawn"] = (view().selection, drawn_on)

    if message := st.session_state.pop("map_error", None):
        show_error(message)
    st.plotly_chart(
        map_chart(shown.found.points, group, rows),
        key=key,
        on_select=take,
        selection_mode=("box", "lasso"),
        config={"displaylogo": False, "scrollZoom": True, "doubleClick": "reset"},
        alt=f"A map of {len(shown.index.images):,} images, a dot each",
    )


def _row(point: dict[str, Any]) -> int:
    row = point["customdata"]
    return int(row[0] if isinstance(row, list) else row)


def _matches(index: GalleryIndex, query: ChosenImage | None) -> list[Match]:
    """The images most similar to the query, where it is of the gallery."""
    row = index.row.get(query.id) if query else None
    if row is None:
        return []
    allowed = choose(index, without_image=index.images[row].id)
    return most_similar(index, index.matrix[row], MATCHES, allowed)


def _say_marks(index: GalleryIndex, query: ChosenImage | None, matches: list[Match]) -> None:
    if query is not None and query.id not in index.row:
        st.caption("The query is not of this gallery, so it has no place on its map.")
    elif matches:
        st.caption(
            f"The black ring is the query, the red ones its {len(matches)} most similar images by "
            "the network, not by the map; 1 is the most similar."
        )


@page_fragment
def _over_the_chart(shown: _Shown, query: ChosenImage | None, matches: list[Match]) -> None:
    """The rings, and the picture of the dot that is pointed at; pointing runs this alone."""
    index, points = shown.index, shown.found.points
    marks = [
        _mark(points, index.row[match.image.id], "match", str(rank))
        for rank, match in enumerate(matches, start=1)
    ]
    if query is not None and query.id in index.row:
        marks.append(_mark(points, index.row[query.id], "query", "query"))
    pointed = st.session_state.get("map_pointed")
    map_marks(
        CHART,
        marks,
        _picture(shown, pointed[1]) if pointed and pointed[0] == shown.content else None,
        shown.content,
        key="map_marks",
        on_point=lambda row: st.session_state.update(map_pointed=(shown.content, row)),
        on_click=lambda row: choose_fields(query=index.images[row].id),
    )


def _mark(points: NDArray[np.float32], row: int, kind: str, text: str) -> Mark:
    x, y = points[row]
    return Mark(float(x), float(y), kind, text)


def _picture(shown: _Shown, row: int) -> Picture | None:
    if not 0 <= row < len(shown.index.images):
        return None
    image = shown.index.images[row]
    lines = [image.id, *([] if image.label is None else [f"class {image.label}"])]
    lines += [f"{name}: {value_text(v)}" for name, v in image.columns.items() if v is not None][:4]
    try:
        pixels = gallery_picture(image).pixels.copy()
    except ImageError:
        return Picture(row, None, tuple(lines))
    pixels.thumbnail(PICTURE, Image.Resampling.BICUBIC)
    return Picture(row, as_data_uri(pixels), tuple(lines))


def _exports(shown: _Shown, group: Column | None) -> None:
    name, index = gallery_name(shown.gallery), shown.index

    def figure(file_format: str) -> bytes:
        title = f"{name}   ·   {shown.settings.title}   ·   {shown.found.method}"
        note = f"The map {index.coverage.note}." if index.coverage.note else ""
        caution = f"{shown.found.caution} {note}".strip()
        return gallery_map_figure(shown.found.points, group, title, caution, file_format)

    def numbers() -> str:
        values = map_as_json(index, shown.found, shown.quality, name, shown.settings)
        return json.dumps(values, indent=1)

    def table() -> str:
        return as_csv(image_rows(index, shown.found, shown.quality))

    export_row(
        {
            **figure_files("map", figure),
            "Numbers (JSON)": ("map.json", numbers),
            "Images (CSV)": ("map.csv", table),
        },
        in_gallery(map_command(name, shown.settings, view().colour_by), shown.gallery),
    )
    with st.expander("The embeddings for other programs", icon=":material/ios_share:"):
        st.caption("As Parquet, and as a folder that TensorBoard's projector opens:")
        st.code(
            in_gallery(export_command(name, shown.settings), shown.gallery), "bash", wrap_lines=True
        )
