"""How maps are shown, the same on every page and part of the link."""

import streamlit as st

from simviz_core.figures import COLOUR_MAPS, FigureStyle
from simviz_ui.navigation import hold, view


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
