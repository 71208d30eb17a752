"""A query of several parts on the Region page: collected in a list, ranked as one vector."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st
import torch

from simviz_core.cli.search_parts import parts_command
from simviz_core.errors import SettingsError, SimVizError
from simviz_core.figures import SCORED, FigureStyle, parts_figure, parts_title, shown_parts
from simviz_core.gallery import Gallery
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    MOST_PARTS,
    MOST_WEIGHT,
    SCORE_SENTENCE,
    GalleryIndex,
    PartsQuery,
    PartsRanking,
    QueryPart,
    Region,
    contributions_text,
    crop_to,
    exclude_counts,
    in_order,
    outside_note,
    parts_as_json,
    parts_query,
    parts_table,
    rank_parts,
    region_notes,
    search_title,
    shared_label,
    weights_on,
)
from simviz_core.tables import as_csv
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.image_picker import open_image
from simviz_ui.chosen import ChosenImage
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.icons import icon_button
from simviz_ui.display.map_style import fitted
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import remember, view
from simviz_ui.region.columns import Column
from simviz_ui.retrieval.filters import Filters
from simviz_ui.retrieval.matches import Query, make_query, search_report

THUMBNAIL_BOX = (112, 84)
"""Pictures of parts are as large as fits into this width and height, in pixels."""
LEAST_WEIGHT = 0.01
BEFORE = "parts_before"
"""In the session: the lists that were changed, the last one last."""


@dataclass(frozen=True)
class Part:
    """One part of the query, with its image.

    Attributes:
        part: As the link has it.
        query: Its image, decomposed; without a class where the part is subtracted, so that
            filters leave out no class because of it.
    """

    part: QueryPart
    query: Query


@dataclass(frozen=True)
class PartsSearch:
    """What a query of several parts has found.

    Attributes:
        parts: Of the query.
        found: The ranking.
        column: The same as the page shows it.
    """

    parts: Sequence[Part]
    found: PartsRanking
    column: Column


def collect_parts(
    chosen: ChosenImage, region: Region, gallery: Gallery, settings: NetworkSettings
) -> None:
    """The buttons that add what is drawn to the query, or subtract it, and the list of parts.

    Args:
        chosen: The image that is shown to draw on.
        region: What is drawn on it; nothing stands for the whole image.
        gallery: Where the parts' images are found.
        settings: The network.
    """
    parts = view().parts
    what = "region" if region.is_drawn else "image"
    is_full = len(parts) >= MOST_PARTS
    with st.container(horizontal=True, gap="small"):
        for label, icon, sign in (
            (f"Add this {what} to the query", ":material/add:", 1.0),
            (f"Subtract this {what}", ":material/remove:", -1.0),
        ):
            st.button(
                label,
                icon=icon,
                key=f"part_{'add' if sign > 0 else 'subtract'}",
                on_click=_adding(QueryPart(chosen.id, region, sign)),
                disabled=is_full,
                help="A query may have several parts, of this image and of others: choose another "
                "image above, draw, and add. What is subtracted counts against a match.",
            )
    if region.exclude:
        _say_excluded(chosen, region, settings, is_full)
    if parts:
        _show_list(parts, gallery, settings)
    elif st.session_state.get(BEFORE):
        _undo_button()


def _say_excluded(
    chosen: ChosenImage, region: Region, settings: NetworkSettings, is_full: bool
) -> None:
    """What excluding does to the score, and the other thing that it could mean."""
    try:
        counts = exclude_counts(region, chosen.picture, settings.frame(chosen.picture.pixels))
    except SettingsError:
        return  # said where the region is used
    if counts:
        st.caption(
            "Score: what the included cells contribute. The excluded rectangles are cut out of "
            "them; what they cover counts neither for nor against a match."
        )
    else:
        st.warning(
            "The excluded rectangles overlap none of the included ones, so that they change "
            "nothing: excluding cuts out, it does not count against a match.",
            icon=":material/info:",
        )
    included = QueryPart(chosen.id, Region(region.include))
    excluded = QueryPart(chosen.id, Region(region.exclude), -1.0)
    st.button(
        "Subtract the excluded instead",
        icon=":material/exposure:",
        key="subtract_excluded",
        on_click=_adding(included, excluded),
        disabled=is_full,
        help="Makes a query of two parts of it: what is included, minus a weight times what is "
        "excluded, wherever it lies.",
    )


def _show_list(parts: Sequence[QueryPart], gallery: Gallery, settings: NetworkSettings) -> None:
    """The parts with their weights, to be weighed and deleted."""
    st.markdown(f"**{parts_title(len(parts), False).capitalize()}**")
    for number, part in enumerate(parts):
        _show_part(number, part, gallery, settings)
    with st.container(horizontal=True, gap="small"):
        _undo_button()
        st.button(
            "Clear",
            icon=":material/delete_sweep:",
            key="parts_clear",
            on_click=_change_to(lambda now: ()),
        )
        st.button(
            "Even out",
            icon=":material/balance:",
            key="parts_even",
            on_click=_change_to(lambda now: _evened(now, gallery, settings)),
            disabled=len(parts) < 2,
            help="Weights that give all parts the same reach: a small region holds little of its "
            "image's embedding and contributes little, however well it is found.",
        )
    st.caption(SCORE_SENTENCE)


def _show_part(number: int, part: QueryPart, gallery: Gallery, settings: NetworkSettings) -> None:
    places = st.columns([2, 4, 2.6, 1.4], gap="small", vertical_alignment="center")
    note = ""
    try:
        picture = open_image(f"part {number}", gallery, part.image).picture
        note = outside_note(part.region, picture, settings.frame(picture.pixels))
        places[0].image(fitted(crop_to(part.region, picture), THUMBNAIL_BOX))
    except SimVizError as error:
        with places[0]:
            show_error(error)
    sign = "−" if part.is_subtracted else "+"
    what = "whole image" if not part.region.is_drawn else _rectangles(part.region)
    what += f"; {note}" if note else ""
    places[1].markdown(f"**{number + 1}.** {sign} {as_markdown(part.image)}  \n:small[{what}]")
    key = f"part_weight_{number}"
    st.session_state[key] = abs(part.weight)
    places[2].number_input(
        f"Weight of part {number + 1}",
        LEAST_WEIGHT,
        MOST_WEIGHT,
        step=0.1,
        key=key,
        on_change=partial(_weigh, number, key),
        label_visibility="collapsed",
    )
    with places[3]:
        icon_button(
            f"Delete part {number + 1}",
            ":material/delete:",
            f"part_delete_{number}",
            _change_to(lambda now: (*now[:number], *now[number + 1 :])),
        )


def _rectangles(region: Region) -> str:
    counted = [
        f"{len(found)} {'rectangle' if len(found) == 1 else 'rectangles'} {word}"
        for found, word in ((region.include, "included"), (region.exclude, "cut out"))
        if found
    ]
    return ", ".join(counted)


def _undo_button() -> None:
    before: list[tuple[QueryPart, ...]] = st.session_state.get(BEFORE, [])
    st.button(
        "Undo",
        icon=":material/undo:",
        key="parts_undo",
        on_click=_undo,
        disabled=not before,
        help="Takes back the last change of the list.",
    )


Change = Callable[[tuple[QueryPart, ...]], tuple[QueryPart, ...]]


def _change_to(change: Change) -> Callable[[], None]:
    """A callback that changes the list of parts, and can be undone."""

    def act() -> None:
        now = view().parts
        st.session_state.setdefault(BEFORE, []).append(now)
        remember(parts=in_order(change(now)))

    return act


def _adding(*parts: QueryPart) -> Callable[[], None]:
    return _change_to(lambda now: (*now, *parts))


def _evened(
    parts: tuple[QueryPart, ...], gallery: Gallery, settings: NetworkSettings
) -> tuple[QueryPart, ...]:
    """The parts with weights that make their vectors equally long, the longest one's being 1."""
    try:
        lengths = _query_of(parts, gallery, settings)[1].lengths
    except SimVizError:
        return parts  # said where the query is made
    longest = max(lengths)
    weights = [min(round(longest / max(length, 1e-9), 2), MOST_WEIGHT) for length in lengths]
    return tuple(
        replace(part, weight=-weight if part.is_subtracted else weight)
        for part, weight in zip(parts, weights, strict=True)
    )


def _weigh(number: int, key: str) -> None:
    weight = round(float(st.session_state[key]), 6)

    def weighed(now: tuple[QueryPart, ...]) -> tuple[QueryPart, ...]:
        part = now[number]
        return (
            *now[:number],
            replace(part, weight=-weight if part.is_subtracted else weight),
            *now[number + 1 :],
        )

    _change_to(weighed)()


def _undo() -> None:
    before: list[tuple[QueryPart, ...]] = st.session_state[BEFORE]
    remember(parts=before.pop())


def parts_search(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    filters: Filters,
    per_class: int,
) -> PartsSearch | None:
    """Rank the gallery by the query's parts.

    Args:
        gallery: Where the parts' images are found.
        index: Its embeddings.
        settings: The network.
        filters: Which images may be found; the images of the parts count as the query.
        per_class: How many classes to show the best image of; 0 for the best images of all.

    Returns:
        What was found; None where there are no parts, and after a message where one of them cannot
        be had.
    """
    asked = view().parts
    if not asked:
        return None
    try:
        parts, query = _query_of(asked, gallery, settings)
    except SimVizError as error:
        show_error(error)
        return None
    allowed = filters.allowed(index, parts[0].query)
    for each in parts[1:]:
        allowed = allowed & filters.allowed(index, each.query)
    found = rank_parts(index, query, per_class or filters.top, allowed, bool(per_class))
    labels = [(each.query.label, each.part.is_subtracted) for each in parts]
    first = parts[0].query
    column = Column(
        parts_title(len(parts), False).capitalize(),
        SCORE_SENTENCE,
        replace(first, label=shared_label(labels)),
        found.ranking,
        torch.ones(first.image.grid),
        tuple(contributions_text(row.tolist()) for row in found.contributions),
        Region(),
        SCORED,
    )
    return PartsSearch(parts, found, column)


def _query_of(
    asked: Sequence[QueryPart], gallery: Gallery, settings: NetworkSettings
) -> tuple[list[Part], PartsQuery]:
    """The parts with their images, and the one vector that they make.

    Raises:
        SimVizError: A part's image cannot be had, its region covers nothing, or none is added.
    """
    parts = [_opened(*each, gallery, settings) for each in enumerate(asked)]
    weights = [
        weights_on(
            each.part.region, each.query.chosen.picture, each.query.image.grid, each.query.frame
        )
        if each.part.region.is_drawn
        else None
        for each in parts
    ]
    return parts, parts_query(asked, [each.query.image for each in parts], weights)


def _opened(number: int, part: QueryPart, gallery: Gallery, settings: NetworkSettings) -> Part:
    query = make_query(open_image(f"part {number}", gallery, part.image), gallery, settings)
    return Part(part, replace(query, label=None) if part.is_subtracted else query)


def export_parts(
    search: PartsSearch,
    gallery: Gallery,
    settings: NetworkSettings,
    options: Sequence[str],
    style: FigureStyle,
) -> None:
    """The exports of a query of several parts, and the command that makes the same.

    Args:
        search: What was found.
        gallery: Where.
        settings: The network.
        options: Of the command, that leave images out, as words.
        style: How the maps are shown.
    """
    # Commands name files, links name images of the gallery.
    named = [replace(each.part, image=each.query.chosen.path) for each in search.parts]
    pictures: Mapping[str, LoadedImage] = {
        each.query.chosen.path: each.query.chosen.picture for each in search.parts
    }
    found = replace(search.found, query=replace(search.found.query, parts=tuple(named)))

    def figure(file_format: str) -> bytes:
        report = search_report(
            search.column.query, found.ranking, search.column.weights, settings, None
        )
        return parts_figure(
            shown_parts(named, pictures, settings),
            found,
            report.pictures,
            report.maps,
            search.column.query.label,
            search_title(parts_title(len(named), "--per-class" in options), settings),
            style,
            file_format,
        )

    def numbers() -> str:
        values = {"query": named[0].image} | parts_as_json(found, settings)
        if notes := region_notes(named, pictures, settings):
            values["region_notes"] = notes
        return json.dumps(values, indent=1)

    export_row(
        {
            **figure_files("search", figure),
            "Numbers (JSON)": ("search.json", numbers),
            "Ranking (CSV)": ("search.csv", lambda: as_csv(parts_table(found))),
        },
        in_gallery(
            parts_command(
                named,
                gallery_name(gallery),
                settings,
                style,
                max(1, len(found.ranking.matches)),
                options,
            ),
            gallery,
        ),
        key="parts",
    )
