"""The Pair page's split of a class token's similarity over the layers of its network."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.networks import ClassTokenNetwork
from simviz_core.pairs import (
    LayerShares,
    PairExplanation,
    layer_shares,
    layers_as_json,
)
from simviz_ui.chosen import ChosenImage
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import hold
from simviz_ui.serving.resources import decomposed, network_of
from simviz_ui.serving.turns import network_turn


def pair_layers(pair: PairExplanation, query: ChosenImage, match: ChosenImage) -> None:
    """Offer the split over layers where the network has a class token, and show it if wanted.

    Args:
        pair: The explanation.
        query: One image, whose class token is split.
        match: The other image.
    """
    if not pair.is_class_token:
        return
    is_wanted = st.toggle(
        "By layer",
        **hold("by_layer"),
        help="What each layer of the network adds to the similarity: through attention to the "
        "query's patch tokens, which makes the map, and in no cell. The network runs once.",
    )
    if not is_wanted:
        return
    try:
        shares = _shares(pair, query, match)
    except SimVizError as error:
        show_error(error)
        return
    st.plotly_chart(_chart(shares), key="layers", config={"displaylogo": False})
    st.caption(
        f"In cells {shares.cells:.4f} · in no cell {shares.rest:.4f}, of which the token's start "
        f"{shares.start:.4f} and what follows the last layer {shares.after:.4f} · residual "
        f"{shares.residual:.0e}"
    )


def layers_json(pair: PairExplanation, query: ChosenImage, match: ChosenImage) -> dict[str, Any]:
    """The same for the export; empty where the network has no class token."""
    return {"by_layer": layers_as_json(_shares(pair, query, match))} if pair.is_class_token else {}


def _shares(pair: PairExplanation, query: ChosenImage, match: ChosenImage) -> LayerShares:
    network = network_of(pair.settings)
    assert isinstance(network, ClassTokenNetwork)
    (other,) = decomposed([match.picture], pair.settings)
    with network_turn():
        return layer_shares(network, query.picture.pixels, other)


def _chart(shares: LayerShares) -> go.Figure:
    numbers = list(range(1, len(shares.layers) + 1))
    colours = st.get_option("theme.chartCategoricalColors")
    parts = {
        "in cells": [layer.cells for layer in shares.layers],
        "in no cell": [layer.rest for layer in shares.layers],
    }
    figure = go.Figure(
        [
            go.Bar(
                x=numbers,
                y=values,
                name=name,
                marker_color=colours[place],
                hovertemplate="layer %{x}: %{y:.4f} " + name + "<extra></extra>",
            )
            for place, (name, values) in enumerate(parts.items())
        ]
    )
    figure.update_layout(
        xaxis={"title": "layer", "dtick": 1},
        yaxis_title="contribution to the similarity",
        height=300,
        margin={"t": 16, "b": 48},
        legend={"orientation": "h", "y": 1.12},
    )
    return figure
