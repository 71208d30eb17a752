"""Both images with their maps, and cell to cell in the browser."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from simviz_core.figures import (
    DIVERGING_COLOUR_MAP,
    ColourScale,
    FigureStyle,
    MapScales,
)
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs.cells import CellPairs, Side
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.assets import asset
from simviz_ui.display.map_style import as_data_uri, fitted

PICTURE_BOX = (720, 480)
"""Pictures are shown as large as fits into this width and height, in pixels."""
STEPS = 256
"""Colours of a colour map."""

_cell_maps = st.components.v2.component(
    "simviz_cells",
    css=asset("layers.css") + asset("cell_maps/cells.css"),
    js=asset("colours.js") + asset("layers.js") + asset("cell_maps/cells.js"),
)


@dataclass(frozen=True, eq=False)
class OtherMaps:
    """Maps to show instead of what the cells contribute.

    Attributes:
        query: Of the query, (H, W).
        match: Of the match, (H', W').
        measured: What their values are.
        adds_up: Whether the values of several cells may be added up.
    """

    query: NDArray[np.float32]
    match: NDArray[np.float32]
    measured: str
    adds_up: bool


def cell_maps(
    pairs: CellPairs,
    query: ChosenImage,
    match: ChosenImage,
    settings: NetworkSettings,
    style: FigureStyle,
    key: str,
    pinned: str,
    on_pin: Callable[[str], None],
    other: OtherMaps | None = None,
) -> None:
    """Show two images with their maps, and let their cells be pointed at and pinned.

    All pairs of cells are sent with the images; pointing, dragging and pinning ask the server for
    nothing.

    Args:
        pairs: What the pairs of cells contribute.
        query: One image.
        match: The other image.
        settings: The network: pictures are shown as it sees them.
        style: How the maps are shown.
        key: The widget's key.
        pinned: The block of cells that is pinned when these images are first shown, as it is
            written in a link; empty for none.
        on_pin: Called with the block that was pinned, or with an empty text when it was let go.
        other: Maps to show instead of what the cells contribute; pairs of cells stay as they are.
    """

    def take_pin() -> None:
        on_pin(st.session_state[key].pinned or "")

    of_query, of_match = (pairs.query_map, pairs.match_map)
    scales = MapScales.of_maps([of_query, of_match], style)
    if other is not None:
        of_query, of_match = other.query, other.match
        scales = MapScales.of_contrasts([of_query, of_match], style)
    data = {
        "query": _side(
            query,
            settings.seen(query.picture.pixels),
            pairs,
            "query",
            scales.of(of_query),
            None if other is None else of_query,
        ),
        "match": _side(
            match,
            settings.seen(match.picture.pixels),
            pairs,
            "match",
            scales.of(of_match),
            None if other is None else of_match,
        ),
        "measured": other.measured if other else "",
        "adds_up": other.adds_up if other else True,
        "pairs": _encoded(pairs.values),
        "similarity": pairs.similarity,
        "tables": {
            "sequential": _table(style.colour_map),
            "diverging": _table(DIVERGING_COLOUR_MAP),
        },
        "opacity": style.opacity,
        "smooth": style.smooth,
        "view": f"{query.picture.digest} {match.picture.digest}",
        "pinned": pinned,
    }
    _cell_maps(data=data, key=key, on_pinned_change=take_pin)


def _side(
    chosen: ChosenImage,
    seen: Image.Image,
    pairs: CellPairs,
    side: Side,
    scale: ColourScale,
    shown: NDArray[np.float32] | None,
) -> dict[str, Any]:
    picture = fitted(seen, PICTURE_BOX)
    values, rest = pairs.map_of(side), pairs.rest_of(side)
    return {
        "picture": as_data_uri(picture),
        "alt": f"{chosen.id}, with its {'similarity map' if shown is None else 'map'}",
        "width": picture.width,
        "height": picture.height,
        "grid": list(values.shape),
        "map": _encoded(values),
        "shown": None if shown is None else _encoded(shown),
        "rest": _encoded(rest) if rest.any() else None,
        "scale": _scale(scale),
    }


def _scale(scale: ColourScale) -> dict[str, Any]:
    colours = "diverging" if scale.colour_map == DIVERGING_COLOUR_MAP else "sequential"
    return {
        "low": scale.low,
        "high": scale.high,
        "colours": "contrast" if scale.fades else colours,
    }


def _encoded(values: NDArray[np.float32]) -> str:
    """The numbers as they are in memory, four bytes each, in base64: not one bit is lost."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _table(colour_map: str) -> str:
    """The colours of a colour map, three bytes each, in base64."""
    colours = matplotlib.colormaps[colour_map](np.arange(STEPS) / STEPS, bytes=True)[:, :3]
    return base64.b64encode(np.ascontiguousarray(colours).tobytes()).decode()
