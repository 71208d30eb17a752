"""Matches with their maps: what to compute, and how to show it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from simviz_core.decomposition import DecomposedImage
from simviz_core.figures import ColourScale, FigureStyle, SearchPanel, map_scales
from simviz_core.gallery import Gallery
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import MatchMaps, Ranking, is_hit, match_maps
from simviz_ui.choices.network import POOLING_TITLES
from simviz_ui.chosen import ChosenImage, choose_image
from simviz_ui.components.results import ShownMatch
from simviz_ui.display.map_style import CARD_BOX, as_data_uri, fitted, overlay_uri
from simviz_ui.navigation import CLICKED, PAIR_PAGE
from simviz_ui.serving.resources import (
    decomposed,
    not_run_yet,
    open_picture,
)

QUERY_BOX = (640, 640)


@dataclass(frozen=True)
class Query:
    """The query of a search.

    Attributes:
        chosen: The image.
        image: Decomposed.
        label: Its class; None where it has none, or is not of the gallery.
    """

    chosen: ChosenImage
    image: DecomposedImage
    label: str | None


def make_query(chosen: ChosenImage, gallery: Gallery, settings: NetworkSettings) -> Query:
    """Decompose the chosen image and look up its class.

    Raises:
        NetworkError: The network cannot be had.
    """
    known = gallery.by_id.get(chosen.id)
    (image,) = decomposed([chosen.picture], settings)
    return Query(chosen, image, known.label if known else None)


def maps_of(
    query: Query,
    ranking: Ranking,
    pictures: Sequence[LoadedImage | None],
    weights: Tensor | None,
    settings: NetworkSettings,
) -> list[MatchMaps | None]:
    """The maps of every match whose file can be read and which the network has seen."""
    waiting = {p.digest for p in not_run_yet([p for p in pictures if p], settings)}
    return [
        match_maps(query.image, decomposed([picture], settings)[0], ranking.vector, weights)
        if picture and picture.digest not in waiting
        else None
        for picture in pictures
    ]


def match_scales(
    maps: Sequence[MatchMaps | None], style: FigureStyle, with_query_maps: bool
) -> list[ColourScale]:
    """The colour scale of each map that is shown, in the order of `_shown_maps`."""
    values = [v for found in maps if found for v in _shown_maps(found, with_query_maps)]
    return map_scales(values, style) if values else []


def _shown_maps(found: MatchMaps, with_query_maps: bool) -> list[NDArray[np.float32]]:
    return [found.match_map, found.query_map] if with_query_maps else [found.match_map]


def shown_matches(
    query: Query,
    ranking: Ranking,
    pictures: Sequence[LoadedImage | None],
    maps: Sequence[MatchMaps | None],
    style: FigureStyle,
    scales: Sequence[ColourScale],
    notes: Sequence[str] = (),
    with_query_maps: bool = False,
) -> list[ShownMatch]:
    """Matches as the grid shows them; those without a map yet are shown plain.

    Args:
        query: The query.
        ranking: What was found.
        pictures: Of each match; None where it cannot be read.
        maps: Of each match; None where there is none yet.
        style: How maps are shown.
        scales: As `match_scales` gives them.
        notes: A second line for each match.
        with_query_maps: Whether the query's maps are shown, too.

    Returns:
        One for each match.
    """
    ready = iter(scales)
    shown = []
    query_picture = fitted(query.chosen.picture.pixels, QUERY_BOX) if with_query_maps else None
    for place, (match, picture, found) in enumerate(
        zip(ranking.matches, pictures, maps, strict=True)
    ):
        source = query_source = None
        if picture is not None:
            pixels = fitted(picture.pixels, CARD_BOX)
            if found is None:
                source = as_data_uri(pixels)
            else:
                source = overlay_uri(pixels, found.match_map, next(ready), style)
                if query_picture is not None:
                    query_source = overlay_uri(query_picture, found.query_map, next(ready), style)
        shown.append(
            ShownMatch(
                id=match.image.id,
                source=source,
                alt=f"{match.image.id}{', with its similarity map' if found else ''}",
                label=match.image.label or match.image.path.name,
                score=f"{match.score:.3f}",
                note=notes[place] if notes else "",
                is_hit=is_hit(query.label, match.image),
                query_source=query_source,
            )
        )
    return shown


def search_panels(
    query: Query, ranking: Ranking, weights: Tensor | None, settings: NetworkSettings
) -> list[SearchPanel]:
    """The matches as the exported figure shows them."""
    pictures = [open_picture(match) for match in ranking.matches]
    decomposed([picture for picture in pictures if picture], settings)
    found = maps_of(query, ranking, pictures, weights, settings)
    return [
        SearchPanel(
            picture.pixels,
            f"{place}. {match.image.label or match.image.path.name} · {match.score:.3f}",
            maps.match_map,
            maps.query_map,
            is_hit(query.label, match.image),
        )
        for place, (match, picture, maps) in enumerate(
            zip(ranking.matches, pictures, found, strict=True), start=1
        )
        if picture and maps
    ]


def open_in_pair(match_id: str, pooling: str | None = None) -> None:
    """Have the Pair page opened on the query and a match; for callbacks.

    Args:
        match_id: The match's id.
        pooling: The pooling that it was found with, where that is not the sidebar's.
    """
    choose_image("match", match_id)
    link = {"match": match_id}
    if pooling is not None:
        st.session_state["pooling"] = pooling
        link["pooling"] = POOLING_TITLES[pooling]
    st.session_state[CLICKED] = PAIR_PAGE, link


def make_query_of(match_id: str) -> None:
    """Make a match the new query; for callbacks."""
    choose_image("query", match_id)
    st.session_state[CLICKED] = None, {}
