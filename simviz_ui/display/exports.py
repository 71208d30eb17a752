"""The row of exports under a page's main content."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from simviz_core.figures import FILE_FORMATS

Content = Callable[[], bytes | str]
"""Makes a file's content when its button is clicked, and not before."""


def figure_files(
    stem: str, draw: Callable[[str], bytes], title: str = "Figure"
) -> dict[str, tuple[str, Content]]:
    """A figure in every format that it can be had in, as `export_row` takes files.

    Args:
        stem: Of the files' names.
        draw: Makes the file of a format.
        title: What the figure is called on the buttons.
    """
    return {
        f"{title} ({kind.upper()})": (f"{stem}.{kind}", partial(draw, kind))
        for kind in FILE_FORMATS
    }


def download_buttons(files: Mapping[str, tuple[str, Content]], key: str | None = None) -> None:
    """Show a download button for each file; arguments as for `export_row`."""
    download = partial(st.download_button, on_click="ignore", icon=":material/download:")
    for label, (name, content) in files.items():
        download(label, content, name, key=f"{key} {label}" if key else None)


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
        download_buttons(files, key)
        with st.popover("Command", icon=":material/terminal:"):
            st.caption("The same figure and the same numbers, from the command line:")
            st.code(command, "bash", wrap_lines=True)
