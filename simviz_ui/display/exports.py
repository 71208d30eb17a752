"""The row of exports under a page's main content."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

Content = Callable[[], bytes | str]
"""Makes a file's content when its button is clicked, and not before."""


def export_row(
    files: Mapping[str, tuple[str, Content]], command: str, key: str | None = None
) -> None:
    """Show a download button for each file, and the command that makes the same.

    Args:
        files: Under each button's label, the file's name and its content.
        command: For a POSIX shell.
        key: Tells the row from another one on the same page.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        download = partial(st.download_button, on_click="ignore", icon=":material/download:")
        for label, (name, content) in files.items():
            download(label, content, name, key=f"{key} {label}" if key else None)
        with st.popover("Command", icon=":material/terminal:"):
            st.caption("The same figure and the same numbers, from the command line:")
            st.code(command, "bash", wrap_lines=True)
