"""How maps are shown, the same on every page and part of the link."""

from collections.abc import Iterable, Mapping

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from simviz_core.figures import COLOUR_MAPS, FigureStyle, MapScales
from simviz_ui.components.looking import looking
from simviz_ui.display.messages import as_markdown
from simviz_ui.navigation import choose, hold, view


def style_controls() -> FigureStyle:
    """Show the controls of the maps' display, and return what they say."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.selectbox(
            "Colours",
            COLOUR_MAPS,
            **hold("colours"),
            width=150,
            help="The first four are perceptually uniform; jet is the paper's. Where negative "
            "contributions occur, a diverging scale centred at zero is used instead.",
        )
        st.slider(
            "Opacity",
            min_value=0,
            max_value=100,
            step=5,
            format="%d %%",
            **hold("opacity"),
            width=220,
        )
        looking(view().opacity / 100, "opacity", key="looking")
        st.segmented_control(
            "Map",
            ["smooth", "cells"],
            required=True,
            format_func=str.capitalize,
            **hold("style"),
            help="Smooth interpolates between the centres of the cells; cells shows what is "
            "computed. A cell responds to more of the image than it covers.",
        )
        st.segmented_control(
            "Scale",
            ["shared", "each"],
            required=True,
            format_func=lambda name: "Shared" if name == "shared" else "Per image",
            **hold("scale"),
            help="One colour scale for both maps, so that they can be compared, or one for each.",
        )
    return view().figure_style


def offer_own_scales(
    scales: MapScales, groups: Mapping[str, Iterable[NDArray[np.float32]]], key: str
) -> None:
    """Say which maps can hardly be seen on the scale that all share, and offer each its own.

    Args:
        scales: What the maps are shown with.
        groups: The maps that are shown, by what they are of.
        key: Of the button.
    """
    faint = scales.faint(groups)
    if not faint:
        return
    words = ", ".join(f"{as_markdown(name)} ({share:.0%} of it)" for name, share in faint.items())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f":material/contrast: Hardly seen on the shared scale: {words}.", width="content"
        )
        st.button("A scale for each", key=key, on_click=choose, kwargs={"scale": "each"})
