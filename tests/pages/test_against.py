"""One match against another, on the Pair, Search and Checkpoints pages."""

import json
import shlex
from pathlib import Path

import pytest
from page_testing import button, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main

PAIR, SEARCH = "pages/pair.py", "pages/search.py"


def text(app: AppTest) -> str:
    return plain(" ".join(element.value for element in (*app.markdown, *app.caption)))


def linked(app: AppTest, name: str) -> str:
    """What the link has of a field."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def against_command(app: AppTest) -> list[str]:
    return next(words for words in (shlex.split(c.value) for c in app.code) if "--against" in words)


def test_the_pair_page_sets_another_image_against_the_match(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    open_page(app, PAIR)
    assert "against" not in app.query_params
    button(app, "Why not another image?").click().run()
    assert linked(app, "against") == "chairs/view_10.png"
    words = against_command(app)[3:]
    words[words.index("--figure") + 1] = str(tmp_path / "against.png")
    capsys.readouterr()
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)["against"]
    assert found["against"] == str(small_gallery / "chairs" / "view_10.png")
    assert f"difference **{found['difference']:+.4f}**" in text(app)
    assert f"Against · **{found['against_similarity']:.4f}**" in text(app)
    button(app, "Turn around").click().run()
    assert f"difference **{-found['difference']:+.4f}**" in text(app)
    assert linked(app, "match") == "chairs/view_10.png"
    button(app, "Close").click().run()
    assert "against" not in app.query_params
    assert "Why this match and not another?" not in [s.value for s in app.subheader]


def test_a_link_shows_the_contrast(app: AppTest) -> None:
    open_page(app, PAIR, against="lamps/view_2.png")
    assert "speak for chairs/view_2.png, blue ones for lamps/view_2.png" in text(app)
    assert app.session_state["against"] == "lamps/view_2.png"


def test_from_a_search_two_matches_are_one_click_away(app: AppTest) -> None:
    until_indexed(open_page(app, SEARCH))
    label_of_button = app.get_by_key("why_not").label
    query = app.session_state["query"]
    (grid,) = [c for c in app.get("bidi_component") if "matches" in c.proto.id]
    nearest = json.loads(grid.proto.json)["matches"][0]
    label = query.split("/")[0]
    is_miss = nearest["label"] != label
    assert label_of_button == ("Why the wrong one is nearest" if is_miss else "Show why")
    app.get_by_key("why_not").click().run()
    assert not app.exception
    assert linked(app, "match") == nearest["id"]
    second = linked(app, "against")
    assert (second.split("/")[0] == label) is is_miss
    assert second not in (query, nearest["id"])
