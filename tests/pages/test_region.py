"""The Region page without a browser; what is drawn comes from the link."""

import json
from pathlib import Path

import pytest
from page_testing import open_page, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main

REGION = "pages/region.py"
DRAWN = "include:8,4,40,30;exclude:30,4,64,20"


@pytest.fixture
def region(app: AppTest) -> AppTest:
    """The app on the Region page, its gallery indexed, two rectangles drawn."""
    return until_indexed(open_page(app, REGION, regions=DRAWN))


def matches(app: AppTest, title: str) -> list[dict]:
    """What the grid of one ranking was given."""
    grids = [c for c in app.get("bidi_component") if f"matches {title}" in c.proto.id]
    return json.loads(grids[0].proto.json)["matches"] if grids else []


def metric(app: AppTest, label: str) -> str:
    return next(metric.value for metric in app.metric if metric.label == label)


def search(
    app: AppTest, gallery: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> list[dict]:
    query = str(gallery / app.session_state["query"])
    assert main(["search", query, "--gallery", str(gallery), "--json", "-", *options]) == 0
    return json.loads(capsys.readouterr().out)["results"]


REGION_OPTIONS = ("--region=8,4,40,30", "--exclude-region=30,4,64,20")


def test_without_a_drawing_the_page_says_what_to_do(app: AppTest) -> None:
    until_indexed(open_page(app, REGION))
    assert "Draw a rectangle" in app.info[0].value
    assert len(matches(app, "Whole image")) == 5
    assert not matches(app, "Region")


def test_both_rankings_are_those_of_the_command_line(
    region: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for title, options in (("Whole image", ()), ("Region", REGION_OPTIONS)):
        expected = search(region, small_gallery, capsys, *options)
        shown = matches(region, title)
        assert [str(small_gallery / match["id"]) for match in shown] == [
            result["path"] for result in expected
        ]
        assert [match["score"] for match in shown] == [f"{r['score']:.3f}" for r in expected]


def test_crop_is_a_third_ranking(
    region: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not matches(region, "Crop")
    region.get_by_key("crop").set_value(True).run()
    expected = search(region, small_gallery, capsys, "--region=8,4,40,30", "--crop")
    assert [match["score"] for match in matches(region, "Crop")] == [
        f"{result['score']:.3f}" for result in expected
    ]


def test_the_share_is_that_of_the_best_match(
    region: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = search(region, small_gallery, capsys, *REGION_OPTIONS)[0]
    assert metric(region, "Region carries") == f"{best['score'] / best['similarity']:.0%}"
    # 32 × 26 pixels without the 10 × 16 that are excluded, of 64 × 48.
    assert metric(region, "Region covers") == f"{(32 * 26 - 10 * 16) / (64 * 48):.0%}"


def test_best_of_each_class_has_a_row_for_each_rectangle(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = "include:0,0,30,30;include:30,10,64,48"
    until_indexed(open_page(app, REGION, regions=drawn, show="Best of each class"))
    for title, options in (
        ("Whole image", ()),
        ("Region 1", ("--region=0,0,30,30",)),
        ("Region 2", ("--region=30,10,64,48",)),
    ):
        expected = search(app, small_gallery, capsys, "--per-class", "--top", "3", *options)
        shown = matches(app, title)
        assert [match["label"] for match in shown] == [result["label"] for result in expected]
        assert sorted(match["label"] for match in shown) == ["chairs", "lamps"]


def test_the_drawing_belongs_to_its_image(region: AppTest) -> None:
    region.get_by_key("query_next").click().run()
    assert "Draw a rectangle" in region.info[0].value
    assert "regions" not in region.query_params
    region.get_by_key("query_previous").click().run()
    assert matches(region, "Region")
    assert region.query_params["regions"] == DRAWN


@pytest.mark.parametrize("drawn", ["include:10,10,10,10", "include:100,100,200,200"])
def test_an_empty_region_says_so(app: AppTest, drawn: str) -> None:
    until_indexed(open_page(app, REGION, regions=drawn))
    assert "covers nothing of view" in app.error[0].value
    assert len(matches(app, "Whole image")) == 5


def test_excluding_everything_says_so(app: AppTest) -> None:
    until_indexed(open_page(app, REGION, regions="exclude:-5,-5,100,100"))
    assert "covers nothing of view" in app.error[0].value


def test_the_whole_image_drawn_ranks_as_the_whole_image(app: AppTest) -> None:
    until_indexed(open_page(app, REGION, regions="include:0,0,64,48"))
    whole, drawn = matches(app, "Whole image"), matches(app, "Region")
    assert [match["id"] for match in whole] == [match["id"] for match in drawn]
    assert [match["score"] for match in whole] == [match["score"] for match in drawn]
    assert metric(app, "Region carries") == metric(app, "Region covers") == "100%"


def test_fine_regions_rank_as_the_command_does(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until_indexed(open_page(app, REGION, regions=DRAWN, fine="true", relative_to="mean"))
    expected = search(app, small_gallery, capsys, *REGION_OPTIONS, "--fine")
    coarse = search(app, small_gallery, capsys, *REGION_OPTIONS)
    shown = matches(app, "Region")
    assert [match["score"] for match in shown] == [f"{r['score']:.3f}" for r in expected]
    assert [r["score"] for r in expected] != [r["score"] for r in coarse]
    assert all(match["note"].startswith("fine, of ") for match in shown)
    words = " ".join(item.value for item in [*app.markdown, *app.caption])
    assert "**Region** · fine, *gates as they are*" in words
    assert "go without relative maps" in words
    assert "--fine" in app.code[0].value
    assert "--relative-to" not in app.code[0].value
    app.get_by_key("fine").set_value(False).run()
    assert "--fine" not in app.code[0].value
    assert "fine" not in app.query_params


def test_fine_regions_of_a_network_that_has_none_say_why(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simviz_core.networks.fine_regions.LARGEST_RESIDUAL", 0.0)
    until_indexed(open_page(app, REGION, regions=DRAWN, fine="true"))
    (words,) = [item.value for item in app.caption if "No fine regions here" in item.value]
    assert "do not add up to its embedding" in words
    assert not any(toggle.key == "fine" for toggle in app.toggle)
    assert "--fine" not in app.code[0].value
    assert matches(app, "Region")


def test_the_command_names_the_region(region: AppTest) -> None:
    command = region.code[0].value
    for option in REGION_OPTIONS:
        assert option in command
