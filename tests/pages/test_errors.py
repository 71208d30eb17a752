"""The Errors page without a browser, and the conditions on columns that it shares with Search."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from page_testing import PATIENCE, button, grid, new_app, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_core.gallery import open_gallery, save_selection, selection_of
from simviz_ui.choices import galleries
from simviz_ui.choices.allowed import FOLDERS_VARIABLE
from simviz_ui.retrieval import outcomes

ERRORS, SEARCH = "pages/errors.py", "pages/search.py"


def table(app: AppTest, key: str = "misses_table_0") -> dict[str, list[object]]:
    """What a table shows, by its columns."""
    (found,) = [frame for frame in app.dataframe if key in frame.proto.id]
    return found.value.to_dict("list")


def asked(*options: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """What the command says."""
    assert main(["errors", *options, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def step(app: AppTest) -> str:
    """Where the page says that it stands."""
    return next(
        text.value for text in app.markdown if " of " in text.value and "miss" in text.value
    )


@pytest.fixture
def manifest(small_gallery: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small gallery as the demo's, with columns: each view was seen by a camera of its own."""
    file = small_gallery / "list.csv"
    rows = [
        f"{label}/view_{number}.png,{label},cam {number},{number * 10},2024-0{month}-01"
        for label in ("chairs", "lamps")
        for month, number in enumerate((1, 2, 10), start=1)
    ]
    file.write_text("\n".join(["path,label,camera,price,seen", *rows]))
    monkeypatch.setattr(galleries, "DEMO_GALLERY", file)
    return file


def test_the_table_is_that_of_the_command_and_search_steps_through_the_same_misses(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until_indexed(open_page(app, ERRORS)).run()
    values = asked(str(small_gallery), capsys=capsys)
    misses = [miss["query"] for miss in values["misses"]]
    assert len(misses) > 1
    assert table(app)["query"] == misses
    assert table(app)["taken_for"] == [miss["taken_for"] for miss in values["misses"]]
    seen = []
    for place in range(len(misses)):
        assert f"**{place + 1} of {len(misses)} misses**" in step(app)
        wrong, right = grid(app, "miss")
        assert (wrong["id"], right["id"]) == (
            values["misses"][place]["nearest"],
            values["misses"][place]["right"],
        )
        assert (wrong["is_hit"], right["is_hit"]) == (False, True)
        assert right["rank"] == values["misses"][place]["right_rank"]
        app.get_by_key("miss_next").click().run()
        seen.append(app.query_params["query"])
    assert seen == [*misses[1:], misses[0]]
    app.get_by_key("order").set_value("rank").run()
    ranks = table(app)["rank"]
    assert ranks == sorted(ranks, reverse=True)
    assert app.query_params["order"] == "rank"
    assert "--order rank" in app.code[0].value

    app.switch_page(SEARCH).run()
    until_indexed(app).run()
    app.get_by_key("only_misses").set_value(True).run()
    seen = set()
    for _ in misses:
        app.get_by_key("query_next").click().run()
        seen.add(app.query_params["query"])
    assert seen == set(misses)


def test_a_gallery_without_classes_says_what_to_do(
    small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "DEMO_GALLERY", small_gallery / "chairs")
    app = until_indexed(open_page(new_app(), ERRORS)).run()
    assert "one folder per class" in app.info[0].value
    assert not app.dataframe


def test_another_pooling_mends_and_breaks(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until_indexed(open_page(app, ERRORS, compared_with="pooling:max"))
    button(app, "Index them").click().run()
    until_indexed(app).run()
    values = asked(str(small_gallery), "--compare-pooling", "max", capsys=capsys)["compared_with"]
    kinds = {kind: [pair["before"]["query"] for pair in values[kind]] for kind in CHANGES}
    for kind, ids in kinds.items():
        app.get_by_key("change").set_value(kind).run()
        if ids:
            assert sorted(table(app)["query"]) == sorted(ids)
        else:
            assert "No miss is left" in app.info[0].value
    assert "--compare-pooling max" in app.code[0].value


CHANGES = ("fixed", "broken", "missed")


def test_conditions_hold_on_search_and_errors_alike(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = new_app()
    app.query_params["where"] = ["price=10..20", "colour=red"]
    app.query_params["leave_out_equal"] = ["camera"]
    until_indexed(open_page(app, SEARCH)).run()
    assert "no column 'colour'; it has camera, price, seen" in plain(app.warning[0].value)
    assert app.query_params["where"] == "price=10..20"
    assert [match["id"] for match in grid(app, "matches")] in (
        ["chairs/view_2.png", "lamps/view_2.png"],
        ["lamps/view_2.png", "chairs/view_2.png"],
    )
    command = app.code[0].value
    assert "--where=price=10..20 --leave-out-equal=camera" in command
    options = ("--where", "price=10..20", "--leave-out-equal", "camera")
    values = asked(str(manifest), *options, capsys=capsys)
    line = next(text.value for text in app.markdown if "Recall@1" in text.value)
    assert f"Recall@1 **{values['recall_at_1']:.1%}**" in line

    app.switch_page(ERRORS).run()
    app.run()
    assert app.query_params["where"] == "price=10..20"
    misses = [miss["query"] for miss in values["misses"]]
    if misses:
        assert table(app)["query"] == misses
    # A condition is put together from a column and its values, and holds at once.
    app.get_by_key("condition_column").set_value("camera").run()
    app.get_by_key("condition_value_of_camera").set_value("cam 2").run()
    app.get_by_key("add_condition").click().run()
    assert app.query_params["where"] == ["price=10..20", "camera=cam 2"]
    assert "no class has two images" in plain(app.info[0].value)
    app.get_by_key("leave_out_equal").set_value([]).run()
    assert "leave_out_equal" not in app.query_params
    app.get_by_key("where").set_value(["price=10..20"]).run()
    assert sorted(table(app, "classes_table")["queries"]) == [2, 2]


def test_one_set_is_asked_and_found_in_the_other_and_copies_are_left_out(
    tmp_path: Path,
    demo_rooms: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nested = tmp_path / "sets"
    names = [f"hotel_0{hotel}/view_{view}.jpg" for hotel in (0, 1) for view in (0, 1)]
    for name in names:
        for part in ("query", "reference")[: 1 if name == names[-1] else 2]:
            (nested / part / name).parent.mkdir(parents=True, exist_ok=True)
            (nested / part / name).write_bytes((demo_rooms / name).read_bytes())
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    app = new_app()
    app.query_params["ask"] = ["folder 1=query"]
    options = ("--class-level", "2", "--ask", "folder 1=query")
    until_indexed(open_page(app, SEARCH, gallery=str(nested), class_level="2")).run()
    assert app.get_by_key("query").value == "query/hotel_00/view_0.jpg"
    found = grid(app, "matches")
    assert {match["id"].split("/")[0] for match in found} == {"reference"}
    assert "copy of the query" in found[0]["note"]
    assert "'--ask=folder 1=query'" in app.code[0].value
    assert "--class-level 2" in app.code[0].value
    words = " ".join(plain(caption.value) for caption in app.caption)
    assert "The nearest neighbour of 3 of 4 queries is taken for a copy of it" in words

    app.get_by_key("leave_out_copies").check().run()
    assert len(grid(app, "matches")) == len(found) - 1
    app.switch_page(ERRORS).run()
    app.run()
    values = asked(str(nested), *options, "--leave-out-copies", capsys=capsys)
    assert (values["ask"], values["leave_out_copies"]) == (["folder 1=query"], 0.95)
    assert "queries_with_a_copy_nearest" not in values
    line = next(text.value for text in app.markdown if "Recall@1" in text.value)
    assert f"Recall@1 **{values['recall_at_1']:.1%}**" in line
    assert "--leave-out-copies=0.95" in app.code[0].value


def test_a_selection_stands_for_the_gallery(
    app: AppTest, small_gallery: Path, cache_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [image.id for image in open_gallery(small_gallery).images]
    selection = selection_of(open_gallery(small_gallery), [*ids[:2], *ids[3:]])
    save_selection(selection, cache_folder)
    app = until_indexed(open_page(app, ERRORS, selection=selection.name))
    assert any("Selection of 5 images" in text.value for text in app.markdown)
    command = app.code[0].value
    assert f"--selection={selection.name}" in command
    assert sorted(table(app, "classes_table")["queries"]) == [2, 3]
    values = asked(str(small_gallery), f"--selection={selection.name}", capsys=capsys)
    assert (values["selection"], values["images_searched"]) == (selection.name, 5)
    assert values["misses"], "the images are noise, of which some must be misses"
    assert table(app)["query"] == [miss["query"] for miss in values["misses"]]
    # Search steps through the same misses, and its figures are of the same images.
    app.switch_page(SEARCH).run()
    app.get_by_key("only_misses").set_value(True).run()
    assert set(app.get_by_key("query").options) >= {miss["query"] for miss in values["misses"]}
    line = next(text.value for text in app.markdown if "Recall@1" in text.value)
    assert f"Recall@1 **{values['recall_at_1']:.1%}**" in line
    app.switch_page(ERRORS).run()
    button(app, "Clear").click().run()
    assert "selection" not in app.query_params
    assert sorted(table(app, "classes_table")["queries"]) == [3, 3]


def test_a_selection_of_single_images_says_what_to_do(
    app: AppTest, small_gallery: Path, cache_folder: Path
) -> None:
    ids = [image.id for image in open_gallery(small_gallery).images]
    selection = selection_of(open_gallery(small_gallery), [ids[0], ids[3]])
    save_selection(selection, cache_folder)
    app = until_indexed(open_page(app, ERRORS, selection=selection.name))
    assert "Select more on the Map page" in app.info[0].value


def until(app: AppTest, is_there: Callable[[], Any]) -> AppTest:
    """Run the page until something is there."""
    deadline = time.monotonic() + PATIENCE
    while not is_there() and time.monotonic() < deadline:
        time.sleep(0.1)
        app.run()
    assert not app.exception
    assert is_there()
    return app


def test_a_large_gallery_is_asked_in_the_background_once(
    app: AppTest, small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "AT_ONCE_UP_TO", 3)
    waiting, ask = threading.Event(), outcomes.query_outcomes

    def slow(*args: Any, **options: Any) -> Any:
        if options.get("on_progress"):
            waiting.wait(PATIENCE)
        return ask(*args, **options)

    monkeypatch.setattr(outcomes, "query_outcomes", slow)
    open_page(app, ERRORS)
    until(app, lambda: any("Asking" in bar.proto.text for bar in app.get("progress")))
    button(app, "Cancel").click().run()
    waiting.set()
    until(app, lambda: any(found.label == "Ask them" for found in app.button))
    assert not app.dataframe
    button(app, "Ask them").click().run()
    until(app, lambda: app.dataframe)
    shown = table(app)

    # In another process, which has the index alone: nothing is asked again.
    st.cache_resource.clear()
    calls = []
    monkeypatch.setattr(outcomes, "query_outcomes", lambda *a, **o: calls.append(o) or ask(*a, **o))
    again = until_indexed(open_page(new_app(), ERRORS))
    assert table(again) == shown
    assert all(options.get("most_queries") == 1 for options in calls)


def test_a_cell_of_the_matrix_is_a_pair_of_classes(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until_indexed(open_page(app, ERRORS)).run()
    found = asked(str(small_gallery), capsys=capsys)["confusions"]
    (chart,) = [c for c in app.get("plotly_chart") if "confusion" in c.proto.id]
    squares = json.loads(chart.proto.spec)["data"][1]
    assert sorted(squares["customdata"]) == sorted(confusion["count"] for confusion in found)
    label, taken_for = found[0]["class" if "class" in found[0] else "label"], found[0]["taken_for"]
    app.get_by_key("of_classes").set_value([label]).run()
    app.get_by_key("taken_for").set_value([taken_for]).run()
    assert len(table(app)["query"]) == found[0]["count"]
    (chart,) = [c for c in app.get("plotly_chart") if "confusion" in c.proto.id]
    (frame,) = json.loads(chart.proto.spec)["layout"]["shapes"]
    labels = ["chairs", "lamps"]
    assert (frame["x0"] + 0.5, frame["y0"] + 0.5) == (labels.index(taken_for), labels.index(label))
