"""The Features page without a browser."""

import json
import os
import shutil
from pathlib import Path

import pytest
from page_testing import open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_ui.choices.allowed import FOLDERS_VARIABLE

FEATURES = "pages/features.py"


@pytest.fixture
def features(app: AppTest) -> AppTest:
    """The app on the Features page, its gallery indexed."""
    return until_indexed(open_page(app, FEATURES)).run()


def traces(app: AppTest) -> list[dict]:
    (chart,) = [c for c in app.get("plotly_chart") if "feature_curves" in c.proto.id]
    return json.loads(chart.proto.spec)["data"]


def numbers(app: AppTest, capsys: pytest.CaptureFixture[str], place: int = 0) -> dict:
    """The numbers of a command that the page names."""
    code = [block.value for block in app.code if "features" in block.value][place]
    words = code.split()
    words[words.index("--figure") + 1] = os.devnull
    assert main(words[3:]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_curve_is_that_of_the_command_line(
    features: AppTest, capsys: pytest.CaptureFixture[str]
) -> None:
    values = numbers(features, capsys)
    assert values["pairs"] == 6
    words = plain(" ".join(text.value for text in features.markdown))
    assert f"carry {values['top10_share']:.1%} of the similarity" in words
    assert "averaged over 6 pairs of the same class" in words
    assert "all the pairs" in words
    assert any(trace.get("name") == "Same class" for trace in traces(features))


def test_pairs_of_different_classes_and_other_poolings(features: AppTest) -> None:
    features.get_by_key("pair_kinds").set_value(["Same class", "Different classes"]).run()
    names = [trace.get("name") for trace in traces(features)]
    assert {"Same class", "Different classes"} <= set(names)
    features.get_by_key("compared_networks").set_value(["Max pooling"]).run()
    (index,) = [b for b in features.button if b.label == "Index them"]
    index.click().run()
    until_indexed(features).run()
    named = [trace.get("name") or "" for trace in traces(features)]
    assert "Same class, efficientnet_lite0, max" in named


def test_one_pair_has_a_curve_and_channels(
    app: AppTest, capsys: pytest.CaptureFixture[str]
) -> None:
    until_indexed(open_page(app, FEATURES, one_pair="true", match="lamps/view_2.png")).run()
    assert any(trace.get("name") == "This pair" for trace in traces(app))
    values = numbers(app, capsys, place=-1)
    shown = [plain(text.value) for text in app.markdown if text.value.startswith("**Channel")]
    assert [text.split()[1].rstrip(":") for text in shown] == [
        str(channel["channel"]) for channel in values["channels"]
    ]


def test_what_lies_in_the_padding_is_said_as_the_command_has_it(
    app: AppTest, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"one_pair": "true", "match": "lamps/view_2.png", "fit": "pad"}
    until_indexed(open_page(app, FEATURES, **asked)).run()
    captions = [found.proto.imgs[0].caption for found in app.get("image")]
    channels = numbers(app, capsys, place=-1)["channels"]
    of_a_row = len(captions) // len(channels)
    assert of_a_row > 2
    for place, channel in enumerate(channels):
        shown = captions[of_a_row * place : of_a_row * (place + 1)]
        assert all(plain(caption).endswith("in padding") for caption in shown)
        for caption, side in zip(shown, ("query", "match"), strict=False):
            share = channel["in_padding"][side] / channel["contribution"]
            assert plain(caption).endswith(f"\n{share:.0%} in padding")


def test_without_any_curve_the_page_says_what_to_choose(features: AppTest) -> None:
    features.get_by_key("pair_kinds").set_value([]).run()
    assert any("Choose random pairs" in info.value for info in features.info)


def test_a_gallery_without_classes(
    app: AppTest, tmp_path: Path, small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = tmp_path / "flat"
    shutil.copytree(small_gallery / "chairs", flat)
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    until_indexed(open_page(app, FEATURES, gallery=str(flat))).run()
    assert any("no classes" in info.value for info in app.info)
    assert app.get_by_key("pair_kinds").disabled


def test_one_class_alone_has_no_pairs_of_different_ones(app: AppTest, small_gallery: Path) -> None:
    shutil.rmtree(small_gallery / "lamps")
    until_indexed(open_page(app, FEATURES, pair_kinds="Different classes")).run()
    assert any("fewer than two classes" in error.value for error in app.error)
