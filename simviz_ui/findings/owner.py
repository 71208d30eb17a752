"""Whose findings these are: those of the browser, once it has told its id."""

import secrets

import streamlit as st

from simviz_ui.components.browser_id import browser_id
from simviz_ui.findings.store import finding_store

_OWNER, _TOLD = "findings_owner", "findings_browser"


def findings_owner() -> str:
    """The id that the findings of this session are kept under; asks the browser for its own.

    Called once in a run, inside a fragment: the browser's answer runs that fragment alone.
    """
    told = browser_id("browser_id", st.session_state.get(_TOLD))
    owner: str = st.session_state.setdefault(_OWNER, told or secrets.token_hex(16))
    if told and told != owner:
        finding_store().take_over(told, owner)
        st.session_state[_OWNER] = owner = told
    st.session_state[_TOLD] = told
    return owner


def is_told() -> bool:
    """Whether the browser has told its id, so that findings survive a reload."""
    return st.session_state.get(_TOLD) is not None
