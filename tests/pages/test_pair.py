"""The pages without a browser: what they show and what their widgets do."""

import base64
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_testing import button, new_app, open_page, plain, png, sum_check, uploader
from PIL import Image
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_ui.choices import galleries, uploads
from simviz_ui.choices.uploads import upload_store

PAIR = "pages/pair.py"


@pytest.fixture
def pair(app: AppTest) -> AppTest:
    """The app on the Pair page."""
    return on_pair_page(app)


def on_pair_page(app: AppTest) -> AppTest:
    app.run()
    app.switch_page(PAIR).run()
    assert not app.exception
    return app


def metric(app: AppTest, label: str) -> str:
    return next(metric.value for metric in app.metric if metric.label == label)


def widget(app: AppTest) -> dict[str, Any]:
    """What the widget of the maps was given; nothing where it is not shown."""
    found = [c for c in app.get("bidi_component") if "-cells" in c.proto.id]
    return json.loads(found[0].proto.json) if found else {}


def shown(app: AppTest) -> list[str]:
    """What the pictures of the page are, in words."""
    given = widget(app)
    return [given[side]["alt"] for side in ("query", "match") if given]


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def test_overview_says_what_this_is_and_where_to_click(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.title[0].value == "SimViz"
    assert "Which regions of two images make them similar" in app.markdown[0].value
    assert "pair" in str(app.get("page_link")[0].proto).lower()


def test_two_maps_and_a_sum_that_checks(pair: AppTest) -> None:
    assert len(shown(pair)) == 2
    assert metric(pair, "Similarity") == sum_check(pair)[0]
    assert sum_check(pair)[1] < 1e-5
    assert len(pair.get("plotly_chart")) == 2


def test_the_page_shows_what_the_command_prints(
    pair: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(small_gallery / pair.session_state[key]) for key in ("query", "match")]
    assert main(["pair", *paths]) == 0
    assert f"similarity {metric(pair, 'Similarity')}" in capsys.readouterr().out


@pytest.mark.parametrize(("key", "value"), [("pooling", "max"), ("size", 320)])
def test_network_settings_change_the_score(pair: AppTest, key: str, value: object) -> None:
    before = metric(pair, "Similarity")
    pair.get_by_key(key).set_value(value).run()
    assert not pair.exception
    assert metric(pair, "Similarity") != before
    assert sum_check(pair)[1] < 1e-5


def test_display_controls_never_run_the_network(
    pair: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the network ran")

    monkeypatch.setattr("simviz_core.networks.SimilarityNetwork.feature_map", fail)
    before = metric(pair, "Similarity")
    for key, value in (("opacity", 30), ("colours", "jet"), ("style", "cells"), ("scale", "each")):
        pair.get_by_key(key).set_value(value).run()
        assert not pair.exception
        assert not pair.error
    assert metric(pair, "Similarity") == before


def test_swap_exchanges_the_images_and_keeps_the_score(pair: AppTest) -> None:
    query, match = pair.session_state["query"], pair.session_state["match"]
    before = metric(pair, "Similarity")
    button(pair, "Swap").click().run()
    assert (pair.session_state["query"], pair.session_state["match"]) == (match, query)
    assert metric(pair, "Similarity") == before


def test_random_pairs_are_of_the_classes_that_were_asked_for(pair: AppTest) -> None:
    for label, is_same in (("Random, same class", True), ("Random, different classes", False)):
        button(pair, label).click().run()
        folders = [pair.session_state[key].split("/")[0] for key in ("query", "match")]
        assert (folders[0] == folders[1]) is is_same
        assert not pair.exception


def test_steps_walk_through_the_gallery(pair: AppTest) -> None:
    assert pair.session_state["query"] == "chairs/view_1.png"
    pair.get_by_key("query_next").click().run()
    assert pair.session_state["query"] == "chairs/view_2.png"
    pair.get_by_key("query_previous").click().run()
    pair.get_by_key("query_previous").click().run()
    assert pair.session_state["query"] == "lamps/view_10.png"


def test_a_link_reopens_the_same_view(app: AppTest) -> None:
    open_page(app, PAIR, query="lamps/view_2.png", match="chairs/view_10.png", pooling="Max")
    assert app.session_state["query"] == "lamps/view_2.png"
    assert app.session_state["match"] == "chairs/view_10.png"
    assert app.session_state["pooling"] == "max"


def test_a_link_to_nothing_falls_back(app: AppTest) -> None:
    open_page(app, PAIR, query="../../etc/passwd", pooling="median")
    assert app.session_state["query"].startswith("chairs/")
    assert app.session_state["pooling"] == "average"


def test_an_upload_is_shown_and_survives_a_page_switch(pair: AppTest) -> None:
    before = metric(pair, "Similarity")
    uploader(pair, "query").set_value(("mine.png", png(), "image/png")).run()
    assert not pair.error
    uploaded = pair.session_state["query"]
    assert uploaded.startswith("mine.png (upload ")
    after = metric(pair, "Similarity")
    assert after != before
    pair.get_by_key("query_next").click().run()
    pair.get_by_key("query").set_value(uploaded).run()
    assert metric(pair, "Similarity") == after


def test_the_link_of_an_upload_can_be_opened_and_swapped(pair: AppTest) -> None:
    uploader(pair, "query").set_value(("mine.png", png(), "image/png")).run()
    uploaded, score = pair.session_state["query"], metric(pair, "Similarity")
    other = open_page(new_app(), PAIR, query=uploaded)
    assert metric(other, "Similarity") == score
    button(other, "Swap").click().run()
    assert not other.exception
    assert other.session_state["match"] == uploaded
    assert metric(other, "Similarity") == score


def test_an_upload_that_made_room_for_others_falls_back(pair: AppTest) -> None:
    uploader(pair, "query").set_value(("mine.png", png(), "image/png")).run()
    upload_store.clear()
    pair.run()
    assert not pair.exception
    assert "upload it again" in plain(pair.warning[0].value)
    assert pair.session_state["query"] == "chairs/view_1.png"
    assert len(shown(pair)) == 2


def test_a_bad_upload_says_why_and_loses_nothing(pair: AppTest) -> None:
    before = pair.session_state["query"], metric(pair, "Similarity")
    uploader(pair, "query").set_value(("mine.jpg", b"only text", "image/jpeg")).run()
    assert "mine.jpg is not an image" in plain(pair.error[0].value)
    assert (pair.session_state["query"], metric(pair, "Similarity")) == before
    uploader(pair, "query").set_value(("mine.png", png(), "image/png")).run()
    assert not pair.error


def test_a_photo_above_its_limit_is_refused_in_words(
    pair: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MEGABYTE", 100)  # a browser refuses by itself what is too large
    uploader(pair, "query").set_value(("mine.png", png() + bytes(10_000), "image/png")).run()
    assert "mine.png has 10" in plain(pair.error[0].value)
    assert "an image may have 50 MB" in plain(pair.error[0].value)
    assert pair.session_state["query"] == "chairs/view_1.png"


def test_file_names_are_not_markdown(pair: AppTest) -> None:
    name = "$x$ **loud** [link](http).jpg"
    uploader(pair, "query").set_value((name, b"only text", "image/jpeg")).run()
    assert name in plain(pair.error[0].value)
    assert name not in pair.error[0].value


def test_a_lost_upload_is_named(app: AppTest) -> None:
    open_page(app, PAIR, query="mine.png (upload 0123456789abcdef)")
    assert "upload it again" in plain(app.warning[0].value)
    assert len(shown(app)) == 2


def test_a_link_to_an_image_that_is_gone_says_so(app: AppTest) -> None:
    open_page(app, PAIR, query="chairs/view_99.png")
    assert "the gallery has no image chairs/view_99.png" in plain(app.warning[0].value)
    assert app.query_params["query"] == "chairs/view_1.png"
    app.run()
    assert app.warning, "it stands there for as long as the other image is shown"
    app.get_by_key("query").set_value("lamps/view_2.png").run()
    assert not app.warning


def test_what_of_a_link_is_not_understood_is_said(app: AppTest) -> None:
    open_page(app, PAIR, opacity="900", size="7", style="Cells")
    messages = [plain(warning.value) for warning in app.warning]
    assert messages[0].startswith("This network has no input size of 7 pixels; 224 is taken")
    assert messages[1].startswith("the link's opacity=900 is not understood")
    assert app.query_params["style"] == "cells"


def test_an_unreadable_gallery_image_leaves_the_rest_working(
    app: AppTest, small_gallery: Path
) -> None:
    (small_gallery / "chairs" / "view_1.png").write_bytes(b"damaged")
    open_page(app, PAIR, query="chairs/view_1.png")
    assert "view_1.png is not an image" in plain(app.error[0].value)
    app.get_by_key("query_next").click().run()
    assert not app.error
    assert len(shown(app)) == 2


def test_a_changed_file_is_shown_anew(pair: AppTest, small_gallery: Path) -> None:
    before = metric(pair, "Similarity")
    chance = np.random.default_rng(7)
    pixels = np.sort(chance.integers(0, 255, (48, 64, 3), dtype=np.uint8), axis=0)
    Image.fromarray(pixels).save(small_gallery / "chairs" / "view_1.png")
    pair.run()
    assert metric(pair, "Similarity") != before


def test_an_empty_gallery_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galleries, "DEMO_GALLERY", tmp_path)
    app = on_pair_page(new_app())
    assert "one folder per class" in app.error[0].value


@pytest.mark.usefixtures("no_way_out")
def test_a_network_that_cannot_be_had_leaves_the_page_working(
    pair: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    pair.get_by_key("network").set_value("resnet50").run()
    assert "could not be downloaded" in pair.error[0].value
    pair.get_by_key("network").set_value("efficientnet_lite0").run()
    assert not pair.error
    assert len(shown(pair)) == 2


def test_exports_hold_the_numbers_of_the_page(pair: AppTest) -> None:
    labels = [button.label for button in pair.download_button]
    assert labels[:3] == ["Figure (PNG)", "Figure (SVG)", "Figure (PDF)"]
    assert labels[3:] == ["Numbers (JSON)", "Numbers (NPZ)", "Features (CSV)"]
    assert "python -m simviz_core pair" in pair.code[0].value
    assert pair.session_state["query"] in pair.code[0].value


def test_the_browser_gets_every_pair_of_cells(
    pair: AppTest, small_gallery: Path, tmp_path: Path
) -> None:
    paths = [str(small_gallery / pair.session_state[key]) for key in ("query", "match")]
    arrays = tmp_path / "pair.npz"
    assert main(["pair", *paths, "--npz", str(arrays)]) == 0
    given = widget(pair)
    with np.load(arrays) as stored:
        assert stored["cell_pairs"].shape == (7, 7, 7, 7)
        # The page runs both images at once, which may round otherwise.
        same = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-9)
        same(floats(given["pairs"]), stored["cell_pairs"].ravel())
        for side in ("query", "match"):
            same(floats(given[side]["map"]), stored[f"{side}_map"].ravel())
            assert given[side]["grid"] == [7, 7]
            assert given[side]["rest"] is None
    assert given["similarity"] == pytest.approx(float(metric(pair, "Similarity")), abs=1e-4)
    assert len(base64.b64decode(given["tables"]["diverging"])) == 3 * 256


def test_a_link_pins_a_cell_and_the_command_names_it(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_page(app, PAIR, cell="match,2,3")
    assert widget(app)["pinned"] == "match,2,3"
    command = app.code[0].value
    assert "--partners-of match,2,3" in command
    paths = [str(small_gallery / app.session_state[key]) for key in ("query", "match")]
    assert main(["pair", *paths, "--partners-of", "match,2,3", "--json", "-"]) == 0
    (block,) = json.loads(capsys.readouterr().out)["cells"]
    values = floats(widget(app)["pairs"]).reshape(49, 49)[:, 2 * 7 + 3]
    np.testing.assert_allclose(values, np.float32(block["map"]).ravel(), rtol=1e-5, atol=1e-9)


def test_a_pin_stays_as_long_as_its_image(app: AppTest) -> None:
    open_page(app, PAIR, cell="query,2,3,4,5")
    app.get_by_key("match_next").click().run()
    assert widget(app)["pinned"] == "query,2,3,4,5"
    assert app.query_params["cell"] == "query,2,3,4,5"
    app.get_by_key("query_next").click().run()
    assert widget(app)["pinned"] == ""
    assert "cell" not in app.query_params
    assert "--partners-of" not in app.code[0].value


@pytest.mark.parametrize("cell", ["query,7,0", "query,0,0,0,7", "nonsense", "both,1,2"])
def test_a_cell_that_is_not_there_is_passed_over(app: AppTest, cell: str) -> None:
    open_page(app, PAIR, cell=cell)
    assert not app.error
    assert widget(app)["pinned"] == ""


def test_a_pin_outside_a_coarser_grid_goes(app: AppTest) -> None:
    open_page(app, PAIR, cell="query,9,9", size="320 px")
    assert widget(app)["pinned"] == "query,9,9"
    app.get_by_key("size").set_value(224).run()
    assert widget(app)["pinned"] == ""


def test_poolings_are_compared_on_request(
    pair: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not pair.image
    pair.get_by_key("compare_poolings").set_value(True).run()
    assert not pair.exception
    assert len(pair.image) == 6
    paths = [str(small_gallery / pair.session_state[key]) for key in ("query", "match")]
    assert main(["pair", *paths, "--compare-poolings", "--json", "-"]) == 0
    poolings = json.loads(capsys.readouterr().out)["poolings"]
    for title, values in zip(("Average", "Max", "GeM"), poolings, strict=True):
        assert metric(pair, f"{title} · similarity") == f"{values['similarity']:.4f}"
    spreads = [caption.value for caption in pair.caption if " cells" in caption.value]
    assert spreads[1].endswith(f"in {poolings[0]['match_spread']['carrying_cells']} of 49 cells")
    assert "--compare-poolings" in pair.code[1].value


def test_the_comparison_never_runs_the_network(
    pair: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the network ran")

    monkeypatch.setattr("simviz_core.networks.SimilarityNetwork.feature_map", fail)
    pair.get_by_key("compare_poolings").set_value(True).run()
    pair.get_by_key("scale").set_value("each").run()
    assert not pair.exception


def test_a_link_compares_poolings(app: AppTest) -> None:
    open_page(app, PAIR, compare_poolings="true")
    assert metric(app, "Max · similarity") != metric(app, "Average · similarity")
