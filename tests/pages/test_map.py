"""The Map page, and the selection that stands for the gallery on other pages."""

import json
from pathlib import Path

import pytest
from page_testing import button, new_app, open_page, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_core.gallery import open_gallery, save_selection, selection_of

MAP, SEARCH, CLASSES = "pages/map.py", "pages/search.py", "pages/classes.py"


def until_mapped(app: AppTest) -> AppTest:
    until_indexed(app)
    return until_indexed(app.run())


def shown_ids(app: AppTest) -> list[str]:
    grid = next(c for c in app.get("bidi_component") if "matches" in c.proto.json)
    return [match["id"] for match in json.loads(grid.proto.json)["matches"]]


@pytest.fixture
def ids(small_gallery: Path) -> list[str]:
    return [image.id for image in open_gallery(small_gallery).images]


def kept_selection(small_gallery: Path, cache_folder: Path, ids: list[str]) -> str:
    selection = selection_of(open_gallery(small_gallery), ids)
    save_selection(selection, cache_folder)
    return selection.name


def test_the_map_says_what_it_is_and_its_command_gives_the_same(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = until_mapped(open_page(app, MAP))
    words = " ".join(caption.value for caption in app.caption)
    assert "not to be read" in words.replace("\\", "")
    (chart,) = app.get("plotly_chart")
    traces = json.loads(chart.proto.spec)["data"]
    assert {trace["name"] for trace in traces} == {"chairs (3)", "lamps (3)"}
    labels = [found.label for found in app.download_button]
    assert labels[:3] == ["Figure (PNG)", "Figure (SVG)", "Figure (PDF)"]
    assert labels[3:] == ["Numbers (JSON)", "Images (CSV)"]
    assert app.code[0].value.startswith("python -m simviz_core map")
    assert main(["map", str(small_gallery), "--json", "-"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert len(values["images"]) == 6
    app.get_by_key("colour_by").set_value("hit").run()
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert {trace["name"].split()[0] for trace in traces} <= {"hit", "miss"}


def test_a_selection_stands_for_the_gallery(
    app: AppTest, small_gallery: Path, cache_folder: Path, ids: list[str]
) -> None:
    name = kept_selection(small_gallery, cache_folder, ids[1:4])
    app = until_indexed(open_page(app, SEARCH, selection=name, query=ids[1]))
    assert any("Selection of 3 images" in text.value for text in app.markdown)
    assert set(shown_ids(app)) == {ids[2], ids[3]}
    assert f"--selection={name}" in app.code[0].value
    button(app, "Clear").click().run()
    assert "selection" not in app.query_params
    assert len(shown_ids(app)) == 5


def test_the_map_marks_a_selection_that_came_with_a_link(
    app: AppTest, small_gallery: Path, cache_folder: Path, ids: list[str]
) -> None:
    name = kept_selection(small_gallery, cache_folder, [ids[1], ids[3], ids[5]])
    app = until_mapped(open_page(app, MAP, selection=name))
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert [trace["selectedpoints"] for trace in traces] == [[1], [0, 2]]
    button(app, "Clear").click().run()
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert not any("selectedpoints" in trace for trace in traces)


def test_classes_are_those_of_the_selection(
    app: AppTest, small_gallery: Path, cache_folder: Path, ids: list[str]
) -> None:
    name = kept_selection(small_gallery, cache_folder, ids[:3])
    app = until_indexed(open_page(app, CLASSES, selection=name))
    assert app.get_by_key("class").options == ["chairs"]
    assert any(f"--selection={name}" in code.value for code in app.code)


@pytest.mark.parametrize(
    ("name", "said"), [("0" * 16, "not kept here any more"), ("../etc", "is not understood")]
)
def test_a_link_whose_selection_is_gone_says_so(app: AppTest, name: str, said: str) -> None:
    app = until_indexed(open_page(app, SEARCH, selection=name))
    assert any(said in warning.value.replace("\\", "") for warning in app.warning)
    assert len(shown_ids(app)) == 5


def test_a_selection_of_another_gallery_is_not_taken(
    app: AppTest, small_gallery: Path, cache_folder: Path
) -> None:
    other = open_gallery(small_gallery / "chairs")
    selection = selection_of(other, [other.images[0].id])
    save_selection(selection, cache_folder)
    app = until_indexed(open_page(new_app(), SEARCH, selection=selection.name))
    assert any("another gallery" in warning.value for warning in app.warning)
