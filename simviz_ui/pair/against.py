"""Why this match and not that one: the contrast of a query's two maps, both matches beside it."""

import io
import json
from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from simviz_core.cli.pair import pair_command
from simviz_core.errors import SimVizError
from simviz_core.figures import (
    CONTRAST,
    AgainstRow,
    AgainstScales,
    FigureStyle,
    MapScales,
    against_figure,
    against_scales,
    overlay,
)
from simviz_core.gallery import Gallery
from simviz_core.images import common_range
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import (
    PairExplanation,
    against_arrays,
    against_as_json,
    against_sentence,
    cell_pairs,
    explain_against,
    pair_as_json,
    save_pair_arrays,
    verdict,
)
from simviz_core.retrieval import choose as choose_rows
from simviz_core.retrieval import rival, whole_vector
from simviz_ui.choices.image_picker import image_picker
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.reveal import reveal
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import colour_bar, fitted
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import choose, view
from simviz_ui.retrieval.panel import ready_index
from simviz_ui.serving.resources import decomposed

REVEALED = "reveal_against"
"""In the session: set by whoever opens this page for the sake of the contrast."""
SECTION = "against_section"
PANEL_BOX = (480, 400)
"""Pictures are shown as large as fits into this width and height, in pixels."""


def pair_against(
    pair: PairExplanation,
    query: ChosenImage,
    match: ChosenImage,
    gallery: Gallery,
    style: FigureStyle,
) -> None:
    """Offer to set another image against the match, and show what tells the two apart.

    Args:
        pair: The explanation of the query and the match.
        query: The query.
        match: The match.
        gallery: Where the other image is chosen from.
        style: How the maps are shown.
    """
    if view().against is None:
        st.button(
            "Why not another image?",
            icon=":material/compare_arrows:",
            key="set_against",
            on_click=lambda: choose(against=_suggested(gallery, query, match, pair.settings)),
            help="Set another image against the match: the exact difference of the query's two "
            "maps says which regions speak for the one, and which for the other.",
        )
        return
    with st.container(key=SECTION):
        _show_section(pair, query, match, gallery, style)
    if st.session_state.pop(REVEALED, False):
        reveal(SECTION)


def _show_section(
    pair: PairExplanation,
    query: ChosenImage,
    match: ChosenImage,
    gallery: Gallery,
    style: FigureStyle,
) -> None:
    st.subheader("Why this match and not another?")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        place = st.container(width="stretch")
        st.button(
            "Turn around",
            icon=":material/swap_horiz:",
            key="turn_against",
            on_click=_turn_around,
            help="The other image as the match, the match as what it is set against.",
        )
        st.button(
            "Close",
            icon=":material/close:",
            key="close_against",
            on_click=lambda: choose(against=None),
        )
    with place:
        other = image_picker("against", "Against", gallery, 2, wide=True)
    if other is None:
        return
    try:
        images = decomposed([query.picture, match.picture, other.picture], pair.settings)
    except SimVizError as error:
        show_error(error)
        return
    found = explain_against(images[0], images[1], images[2], pair.settings)
    see = pair.settings.seen
    pictures = (
        see(match.picture.pixels),
        see(query.picture.pixels),
        see(other.picture.pixels),
    )
    row = AgainstRow("", pictures, (match.id, query.id, other.id), found)
    show_against([row], style)
    _exports(row, (query, match, other), style)


def show_against(rows: Sequence[AgainstRow], style: FigureStyle) -> None:
    """Show one match against another, in one row for each network that sees them.

    Args:
        rows: At least one, all of the same images.
        style: How the maps are shown.
    """
    scales = against_scales([row.found for row in rows], style)
    for row in rows:
        if row.title:
            st.markdown(f"**{as_markdown(row.title)}**")
        _show_row(row, scales, style)
    left, middle = st.columns(2, gap="medium")
    if scales.own.shared:
        with left:
            colour_bar(scales.own.shared, "contribution of a match's cell to its similarity")
    if scales.contrast.shared:
        with middle:
            colour_bar(scales.contrast.shared, CONTRAST)
    match, _, against = rows[0].names
    st.caption(as_markdown(against_sentence(match, against)))


def _show_row(row: AgainstRow, scales: AgainstScales, style: FigureStyle) -> None:
    found, (match, query, against) = row.found, row.names
    shown = (
        (
            f"Match · **{found.match.similarity:.4f}**  \n:small[{as_markdown(match)}]",
            found.match.match_map,
            scales.own,
            f"{match}, with its own map",
        ),
        (
            f"Query · difference **{found.difference:+.4f}**  \n:small[{as_markdown(query)}]",
            found.contrast.values,
            scales.contrast,
            f"{query}, with the difference of its maps for {match} and {against}",
        ),
        (
            f"Against · **{found.against.similarity:.4f}**  \n:small[{as_markdown(against)}]",
            found.against.match_map,
            scales.own,
            f"{against}, with its own map",
        ),
    )
    for place, picture, (title, values, of, alt) in zip(
        st.columns(3, gap="small"), row.pictures, shown, strict=True
    ):
        with place:
            st.markdown(title)
            st.image(
                overlay(fitted(picture, PANEL_BOX), values, of.of(values), style),
                alt=alt,
                output_format="JPEG",
            )
            if of.shared is None:
                _own_bar(of, values, of is scales.contrast)
    st.markdown(as_markdown(verdict(found, match, against)))
    st.caption(as_markdown(f"Contrast of the query: {found.check}"))


def _own_bar(scales: MapScales, values: NDArray[np.float32], is_contrast: bool) -> None:
    measured = CONTRAST if is_contrast else "contribution of a match's cell to its similarity"
    colour_bar(scales.of(values), measured)


def _suggested(
    gallery: Gallery, query: ChosenImage, match: ChosenImage, settings: NetworkSettings
) -> str:
    """The image that is set against the match at first; see `rival`."""
    index = ready_index(gallery, settings)
    if index is not None:
        (image,) = decomposed([query.picture], settings)
        known = gallery.by_id.get(query.id)
        found = rival(
            index,
            whole_vector(image),
            known.label if known else None,
            gallery.by_id.get(match.id),
            choose_rows(index, without_image=query.id),
        )
        if found is not None:
            return found[0].image.id
    taken = (query.id, match.id)
    return next((image.id for image in gallery.images if image.id not in taken), match.id)


def _turn_around() -> None:
    shown = view()
    choose(match=shown.against, against=shown.match)


def _exports(
    row: AgainstRow, chosen: tuple[ChosenImage, ChosenImage, ChosenImage], style: FigureStyle
) -> None:
    found, (query, match, other) = row.found, chosen

    def figure(file_format: str) -> bytes:
        return against_figure([row], found.settings.title, style, file_format)

    def numbers() -> str:
        values = pair_as_json(found.match, query.path, match.path)
        values["against"] = against_as_json(found, match.path, other.path)
        return json.dumps(values, indent=1)

    def arrays() -> bytes:
        buffer = io.BytesIO()
        i, j = decomposed([query.picture, match.picture], found.settings)
        save_pair_arrays(found.match, cell_pairs(i, j), buffer, against_arrays(found))
        return buffer.getvalue()

    export_row(
        {
            **figure_files("against", figure, "Contrast"),
            "Contrast (JSON)": ("against.json", numbers),
            "Contrast (NPZ)": ("against.npz", arrays),
        },
        pair_command(
            query.path,
            match.path,
            found.settings,
            style,
            against=other.path,
            shown=common_range([each.picture for each in chosen]),
        ),
        key="against",
    )
