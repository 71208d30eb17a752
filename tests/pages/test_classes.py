"""The Classes page without a browser."""

import json
import os
import shutil
from pathlib import Path

import pytest
from page_testing import open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_ui.choices.allowed import FOLDERS_VARIABLE

CLASSES = "pages/classes.py"


@pytest.fixture
def classes(app: AppTest) -> AppTest:
    """The app on the Classes page, its gallery indexed."""
    return until_indexed(open_page(app, CLASSES)).run()


def cards(app: AppTest, label: str) -> list[dict]:
    """What the grid of a class was given."""
    (grid,) = [c for c in app.get("bidi_component") if f"class_{label}" in c.proto.id]
    return json.loads(grid.proto.json)["matches"]


def command(app: AppTest, capsys: pytest.CaptureFixture[str]) -> dict:
    """The numbers of the command that the page names."""
    (code,) = [block.value for block in app.code if "classmap" in block.value]
    words = code.split()
    words[words.index("--figure") + 1] = os.devnull
    assert main(words[3:]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_figures_are_those_of_the_command_line(
    classes: AppTest, capsys: pytest.CaptureFixture[str]
) -> None:
    values = command(classes, capsys)
    shown = cards(classes, "chairs")
    assert [card["score"] for card in shown] == [
        f"{image['typicality']:.3f}" for image in values["images"]
    ]
    assert [card["label"] for card in shown] == [
        Path(image["path"]).name for image in values["images"]
    ]
    assert all("with its map" in card["alt"] for card in shown)
    (summary,) = values["classes"]
    line = next(text.value for text in classes.markdown if "mean similarity" in text.value)
    assert f"{summary['mean_similarity']:.3f}" in plain(line)


def test_two_classes_and_their_contrast(app: AppTest, capsys: pytest.CaptureFixture[str]) -> None:
    until_indexed(open_page(app, CLASSES, class2="lamps", class_map="Contrast")).run()
    values = command(app, capsys)
    for label in ("chairs", "lamps"):
        expected = [image for image in values["images"] if image["class"] == label]
        assert [card["score"] for card in cards(app, label)] == [
            f"{image['contrast']['difference']:+.3f}" for image in expected
        ]
    legends = [plain(c.value) for c in app.caption if "speaks for" in c.value]
    assert legends == [
        "red: speaks for chairs · blue: speaks for lamps",
        "red: speaks for lamps · blue: speaks for chairs",
    ]


@pytest.mark.parametrize("chosen", ["mean", "class:lamps"])
def test_class_maps_are_relative_to_the_mean_or_a_class(
    classes: AppTest, capsys: pytest.CaptureFixture[str], chosen: str
) -> None:
    before = cards(classes, "chairs")
    classes.get_by_key("class_map").set_value(chosen).run()
    assert not classes.exception
    values = command(classes, capsys)
    shown = cards(classes, "chairs")
    # The order stays; the scores are now the differences that the maps add up to.
    assert [card["id"] for card in shown] == [card["id"] for card in before]
    assert all(a["heat"] != b["heat"] for a, b in zip(shown, before, strict=True))
    found = [image["contrast"] for image in values["images"]]
    assert [card["score"] for card in shown] == [f"{each['difference']:+.3f}" for each in found]
    assert {each["relative_to"] for each in found} == {chosen}
    said = plain(" ".join(caption.value for caption in classes.caption))
    assert found[0]["colours"] in said
    assert f"− {found[0]['reference_similarity']:.4f}" in said
    assert classes.query_params["class_map"] == chosen


def test_a_class_is_not_relative_to_itself(app: AppTest) -> None:
    until_indexed(open_page(app, CLASSES, **{"class": "lamps"}, class_map="class:lamps")).run()
    assert app.get_by_key("class_map").value == "class"
    notes = [plain(found.value) for found in (*app.info, *app.warning, *app.caption)]
    assert any("cannot be relative to class:lamps here" in note for note in notes), notes


def test_stepping_through_the_classes(classes: AppTest) -> None:
    classes.get_by_key("class_next").click().run()
    assert classes.session_state["class"] == "lamps"
    classes.get_by_key("class_next").click().run()
    assert classes.session_state["class"] == "chairs"


def test_poolings_are_compared(classes: AppTest) -> None:
    classes.get_by_key("compare_class_poolings").set_value(True).run()
    titles = [metric.label for metric in classes.metric]
    assert titles == [f"{name} · mean similarity" for name in ("Average", "Max", "GeM")]
    average = next(text.value for text in classes.markdown if "mean similarity" in text.value)
    assert f"{float(classes.metric[0].value):.3f}" in plain(average)


def test_a_class_of_one_image_says_what_is_missing(app: AppTest, small_gallery: Path) -> None:
    (small_gallery / "single").mkdir()
    shutil.copy(small_gallery / "chairs" / "view_1.png", small_gallery / "single")
    until_indexed(open_page(app, CLASSES, **{"class": "single"})).run()
    assert any("has one image" in info.value for info in app.info)
    (card,) = cards(app, "single")
    assert card["score"] == ""


def test_one_class_has_no_contrast(app: AppTest, small_gallery: Path) -> None:
    shutil.rmtree(small_gallery / "lamps")
    until_indexed(open_page(app, CLASSES)).run()
    assert app.get_by_key("class_map").disabled
    assert len(cards(app, "chairs")) == 3


def test_a_gallery_without_classes_says_what_to_do(
    app: AppTest, tmp_path: Path, small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = tmp_path / "flat"
    shutil.copytree(small_gallery / "chairs", flat)
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    until_indexed(open_page(app, CLASSES, gallery=str(flat))).run()
    assert any("folder of its own" in info.value for info in app.info)


def test_a_file_that_has_become_unreadable_keeps_its_place(
    classes: AppTest, small_gallery: Path
) -> None:
    (small_gallery / "chairs" / "view_1.png").write_bytes(b"")
    classes.run()
    shown = {card["label"]: card for card in cards(classes, "chairs")}
    assert shown["view_1.png"]["source"] is None
    assert shown["view_2.png"]["source"]
