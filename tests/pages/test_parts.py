"""Queries of several parts on the Region page, without a browser."""

import json
import shlex
from pathlib import Path

import pytest
from page_testing import button, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main

REGION = "pages/region.py"
DRAWN = "include:8,4,30,30;exclude:40,4,64,20"


@pytest.fixture
def region(app: AppTest) -> AppTest:
    """The Region page, indexed, with an excluded rectangle that lies beside the included one."""
    return until_indexed(open_page(app, REGION, regions=DRAWN))


def matches(app: AppTest, title: str) -> list[dict]:
    grids = [c for c in app.get("bidi_component") if f"matches {title}" in c.proto.id]
    return json.loads(grids[0].proto.json)["matches"] if grids else []


def parts_of_link(app: AppTest) -> list[str]:
    value = app.query_params.get("parts", [])
    return [value] if isinstance(value, str) else list(value)


def test_parts_of_two_images_are_collected_weighed_and_exported(
    region: AppTest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    button(region, "Add this region to the query").click().run()
    alone = matches(region, "Query of one part")
    assert [m["score"] for m in alone] == [m["score"] for m in matches(region, "Region")]
    region.get_by_key("query_next").click().run()
    button(region, "Subtract this image").click().run()
    region.get_by_key("part_weight_1").set_value(0.5).run()
    assert not region.exception
    first, second = parts_of_link(region)
    assert first == "1.0 chairs/view_1.png:8,4,30,30;except:40,4,64,20"
    assert second == "-0.5 chairs/view_2.png"
    shown = matches(region, "Query of 2 parts")
    words = next(shlex.split(c.value) for c in region.code if "--without" in c.value)[3:]
    words[words.index("--figure") + 1] = str(tmp_path / "parts.png")
    capsys.readouterr()
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert [m["score"] for m in shown] == [f"{r['score']:.3f}" for r in found["results"]]
    for match, result in zip(shown, found["results"], strict=True):
        assert match["note"].replace("−", "-").split() == [
            f"{value:+.3f}" for value in result["contributions"]
        ]
    assert len(shown) == 4, "neither image of the query is found"
    button(region, "Even out").click().run()
    lengths = [part["length"] for part in found["parts"]]
    weights = [float(part.split()[0]) for part in parts_of_link(region)]
    assert weights[0] * lengths[0] == pytest.approx(-weights[1] * lengths[1], rel=0.01)
    assert max(abs(weight) for weight in weights) > min(abs(weight) for weight in weights) == 1
    button(region, "Undo").click().run()
    button(region, "Undo").click().run()
    assert parts_of_link(region)[1] == "-1.0 chairs/view_2.png"
    region.get_by_key("part_delete_0").click().run()
    assert "all parts of the query are subtracted" in region.error[0].value
    button(region, "Undo").click().run()
    assert matches(region, "Query of 2 parts")
    button(region, "Clear").click().run()
    assert parts_of_link(region) == []
    assert matches(region, "Whole image")


def test_an_exclude_that_changes_nothing_says_so_and_can_be_subtracted(region: AppTest) -> None:
    assert "change nothing" in region.warning[0].value
    before = [m["score"] for m in matches(region, "Region")]
    button(region, "Subtract the excluded instead").click().run()
    shown = matches(region, "Query of 2 parts")
    assert [m["score"] for m in shown] != before
    assert [part.split(":")[-1] for part in parts_of_link(region)] == ["8,4,30,30", "40,4,64,20"]


def test_an_exclude_that_counts_says_how(app: AppTest) -> None:
    until_indexed(open_page(app, REGION, regions="include:8,4,40,30;exclude:30,4,64,20"))
    assert not app.warning
    assert "cut out of" in plain(" ".join(caption.value for caption in app.caption))


def test_a_link_holds_the_parts_and_a_part_that_is_gone_says_so(app: AppTest) -> None:
    app.query_params["parts"] = ["1.0 chairs/view_1.png:0,0,30,48", "2.0 lamps/view_1.png"]
    until_indexed(open_page(app, REGION))
    assert app.get_by_key("part_weight_1").value == 2
    assert matches(app, "Query of 2 parts")
    app.get_by_key("part_delete_1").click().run()
    assert matches(app, "Query of one part")


def test_a_part_that_is_gone_says_so(app: AppTest) -> None:
    app.query_params["parts"] = ["1.0 chairs/view_1.png", "1.0 chairs/nowhere.png"]
    until_indexed(open_page(app, REGION))
    assert "chairs/nowhere.png" in plain(app.error[0].value)
    assert matches(app, "Whole image")
