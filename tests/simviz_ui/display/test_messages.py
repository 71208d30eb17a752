"""Names that would be markup stay text."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simviz_ui.display.messages import JOINER, as_markdown, as_plotly_text

MARKUP = [
    "$x^2$ and $\\alpha$",
    "![i](http://example.test/pixel.png)",
    "[a](http://example.test)",
    "https://example.test/a",
    "www.example.test",
    "someone@example.test",
    ":red[red] :material/home: :smile:",
    "<b>bold</b><br><a href='http://example.test'>a</a>",
    "# heading",
    "1. list",
    "a -- b -> c <- d >= e <= f ~= g",
    "`code` *star* _under_ ~~gone~~ | a |",
    "&lt;b&gt;",
]


def shown(markdown: str) -> str:
    """What CommonMark makes of a line in which each punctuation mark has its backslash."""
    return re.sub(r"\\(.)", r"\1", markdown).replace(JOINER, "")


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_shows_the_text_itself(text: str) -> None:
    assert shown(as_markdown(text)) == text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs", "Cf"])))
def test_every_punctuation_mark_has_its_backslash(text: str) -> None:
    markdown = as_markdown(text)
    assert shown(markdown) == text
    bare = re.sub(r"\\.", "", markdown)
    assert not set(bare) & set(string.punctuation)


@pytest.mark.parametrize("pattern", [r"://", r"www\.", r"\w@\w", r":\w+:", r"--|->|<-|>=|<=|~="])
@pytest.mark.parametrize("text", MARKUP)
def test_nothing_is_left_that_is_found_in_the_finished_text(text: str, pattern: str) -> None:
    finished = re.sub(r"\\(.)", r"\1", as_markdown(text))
    assert not re.search(pattern, finished)


def test_line_breaks_and_controls_are_written_out() -> None:
    assert shown(as_markdown("a\n# b\x1b[31m\u202egpj")) == r"a\n# b\x1b[31m\u202egpj"
    assert shown(as_markdown("latin\udce9")) == r"latin\udce9"
    assert shown(as_markdown("    code")) == "code"


def test_plotly_gets_entities() -> None:
    assert as_plotly_text("<b>a</b> & $x$ %{y}") == (
        "&lt;b&gt;a&lt;/b&gt; &amp; &#36;x&#36; %&#123;y}"
    )
    assert as_plotly_text("hotel_00 · 日本") == "hotel_00 · 日本"
    assert as_plotly_text("a\nb") == "a\\nb"
