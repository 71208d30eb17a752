"""Every page runs inside app.py, whichever link it is entered by."""

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

SHARED = (
    *(
        "gallery",
        "network",
        "pooling",
        "size",
        "own_pooling",
        "any_size",
        "weights",
        "tail",
        "layer",
    ),
    *("query", "colours", "opacity", "style", "scale"),
)
"""Parameters of the link that several pages understand."""


def enter_through_app() -> None:
    """Hand a page that was opened before app.py ever ran over to app.py; keep what a link chose.

    Streamlit takes a folder named `pages` for its older kind of app, with each file a page of its
    own, until `st.navigation` has been called for the first time. A link straight to a page of a
    freshly started server would therefore show that page without its frame.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
    _keep_choices()


def _keep_choices() -> None:
    """Keep what a link has chosen when another page is opened; before any widget is made.

    Streamlit takes a value that came with the link, and that nobody has touched since, for gone
    when the link of the next page does not name it. A value that is set is kept.
    """
    context = get_script_run_ctx()
    page = context.page_script_hash if context else ""
    if st.session_state.get("page_before") != page:
        st.session_state["page_before"] = page
        for name in SHARED:
            if name in st.session_state and name not in st.query_params:
                st.session_state[name] = st.session_state[name]


def run_again() -> None:
    """Run the fragment again, or the page where it is the whole page that is being run."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()


def switch_page(page: str, **parameters: str) -> None:
    """Switch to another page, with a link that reopens it as it is.

    Streamlit's own switch empties the link, and refuses to where widgets are bound to it; what
    the link named would be shown, but not be part of the new link.

    Args:
        page: The page's file.
        parameters: Parameters of the new link, besides the shared ones that are in the old one.
    """
    link = {name: st.query_params[name] for name in SHARED if name in st.query_params}
    context = get_script_run_ctx()
    if context is not None:
        with context.session_state.query_params() as bound:
            for name in {*st.query_params, *parameters}:
                if binding := bound.get_binding_for_param(name):
                    bound.unbind_widget(binding.widget_id)
    st.switch_page(page, query_params=link | parameters)


PAIR_PAGE = "pages/pair.py"

CLICKED = "clicked_page"
"""In the session: the page that a click on a match asked for, None for this one, and its link."""


def follow_click() -> None:
    """Do what a click on a match asked for; first thing in a fragment that shows matches.

    A click runs the fragment alone, but a new query or another page needs the whole page run.
    """
    if CLICKED in st.session_state:
        page, link = st.session_state.pop(CLICKED)
        if page:
            switch_page(page, **link)
        st.rerun()
