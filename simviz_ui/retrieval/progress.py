"""Work in the background: how far it has come, and the offer to begin it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from simviz_ui.navigation import fragment
from simviz_ui.serving.background import Job


@fragment(0.5)
def show_job(
    job: Job[Any], words: Callable[[Job[Any]], str], key: str, help: str | None = None
) -> None:
    """Show a job's progress and the button that ends it; runs the page anew when it has ended.

    Args:
        job: The job.
        words: What it is doing, as Markdown.
        key: Of the button.
        help: What becomes of the job when the button is clicked.
    """
    if not job.is_running:
        st.rerun()
    share = job.done / job.total if job.total else 0.0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(share, words(job), width="stretch")
        st.button("Cancel", icon=":material/stop:", key=key, on_click=job.cancel, help=help)


def offer_job(words: str, icon: str, label: str, key: str, start: Callable[[], Any]) -> None:
    """Say what is not made yet, beside the button that starts making it.

    Args:
        words: What is missing, and what it takes, as Markdown.
        icon: Of the words.
        label: Of the button.
        key: Of the button.
        start: Starts the job; what it returns does not matter.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(words, icon=icon, width="stretch")
        st.button(label, type="primary", icon=":material/play_arrow:", key=key, on_click=start)
