"""Looking closely: the originals while a key or the button is held, maps that follow the slider."""

import streamlit as st

from simviz_ui.components.assets import asset

_looking = st.components.v2.component(
    "simviz_looking",
    css=asset("looking/looking.css"),
    js=asset("typing.js") + asset("looking/looking.js"),
)


def looking(opacity: float, slider: str, key: str, has_button: bool = True) -> None:
    """Have the originals shown while the key O is held, and maps follow the slider.

    While the slider is dragged the maps on the page follow it; the server hears of it at the end.

    Args:
        opacity: Of the maps, 0..1.
        slider: The key of the slider that chooses it.
        key: The widget's key.
        has_button: Whether to show a button that does the same as the key, for touch screens.
    """
    data = {"opacity": opacity, "slider": slider, "has_button": has_button}
    if has_button:
        _looking(data=data, key=key, width="content")
    else:
        _looking(data=data, key=key, height=0)
