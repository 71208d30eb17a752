"""The row of exports under a page's main content; what a page exports can be kept as a finding."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

import streamlit as st

from simviz_core.figures import FILE_FORMATS

Content = Callable[[], bytes | str]
"""Makes a file's content when its button is clicked, and not before."""
_EXPORTS = "simviz_exports"
"""In the session: what the page that is shown exports, by the part and the key of its row."""
_part: ContextVar[str] = ContextVar("part of the page that is being drawn", default="")


@dataclass(frozen=True)
class Exports:
    """What one row exports.

    Attributes:
        files: Under each file's name, what makes its content.
        command: The command that makes the same.
        part: The part of the page that shows the row; empty for the page itself.
    """

    files: dict[str, Content]
    command: str
    part: str

    def content(self, ending: str) -> bytes | str | None:
        """The content of the first file of an ending, such as `.png`; None where there is none."""
        for name, content in self.files.items():
            if name.endswith(ending):
                return content()
        return None


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
    contents = dict(files.values())
    st.session_state.setdefault(_EXPORTS, {})[_part.get(), key] = Exports(
        contents, command, _part.get()
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        download_buttons(files, key)
        with st.popover("Command", icon=":material/terminal:"):
            st.caption("The same figure and the same numbers, from the command line:")
            st.code(command, "bash", wrap_lines=True)


def shown_exports() -> list[Exports]:
    """What the page that is shown exports, row by row."""
    return list(st.session_state.get(_EXPORTS, {}).values())


@contextmanager
def exports_of(part: str) -> Iterator[None]:
    """Have what is exported from here on take the place of what this part exported before.

    Args:
        part: Of a page, which may be drawn again on its own; empty for the page itself, with all
            its parts.
    """
    rows: dict[tuple[str, str | None], Exports] = st.session_state.get(_EXPORTS, {})
    st.session_state[_EXPORTS] = {
        key: row for key, row in rows.items() if part and row.part != part
    }
    before = _part.set(part)
    try:
        yield
    finally:
        _part.reset(before)
