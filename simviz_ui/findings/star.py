"""The star at the top of every page: keep what is shown."""

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.findings.reading import LONGEST_NOTE
from simviz_ui.display.exports import shown_exports
from simviz_ui.display.messages import show_error
from simviz_ui.findings.keeping import finding_of
from simviz_ui.findings.owner import findings_owner
from simviz_ui.findings.store import finding_store
from simviz_ui.navigation import fragment, open_page, view

FINDINGS_PAGE = "findings"
_KEPT = "findings_kept"
"""In the session: how many views it has kept, which gives each an empty field for its note."""
_ASKED = "findings_asked"
"""In the session: the note of a view that is to be kept; a run that is cut short keeps it."""


@fragment()
def star(page: str, page_title: str) -> None:
    """Show the star; a click keeps the view that is shown, with a note.

    A fragment: the page need not be run for it.

    Args:
        page: The last part of the page's address.
        page_title: As the navigation has it.
    """
    # What asks the browser for its id takes no room above the star.
    above = st.container()
    owner = findings_owner()
    with above, st.popover("Star", icon=":material/star:", help="Keep this view, with a note"):
        if _ASKED in st.session_state:
            _keep(owner, page, page_title, st.session_state.pop(_ASKED))
        key = f"star_note_{st.session_state.setdefault(_KEPT, 0)}"
        st.text_area(
            "Note",
            key=key,
            placeholder="What is to be seen here? (may stay empty)",
            max_chars=LONGEST_NOTE,
            height=90,
        )
        st.button(
            "Keep this view",
            type="primary",
            icon=":material/star:",
            key="star_keep",
            on_click=_ask,
            args=(key,),
        )
        _say_how_many(owner)


def _ask(key: str) -> None:
    st.session_state[_ASKED] = st.session_state[key]


def _keep(owner: str, page: str, page_title: str, note: str) -> None:
    try:
        with st.spinner("Keeping pictures and numbers …"):
            finding = finding_of(view(), page, page_title, note, shown_exports())
            finding_store().add(owner, (finding,))
    except SimVizError as error:
        show_error(error)
        return
    st.session_state[_KEPT] = st.session_state.get(_KEPT, 0) + 1
    st.toast("Kept. It is on the Findings page.", icon=":material/star:")


def _say_how_many(owner: str) -> None:
    try:
        count = len(finding_store().of(owner))
    except SimVizError as error:
        show_error(error)
        return
    if count:
        st.button(
            f"Findings ({count})",
            icon=":material/bookmarks:",
            key="star_open",
            on_click=open_page,
            args=(FINDINGS_PAGE,),
        )
