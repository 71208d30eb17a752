"""An id that a browser keeps for itself, by which the server finds what belongs to it."""

import re

import streamlit as st

from simviz_ui.components.assets import asset

_component = st.components.v2.component("simviz_browser_id", js=asset("browser_id/browser_id.js"))
_ID = re.compile("[0-9a-f]{32}")


def browser_id(key: str, known: str | None) -> str | None:
    """The id that this browser keeps in its localStorage: 128 random bits, of its first visit.

    Args:
        key: The widget's key.
        known: What it has told already, which it then does not tell again.

    Returns:
        32 hexadecimal digits; None where it has not told any, or keeps nothing.
    """
    told = _component(data={"known": known}, key=key, height=0, on_id_change=lambda: None)
    found = getattr(told, "id", None)
    return found if isinstance(found, str) and _ID.fullmatch(found) else known
