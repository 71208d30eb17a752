"""The way into a page whose address was opened before app.py ever ran."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def enter_through_app() -> None:
    """Hand a page that was opened before app.py ever ran over to app.py.

    Streamlit takes a folder named `pages` for its older kind of app, with each file a page of its
    own, until `st.navigation` has been called for the first time. A link straight to a page of a
    freshly started server would therefore show that page without its frame, under the names of the
    files. A page calls this before its imports, which take seconds the first time.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
