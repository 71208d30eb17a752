"""Text from outside on a page: at its place, in words, and never taken for markup.

Names of files, classes and layers are whatever somebody called them. Streamlit reads Markdown in
most of what it shows, and Plotly reads a kind of HTML.
"""

import html
import logging
import re
import string
from collections.abc import Sequence

import streamlit as st

NAMED = 50
"""Of many things, how many are named on a page."""

JOINER = "\u2060"
"""A word joiner: without width or meaning of its own. Some of what Streamlit replaces it looks for
in the finished text, where backslashes are gone; only another letter between keeps that apart."""
_REPLACED = re.compile(
    "(?<=:)(?=\\S)"  # :material/home:, :smile:, https://
    "|(?<=@)(?=\\S)"  # e-mail addresses become links
    "|(?<=www)(?=\\.)"  # so does www.
    "|(?<=-)(?=[->])|(?<=<)(?=[-=])|(?<=[>~])(?==)",  # arrows, dashes, ≥, ≤ and ≈
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u2029\u202a-\u202e\u2066-\u2069]")
"""Line breaks, controls, and what turns the direction of the text around."""
_PUNCTUATION = str.maketrans({letter: f"\\{letter}" for letter in string.punctuation})
_PLOTLY = str.maketrans({"$": "&#36;", "{": "&#123;"})


def show_error(message: Exception | str) -> None:
    """Show a message that may hold file names, which are not meant as Markdown."""
    logging.getLogger(__name__).info("the page said: %s", message)
    st.error(as_markdown(message), icon=":material/error:")


def name_each(title: str, lines: Sequence[str], icon: str) -> None:
    """Show lines that may hold file names below a title that opens; of many only the first."""
    with st.expander(title, icon=icon):
        for line in lines[:NAMED]:
            st.text(_visible(line))
        if len(lines) > NAMED:
            st.text(f"… and {len(lines) - NAMED:,} more")


def as_markdown(text: object) -> str:
    r"""Any text as Markdown that shows exactly this text.

    No formulas, icons, colours, links (also none of bare addresses), pictures or lists come of it,
    wherever in a line it is put. Control characters are written out, as `\n`.

    Args:
        text: Anything with a text.

    Returns:
        Markdown of one line. It holds word joiners (`JOINER`), which are not seen.
    """
    apart = _REPLACED.sub(JOINER, _visible(str(text)).strip(" "))
    return apart.translate(_PUNCTUATION)


def as_plotly_text(text: object) -> str:
    r"""Any text as a label, title or hover text of Plotly that shows exactly this text.

    Args:
        text: Anything with a text.

    Returns:
        Text of one line, in which nothing is a tag, a link, a formula or a place of a template.
    """
    return html.escape(_visible(str(text)), quote=False).translate(_PLOTLY)


def as_plotly_tick(text: str, longest: int) -> str:
    """A text as there is room for beside an axis; in full it is to be seen at the pointer.

    Args:
        text: A name.
        longest: How many letters there is room for.
    """
    return as_plotly_text(text if len(text) <= longest else f"{text[: longest - 1]}…")


def _visible(text: str) -> str:
    """The text with its control characters written out, as `\\n`, and bytes that are no UTF-8."""
    printable = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], printable)
