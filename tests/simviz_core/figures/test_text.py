"""Names in figures are text."""

import io
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from simviz_core.figures import ClassBlock, ClassPanel, FigureStyle, class_figure
from simviz_core.figures.maps import shortened
from simviz_core.figures.text import as_file, fallback_fonts, visible

NAMES = [
    "$x",
    "$x^2$",
    "$\\alpha$",
    "$\\nosuchcommand$",
    "$$",
    "a_b^c{d}",
    "back\\slash",
    "日本語",
    "עברית العربية",
    "🛏",
    "_leading",
    "new\nline",
    "\x1b[31mred\x00",
    "latin\udce9",
    "\u202egpj.exe",
    "",
]


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def drawn(text: str) -> np.ndarray:
    figure = Figure(figsize=(4, 1))
    figure.suptitle(text)
    return pixels(as_file(figure, 60))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_drawn_without_a_word(name: str) -> None:
    picture = Image.fromarray(np.zeros((20, 30, 3), dtype=np.uint8))
    panel = ClassPanel(picture, name, np.ones((7, 7)), np.ones((7, 7)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        block = ClassBlock(f"{name}: 3 images", (panel,), (name, name))
        assert pixels(class_figure([block], name, FigureStyle())).min() < 100


def test_a_formula_is_drawn_letter_by_letter() -> None:
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(4, 1))
        figure.suptitle("$x^2$")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=60)
    np.testing.assert_array_equal(drawn("$x^2$"), pixels(buffer.getvalue()))


def test_the_numbers_of_a_logarithmic_axis_stay() -> None:
    images = []
    for draw in (lambda figure: as_file(figure, 60), _plainly):
        figure = Figure(figsize=(4, 2))
        axis = figure.subplots()
        axis.plot([1, 1000], [0, 1])
        axis.set_xscale("log")
        images.append(pixels(draw(figure)))
    np.testing.assert_array_equal(*images)


def _plainly(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60)
    return buffer.getvalue()


def test_letters_come_from_whatever_font_has_them() -> None:
    assert fallback_fonts("hotel_00 · é ∑") == ()
    families = fallback_fonts("\u1d24")  # DejaVu Serif, which comes with matplotlib, has it
    assert len(families) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn("voiced \u1d24")
    assert not any("Last Resort" in name for name in fallback_fonts("日本語 \ue0ff \U0001f6cf"))


def test_captions_are_one_line_and_controls_are_seen() -> None:
    assert shortened("a\nb") == "a\\nb"
    assert visible("\x1b[31m\udce9\u202e") == "\\x1b[31m\\udce9\\u202e"
    assert visible("two\nlines") == "two\nlines"
