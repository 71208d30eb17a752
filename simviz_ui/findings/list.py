"""The list of findings: look, open, reorder, write notes, delete, undo."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from simviz_core.errors import FindingsError, SimVizError
from simviz_core.findings import Finding
from simviz_core.findings.reading import LONGEST_NOTE
from simviz_ui.display.icons import icon_button
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.findings.allowed import kept_view
from simviz_ui.findings.files import files_of_findings
from simviz_ui.findings.owner import findings_owner, is_told
from simviz_ui.findings.store import Findings, finding_store
from simviz_ui.navigation import open_view, page_fragment, run_again

ON_A_PAGE = 20
_PROBLEM = "findings_problem"
"""In the session: why the last change was not made."""


@page_fragment
def show_findings() -> None:
    """The list with its tools; a fragment, so that its buttons run it alone."""
    owner = findings_owner()
    store = finding_store()
    try:
        findings = store.of(owner)
    except FindingsError as error:
        show_error(error)
        return
    files_of_findings(owner, findings)
    if message := st.session_state.pop(_PROBLEM, None):
        show_error(message)
    if not findings:
        st.info(
            "Nothing is kept yet. The star at the top of every page keeps what it shows; a file "
            "that was saved here can be opened again.",
            icon=":material/star:",
        )
    elif not is_told():
        st.caption("This browser keeps nothing: a reload loses the list. Save it as a file.")
    page = 1
    pages = -(-len(findings) // ON_A_PAGE)
    if pages > 1:
        page = st.pagination(pages, key="findings_page")
    first = (page - 1) * ON_A_PAGE
    for place, finding in list(enumerate(findings))[first : first + ON_A_PAGE]:
        _show(owner, finding, place, findings)


def _show(owner: str, finding: Finding, place: int, findings: Findings) -> None:
    store = finding_store()
    key = finding.id
    with st.container(border=True, key=f"finding_{key}"):
        picture, text = st.columns((1, 2), gap="medium")
        with picture:
            if finding.picture:
                st.image(finding.picture, alt=finding.title)
            else:
                st.caption("No picture: this page exports no figure.")
        with text:
            st.markdown(f"**{place + 1}. {as_markdown(finding.title)}**")
            st.caption(as_markdown(f"Kept {finding.kept.replace('T', ' ')[:16]} UTC"))
            note = st.text_area(
                "Note",
                finding.note,
                # The note is in the key, so that undo shows the one that was taken back.
                key=f"note_{key}_{hash(finding.note)}",
                max_chars=LONGEST_NOTE,
                height=68,
                placeholder="Note",
                label_visibility="collapsed",
            )
            if note != finding.note:
                _change(lambda: store.write_note(owner, key, note))
                run_again()
            with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
                st.button(
                    "Open",
                    icon=":material/open_in_new:",
                    key=f"open_{key}",
                    on_click=partial(_open, finding),
                    help="Show this view again",
                )
                for icon, name, step in (
                    (":material/arrow_upward:", "Move up", -1),
                    (":material/arrow_downward:", "Move down", +1),
                ):
                    icon_button(
                        name,
                        icon,
                        f"move_{step}_{key}",
                        partial(_change, partial(store.move, owner, key, step)),
                        disabled=not 0 <= place + step < len(findings),
                    )
                icon_button(
                    "Delete",
                    ":material/delete:",
                    f"delete_{key}",
                    partial(_change, partial(store.delete, owner, key)),
                )


def _open(finding: Finding) -> None:
    try:
        open_view(finding.page, kept_view(finding))
    except SimVizError as error:
        st.session_state[_PROBLEM] = str(error)


def _change(change: Callable[[], None]) -> None:
    try:
        change()
    except SimVizError as error:
        st.session_state[_PROBLEM] = str(error)
