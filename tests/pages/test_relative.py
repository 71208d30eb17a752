"""Maps relative to something, and what the similarity would be without a part, on the pages."""

import base64
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from page_testing import open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main

PAIR, SEARCH, REGION = "pages/pair.py", "pages/search.py", "pages/region.py"


def given(app: AppTest, name: str) -> dict:
    """What a widget of a page was given."""
    found = [c for c in app.get("bidi_component") if name in c.proto.id]
    return json.loads(found[0].proto.json)


def run_command(app: AppTest, capsys: pytest.CaptureFixture[str], folder: Path) -> dict:
    """What the page's command prints as JSON."""
    words = shlex.split(app.code[0].value)[3:]
    words[words.index("--figure") + 1] = str(folder / "figure.png")
    capsys.readouterr()
    assert main(words) == 0
    return json.loads(capsys.readouterr().out)


def shown_map(app: AppTest, side: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(given(app, "-cells")[side]["shown"]), "<f4")


def captions(app: AppTest) -> str:
    return plain(" ".join(caption.value for caption in app.caption))


@pytest.mark.parametrize("chosen", ["mean", "class", "class:lamps", "self", "image"])
def test_pair_shows_the_relative_maps_of_its_command(
    app: AppTest, chosen: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    until_indexed(open_page(app, SEARCH))
    app.switch_page(PAIR).run()
    before = app.metric[0].value
    app.get_by_key("relative_to").set_value(chosen).run()
    assert not app.exception
    assert app.metric[0].value == before
    printed = run_command(app, capsys, tmp_path)["relative"]
    for side in ("query", "match"):
        expected = np.float32(printed[side]["map"]).ravel()
        np.testing.assert_allclose(shown_map(app, side), expected, rtol=1e-4, atol=1e-7)
        assert f"difference {printed[side]['difference']:.4f}" in captions(app)
    assert printed["colours"] in captions(app)
    assert given(app, "-cells")["query"]["scale"]["colours"] == "contrast"
    assert app.query_params["relative_to"] == chosen


def test_pair_says_where_a_mean_comes_from_that_is_not_there(app: AppTest) -> None:
    open_page(app, PAIR, relative_to="mean", pooling="gem")
    assert "Open Search to index it" in app.info[0].value
    assert given(app, "-cells")["query"]["shown"] is None
    assert "--relative-to" not in app.code[0].value


def test_what_would_be_lost_is_a_map_of_its_own(
    app: AppTest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    open_page(app, PAIR, relative_to="lost", cell="query,2,3")
    printed = run_command(app, capsys, tmp_path)
    expected = np.float32(printed["lost"]["query_map"])
    np.testing.assert_allclose(shown_map(app, "query"), expected.ravel(), rtol=1e-3, atol=1e-6)
    # One cell's loss is what its pin says.
    (cell,) = printed["cells"]
    assert cell["lost"] == pytest.approx(expected[2, 3], abs=1e-6)
    words = next(m.value for m in app.markdown if m.value.startswith("Without this cell"))
    assert f"**{cell['without']:.4f}** ({-cell['lost']:+.4f})" in words


def test_search_keeps_its_ranking_and_says_the_differences(
    app: AppTest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    until_indexed(open_page(app, SEARCH)).run()
    before = given(app, "matches")["matches"]
    app.get_by_key("relative_to").set_value("mean").run()
    after = given(app, "matches")["matches"]
    assert [(m["id"], m["score"]) for m in after] == [(m["id"], m["score"]) for m in before]
    assert all(a["heat"] != b["heat"] for a, b in zip(after, before, strict=True))
    printed = run_command(app, capsys, tmp_path)
    assert printed["relative"]["relative_to"] == "mean"
    assert printed["relative"]["ranking"] in captions(app)
    assert f"difference {float(after[0]['note'].split()[-1]):.2f}" in captions(app)


def test_region_shows_the_query_where_its_map_is_relative(
    app: AppTest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    drawn = "include:8,4,40,30"
    until_indexed(open_page(app, REGION, regions=drawn, relative_to="class")).run()
    column = given(app, "matches Region")
    assert column["matches"][0]["query_heat"]
    assert given(app, "matches Whole image")["query"] is None
    assert "the reference has no region" in captions(app)
    printed = run_command(app, capsys, tmp_path)
    assert printed["relative"]["relative_to"] == "class"
    best = printed["results"][0]
    metric = next(metric for metric in app.metric if metric.label == "Without it")
    assert metric.value == f"{best['similarity_without_region']:.4f}"
    change = best["similarity_without_region"] - best["similarity"]
    assert float(metric.delta) == pytest.approx(change, abs=6e-5)
    assert column["matches"][0]["note"].endswith(f"without it {float(metric.value):.3f}")
