"""Scroll a part of the page into view: the result of a click further down."""

from itertools import count

import streamlit as st

from simviz_ui.components.assets import asset

_reveal = st.components.v2.component("simviz_reveal", js=asset("reveal/reveal.js"))
_numbers = count(1)


def reveal(key: str) -> None:
    """Scroll a container into view, once.

    Args:
        key: Of the container.
    """
    number = next(_numbers)
    _reveal(data={"key": key}, key=f"reveal {number}", height=0)
