"""Errors on a page: at their place, in words."""

import re

import streamlit as st


def show_error(message: Exception | str) -> None:
    """Show a message that may hold file names, which are not meant as Markdown."""
    st.error(re.sub(r"([\\`*_\[\]$:~<>|])", r"\\\1", str(message)), icon=":material/error:")
