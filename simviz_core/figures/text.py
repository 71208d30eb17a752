"""Names in figures are text: no formulas, no commands, and letters of every script where there is a
font for them."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

PNG = "png"
FILE_FORMATS = (PNG, "svg", "pdf")
"""What figures are written as."""
LAST_RESORT = "Last Resort"
"""Fonts of this name have a box for every letter."""
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no font has; a line break is none of it, titles have several lines."""

# Where no font has a letter, its box in the figure says so.
warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")


def as_file(figure: Figure, dpi: int, file_format: str = PNG) -> bytes:
    """Draw a figure, every text in it as it is.

    Args:
        figure: Ready but for that.
        dpi: Dots per inch, of a PNG and of the pictures inside an SVG or PDF.
        file_format: One of `FILE_FORMATS`; in SVG and PDF lines and letters are outlines.

    Returns:
        A file. The same figure gives the same PNG and PDF: no date is written.
    """
    from matplotlib.text import Text

    numbers = _tick_labels(figure)
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text not in numbers:
            text.set_parse_math(False)
            text.set_text(visible(text.get_text()))
            _give_fonts(text)
    buffer = io.BytesIO()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    figure.savefig(buffer, format=file_format, dpi=dpi, metadata=dated.get(file_format))
    return buffer.getvalue()


def _tick_labels(figure: Figure) -> set[Text]:
    """The numbers at the axes, which are no names: those of a logarithmic axis are formulas."""
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    ticks = [tick for axis in axes for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())]
    return {label for tick in ticks for label in (tick.label1, tick.label2)}


def visible(text: str) -> str:
    r"""The text with its control characters written out, as `\x1b`; line breaks stay."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def fallback_fonts(letters: Iterable[str]) -> tuple[str, ...]:
    """Installed fonts that have those letters that matplotlib's own font lacks.

    Args:
        letters: Of a text.

    Returns:
        The fewest families that a look through the installed ones finds; letters that no font has
        are passed over.
    """
    from matplotlib.font_manager import FontProperties, findfont

    own = _letters_of(findfont(FontProperties()))
    return _families(frozenset(letter for letter in letters if ord(letter) not in own))


@lru_cache(maxsize=256)
def _families(lacking: frozenset[str]) -> tuple[str, ...]:
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    codes = {ord(x) for x in lacking if not unicodedata.category(x).startswith(("C", "Z"))}
    chosen: list[str] = []
    names = sorted({font.name for font in fontManager.ttflist if LAST_RESORT not in font.name})
    while codes:
        found = {name: codes & _letters_of(findfont(FontProperties(family=name))) for name in names}
        best = max(found, key=lambda name: len(found[name]), default=None)
        if best is None or not found[best]:
            break
        chosen.append(best)
        codes -= found[best]
    return tuple(chosen)


@lru_cache(maxsize=2048)
def _letters_of(path: str) -> frozenset[int]:
    """The letters that a font file has; none where it cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _give_fonts(text: Text) -> None:
    families = fallback_fonts(set(text.get_text()))
    if families:
        own = text.get_fontfamily()
        text.set_fontfamily([*([own] if isinstance(own, str) else own), *families])
