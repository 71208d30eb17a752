"""Findings as files: saved, opened again, and made into a report."""

from functools import partial
from urllib.parse import urlsplit

import streamlit as st

from simviz_core.checkpoints.loading import keeping_networks
from simviz_core.errors import SimVizError
from simviz_core.findings import findings_as_json, report_html
from simviz_ui.display.messages import show_error
from simviz_ui.findings.allowed import made_again, opened_findings
from simviz_ui.findings.store import Findings, finding_store
from simviz_ui.navigation import run_again

LARGEST_FILE = 32
"""Of a file of findings, in megabytes."""
_REPORT = "findings_report"
"""In the session: the findings that a report was made of, and the report."""
_ASKED = "findings_report_asked"
"""In the session: whether a report is to be made; a run that is cut short does not forget it."""
_OPENED = "findings_opened"
"""In the session: what became of the file that was opened last: whether it went well, and words."""
_FILES = "findings_files"
"""In the session: how many files were opened, so that each has an uploader of its own."""


def files_of_findings(owner: str, findings: Findings) -> None:
    """The row of tools above the list.

    Args:
        owner: Whose findings they are.
        findings: In their order.
    """
    store = finding_store()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Undo",
            icon=":material/undo:",
            on_click=partial(_undo, owner),
            disabled=not store.can_undo(owner),
            help="Take the last change of the list back",
        )
        st.download_button(
            "Save",
            partial(findings_as_json, findings),
            "findings.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
            disabled=not findings,
            help="All findings as a file, which can be opened here or made into a report by "
            "`python -m simviz_core report`",
        )
        with st.popover("Open a file", icon=":material/upload:"):
            _opener(owner)
        st.button(
            "Make the report",
            icon=":material/article:",
            on_click=_ask_for_report,
            disabled=not findings,
            help="Makes every finding again from its images and settings, as one HTML file",
        )
        place = st.empty()
    if message := st.session_state.get(_OPENED):
        is_good, words = message
        if is_good:
            st.success(words, icon=":material/check:")
        else:
            show_error(words)
    if st.session_state.get(_ASKED):
        try:
            st.session_state[_REPORT] = findings, _report(findings)
            st.session_state[_ASKED] = False
        except Exception:  # not asked for again and again; a run that is cut short is none
            st.session_state[_ASKED] = False
            raise
    made_of, report = st.session_state.get(_REPORT, (None, ""))
    if report and made_of == findings:
        place.download_button(
            "Report (HTML)",
            report,
            "findings.html",
            "text/html",
            on_click="ignore",
            icon=":material/download:",
            type="primary",
        )


def _ask_for_report() -> None:
    st.session_state[_ASKED] = True


def _undo(owner: str) -> None:
    st.session_state.pop(_OPENED, None)
    try:
        finding_store().undo(owner)
    except SimVizError as error:
        st.session_state[_OPENED] = False, str(error)


def _opener(owner: str) -> None:
    count = st.session_state.setdefault(_FILES, 0)
    file = st.file_uploader(
        "A file of findings",
        type=["json"],
        key=f"findings_file_{count}",
        max_upload_size=LARGEST_FILE,
        help="What it holds is added to the end of the list.",
    )
    if file is None:
        return
    try:
        found = opened_findings(file.getvalue())
        new = finding_store().add(owner, tuple(found))
        known = len(found) - new
        words = f"{new} findings were added" + (f", {known} were there already" if known else "")
        st.session_state[_OPENED] = True, f"{words}."
    except SimVizError as error:
        st.session_state[_OPENED] = False, f"{file.name}: {error}. The list is as it was."
    st.session_state[_FILES] = count + 1
    run_again()


def _report(findings: Findings) -> str:
    """The report, with how far it has come."""
    bar = st.progress(0.0)
    made = []
    with keeping_networks():
        for number, finding in enumerate(findings):
            bar.progress(number / len(findings), f"Making {number + 1} of {len(findings)} again …")
            made.append(made_again(finding))
    bar.empty()
    return report_html(made, app_address())


def app_address() -> str:
    """The address of the app itself, as the browser has it."""
    parts = urlsplit(st.context.url or "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return "http://localhost:8501"
    return f"{parts.scheme}://{parts.netloc}{parts.path.rpartition('/')[0]}"
