"""What the canvas to draw on lacks: drags over its edges, the Delete key, a name, a small size."""

import streamlit as st

from simviz_ui.components.assets import asset

_canvas = st.components.v2.component(
    "simviz_canvas", js=asset("typing.js") + asset("canvas/canvas.js")
)


def tend_canvas(label: str, width: int, is_drawn: bool) -> None:
    """Tend to the page's canvas; it takes no room itself.

    Args:
        label: What the canvas shows, for screen readers.
        width: How wide the canvas is shown where there is room, in pixels.
        is_drawn: Whether anything is drawn on it.
    """
    data = {"label": label, "width": width, "is_drawn": is_drawn}
    _canvas(data=data, key="tend canvas", height=0)
