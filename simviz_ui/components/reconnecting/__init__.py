"""A page that is made anew when the browser has been without its server for a while."""

import streamlit as st

from simviz_ui.components.assets import asset

_reconnecting = st.components.v2.component(
    "simviz_reconnecting", js=asset("reconnecting/reconnecting.js")
)


def make_anew_when_connected_again() -> None:
    """Run the page once more as soon as the browser is connected again.

    Streamlit leaves the page as it is. If the server was started in between, it would take no
    notice of the first click on it.
    """
    _reconnecting(key="reconnecting", height=0, on_again_change=lambda: None)
