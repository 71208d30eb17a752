"""The operator's settings, looked at once when the server begins."""

import logging

import streamlit as st

from simviz_core.configuration import wrong_settings


def say_wrong_settings() -> None:
    """Say that settings of this server are wrong; its log names them, with the paths in them."""
    if _logged():
        st.error("Settings of this server are wrong. Its log says which, and what was expected.")


@st.cache_resource(show_spinner=False)
def _logged() -> list[str]:
    wrong = wrong_settings()
    for each in wrong:
        logging.getLogger(__name__).error("%s", each)
    return wrong
