"""The Pair page's comparison of poolings."""

import json
from collections.abc import Sequence

import streamlit as st

from simviz_core.cli.pair import pair_command
from simviz_core.errors import SimVizError
from simviz_core.figures import FigureStyle, poolings_figure
from simviz_core.images import common_range
from simviz_core.pairs import (
    PairExplanation,
    compared_title,
    pair_as_json,
    poolings_as_json,
)
from simviz_ui.choices.display import offer_own_scales
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.chosen import ChosenImage
from simviz_ui.display.compared_maps import (
    ComparedColumn,
    ComparedMap,
    by_title,
    compared_maps,
)
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import hold
from simviz_ui.serving.resources import compared_poolings


def pair_poolings(
    pair: PairExplanation,
    query: ChosenImage,
    match: ChosenImage,
    style: FigureStyle,
    is_relative: bool = False,
) -> None:
    """Offer the comparison of poolings, and show it where it is wanted.

    Args:
        pair: The explanation with the pooling of the sidebar.
        query: One image.
        match: The other image.
        style: How the maps are shown.
        is_relative: Whether the maps above show something else than contributions.
    """
    is_wanted = st.toggle(
        "Compare poolings",
        **hold("compare_poolings"),
        help="The same pair with average, max and GeM pooling side by side. The network does not "
        "run again: only what happens to its last feature map changes.",
    )
    if not is_wanted:
        return
    try:
        compared = compared_poolings(query.picture, match.picture, pair.settings)
    except SimVizError as error:
        show_error(error)
        return
    if is_relative:
        st.caption(
            "These maps are **not relative**: they show the contributions to each pooling's own "
            "similarity, whatever the maps above are relative to."
        )
    columns = [_column(pair, query, match) for pair in compared]
    offer_own_scales(compared_maps(columns, style), by_title(columns), "own_scales_of_poolings")
    show_weights(*(pair.settings for pair in compared))
    _exports(pair, compared, query, match, style)


def _column(pair: PairExplanation, query: ChosenImage, match: ChosenImage) -> ComparedColumn:
    title = compared_title(pair.settings.pooling)
    maps = [
        ComparedMap(
            pair.settings.seen(chosen.picture.pixels),
            values,
            f"{chosen.id}, map with {title} pooling",
        )
        for chosen, values in ((query, pair.query_map), (match, pair.match_map))
    ]
    return ComparedColumn(title, "similarity", f"{pair.similarity:.4f}", maps)


def _exports(
    pair: PairExplanation,
    compared: Sequence[PairExplanation],
    query: ChosenImage,
    match: ChosenImage,
    style: FigureStyle,
) -> None:
    def figure(file_format: str) -> bytes:
        see = pair.settings.seen
        pictures = see(query.picture.pixels), see(match.picture.pixels)
        return poolings_figure(compared, *pictures, (query.id, match.id), style, file_format)

    def numbers() -> str:
        values = pair_as_json(pair, query.path, match.path)
        return json.dumps(values | {"poolings": poolings_as_json(compared)}, indent=1)

    export_row(
        {
            **figure_files("poolings", figure, "Comparison"),
            "Comparison (JSON)": ("poolings.json", numbers),
        },
        pair_command(
            query.path,
            match.path,
            pair.settings,
            style,
            is_comparison=True,
            shown=common_range([query.picture, match.picture]),
        ),
        key="poolings",
    )
