import csv
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simviz_core.cli.errors import errors_command
from simviz_core.gallery import NO_CONDITIONS, Conditions, Gallery
from simviz_core.misses import list_misses, sorted_misses
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import GalleryIndex, query_outcomes

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def manifest(small_gallery: Path) -> Path:
    """The small gallery as a manifest: each view was seen by a camera of its own."""
    file = small_gallery / "list.csv"
    rows = [
        f"{label}/view_{number}.png,{label},cam {number},{number * 10},2024-0{day}-01"
        for label in ("chairs", "lamps")
        for day, number in enumerate((1, 2, 10), start=1)
    ]
    file.write_text("\n".join(["path,label,camera,price,seen", *rows]))
    return file


def test_the_table_holds_every_miss(
    rooms: Gallery, rooms_index: GalleryIndex, run: Run, tmp_path: Path
) -> None:
    misses = sorted_misses(list_misses(query_outcomes(rooms_index)), "rank")
    status, out, _ = run("errors", rooms.source, "--order", "rank", "--json", "-")
    values = json.loads(out)
    assert status == 0
    assert [miss["query"] for miss in values["misses"]] == [miss.query.id for miss in misses]
    assert values["recall_at_1"] == pytest.approx(1 - len(misses) / 24)
    status, out, _ = run("errors", rooms.source, "--order", "rank", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["query"] for row in rows] == [miss.query.id for miss in misses]
    status, out, _ = run("errors", rooms.source, "--csv", tmp_path / "errors.csv")
    assert f"{len(misses)} of 24 queries find another class first" in out
    assert (tmp_path / "errors.csv").read_text().startswith("query,class,taken_for,margin,")
    _, found, _ = run("evaluate", rooms.source, "--json", "-")
    assert json.loads(found)["recall_at_1"] == values["recall_at_1"]


def test_another_pooling_mends_and_breaks(rooms: Gallery, run: Run) -> None:
    _, out, _ = run("errors", rooms.source, "--compare-pooling", "max", "--json", "-")
    values = json.loads(out)
    compared = values["compared_with"]
    _, out, _ = run("errors", rooms.source, "--pooling", "max", "--json", "-")
    with_max = json.loads(out)
    assert compared["recall_at_1"] == with_max["recall_at_1"]
    before, after = ({miss["query"] for miss in v["misses"]} for v in (values, with_max))
    kinds = {
        kind: {pair["before"]["query"] for pair in compared[kind]}
        for kind in ("fixed", "broken", "missed")
    }
    assert kinds == {"fixed": before - after, "broken": after - before, "missed": before & after}
    _, out, _ = run("errors", rooms.source, "--compare-pooling", "max")
    counts = ", ".join(f"{len(ids)} {kind}" for kind, ids in kinds.items())
    assert f"with efficientnet_lite0, max pooling, 224 px: {counts}" in out


def test_columns_filter_and_leave_out(manifest: Path, run: Run) -> None:
    def figures(*options: str) -> dict[str, object]:
        status, out, err = run("evaluate", manifest, *options, "--json", "-")
        assert status == 0, err
        return json.loads(out)

    assert "where" not in figures()
    few = figures("--where", "price=10..20")
    assert (few["queries"], few["images_searched"], few["where"]) == (4, 4, ["price=10..20"])
    assert figures("--where", "seen=2024-02-01..")["queries"] == 4
    assert figures("--where", "camera=cam 1", "--where", "camera=cam 2")["queries"] == 4
    assert figures("--leave-out-equal", "camera")["queries"] == 6

    query = manifest.parent / "chairs" / "view_2.png"
    search = ("search", query, "--gallery", manifest, "--json", "-")
    _, out, _ = run(*search, "--leave-out-equal", "camera")
    found = json.loads(out)
    assert len(found["results"]) == 4
    assert not any("view_2" in result["path"] for result in found["results"])
    assert found["leave_out_equal"] == ["camera"]
    _, out, _ = run(*search, "--where", "camera=cam 2")
    names = [Path(result["path"]).parts[-2:] for result in json.loads(out)["results"]]
    assert names == [("lamps", "view_2.png")]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--where", "colour=red"], "no column 'colour'; it has camera, price, seen"),
        (["--where", "price=cheap"], "'cheap' is no number"),
        (["--where", "camera"], "is no condition"),
        (["--leave-out-equal", "hotel"], "no column 'hotel'"),
        (["--where", "price=30..100", "--where", "camera=cam 1"], "no class has two images"),
    ],
)
def test_a_wrong_condition_is_one_line_and_status_2(
    options: list[str], reason: str, manifest: Path, run: Run
) -> None:
    status, out, err = run("errors", manifest, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert reason in err


def test_what_cannot_be_compared_or_equalled_is_said(
    rooms: Gallery, manifest: Path, run: Run
) -> None:
    status, _, err = run("errors", rooms.source, "--compare-pooling", "average")
    assert (status, "same network" in err) == (2, True)
    query = rooms.images[0].path
    options = ("--gallery", manifest, "--leave-out-equal", "camera")
    status, _, err = run("search", query, *options)
    assert (status, "is not in the gallery" in err) == (2, True)
    status, _, err = run("errors", manifest.parent / "chairs")
    assert (status, "put the images into class folders" in err) == (2, True)


def test_the_command_names_all_that_is_chosen() -> None:
    settings = NetworkSettings("efficientnet_lite0", "average", 224, "a.pth")
    command = errors_command("rooms", settings, NO_CONDITIONS, "margin")
    assert shlex.split(command)[3:5] == ["errors", "rooms"]
    compared = NetworkSettings("efficientnet_lite0", "max", 224)
    conditions = Conditions(("day=2024-01-01..",), ("camera",))
    words = shlex.split(errors_command("rooms", settings, conditions, "rank", compared))
    assert "--where=day=2024-01-01.." in words
    assert "--leave-out-equal=camera" in words
    assert words[words.index("--compare-pooling") + 1] == "max"
    assert words[words.index("--compare-checkpoint") + 1] == "pretrained"


def test_a_selection_alone_is_asked_and_found(
    rooms: Gallery, rooms_index: GalleryIndex, run: Run, tmp_path: Path
) -> None:
    ids = [image.id for image in rooms.images if image.label != "hotel_03"]
    file = tmp_path / "ids.txt"
    file.write_text("\n".join(ids))
    part = rooms_index.part(np.array([image.id in ids for image in rooms_index.images]))
    misses = sorted_misses(list_misses(query_outcomes(part)), "margin")
    status, out, _ = run("errors", rooms.source, f"--selection={file}", "--json", "-")
    values = json.loads(out)
    assert status == 0
    assert [miss["query"] for miss in values["misses"]] == [miss.query.id for miss in misses]
    assert (values["queries"], values["images_searched"]) == (18, 18)
    assert re.fullmatch("[0-9a-f]{16}", values["selection"])
    assert {found["label"] for found in values["classes"]} == {"hotel_00", "hotel_01", "hotel_02"}
    _, out, _ = run("evaluate", rooms.source, f"--selection={file}", "--json", "-")
    assert json.loads(out)["recall_at_1"] == values["recall_at_1"]
    _, out, _ = run("errors", rooms.source, f"--selection={file}", "--csv", "-")
    assert {row["selection"] for row in csv.DictReader(io.StringIO(out))} <= {values["selection"]}
    file.write_text(ids[0])
    status, _, err = run("errors", rooms.source, f"--selection={file}")
    assert (status, "a class with two images" in err) == (2, True)
