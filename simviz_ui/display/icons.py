"""Buttons that show an icon alone, and have a name all the same."""

from collections.abc import Callable
from typing import Any

import streamlit as st

HIDDEN_NAMES = (
    "<style>[class*='st-key-icon_'] button [data-testid='stMarkdownContainer'] {"
    " position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);"
    " white-space: nowrap; }</style>"
)
"""The names are read aloud and not seen; of a page, once."""


def icon_button(
    name: str, icon: str, key: str, on_click: Callable[..., Any], **options: Any
) -> None:
    """Show a button of which only the icon is seen, and its name when it is pointed at.

    Args:
        name: What it does, as screen readers say it.
        icon: As Streamlit names it.
        key: Of the button.
        on_click: What it calls.
        options: What else `st.button` takes.
    """
    with st.container(key=f"icon_{key}", width="content"):
        st.button(name, icon=icon, key=key, on_click=on_click, **{"help": name, **options})
