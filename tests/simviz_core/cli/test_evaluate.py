import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simviz_core.gallery import Gallery
from simviz_core.networks.engines.in_use import by_torch
from simviz_core.retrieval import GalleryIndex, quality_as_json, retrieval_quality

Run = Callable[..., tuple[int, str, str]]

NETWORK = {"weights": "pretrained weights", "engine": by_torch("SIMVIZ_ENGINE=torch").line}
"""What is said of the network beside the figures."""


def test_json_holds_the_figures(
    rooms: Gallery, rooms_index: GalleryIndex, run: Run, tmp_path: Path
) -> None:
    status, out, _ = run("evaluate", rooms.source, "--json", "-")
    assert status == 0
    values = json.loads(out)
    assert values == quality_as_json(retrieval_quality(rooms_index)) | NETWORK
    figures = {"recall_at_1", "recall_at_5", "recall_at_10", "map_at_r", "queries"}
    covered = {"images_in_gallery", "images_indexed", "share_indexed", "value_ranges"}
    assert set(values) == figures | covered | set(NETWORK)
    assert values["images_indexed"] == values["images_in_gallery"] == 24
    assert values["queries"] == 24
    assert 0.5 < values["map_at_r"] < values["recall_at_10"] <= 1
    status, out, _ = run("evaluate", rooms.source, "--json", tmp_path / "figures.json")
    assert json.loads((tmp_path / "figures.json").read_text()) == values
    assert f"map_at_r      {values['map_at_r']:.4f}\n" in out


def test_figures_are_printed(rooms: Gallery, rooms_index: GalleryIndex, run: Run) -> None:
    status, out, _ = run("evaluate", rooms.source)
    assert status == 0
    printed = dict(line.split() for line in out.splitlines())
    expected = quality_as_json(retrieval_quality(rooms_index))
    assert expected.pop("value_ranges") == []
    assert printed["queries"] == "24"
    assert {name: float(value) for name, value in printed.items()} == pytest.approx(
        expected, abs=1e-4
    )


def test_a_sample_is_drawn_by_its_seed(rooms: Gallery, rooms_index: GalleryIndex, run: Run) -> None:
    for seed in (0, 3):
        _, out, _ = run("evaluate", rooms.source, "--queries", 7, "--seed", seed, "--json", "-")
        expected = quality_as_json(retrieval_quality(rooms_index, 7, seed))
        assert json.loads(out) == expected | NETWORK


def test_unreadable_files_are_left_out_with_a_warning(small_gallery: Path, run: Run) -> None:
    (small_gallery / "lamps" / "text.jpg").write_text("no picture")
    status, out, err = run("evaluate", small_gallery, "--json", "-")
    assert (status, json.loads(out)["queries"]) == (0, 6)
    assert "cannot be read and are left out: 1; the first is lamps/text.jpg" in err


def test_half_precision_gives_nearly_the_same(
    rooms: Gallery, rooms_index: GalleryIndex, run: Run
) -> None:
    _, out, _ = run("evaluate", rooms.source, "--precision", "float16", "--json", "-")
    expected = quality_as_json(retrieval_quality(rooms_index))
    found = json.loads(out)
    assert {name: found.pop(name) for name in NETWORK} == NETWORK
    assert found.pop("value_ranges") == expected.pop("value_ranges") == []
    assert found == pytest.approx(expected, abs=0.02)


def test_a_gallery_without_classes_is_one_line_and_status_2(small_gallery: Path, run: Run) -> None:
    status, out, err = run("evaluate", small_gallery / "chairs", "--json", "-")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "put the images into class folders" in err


@pytest.mark.parametrize(
    "options", [["--queries", "0"], ["--queries", "many"], ["--queries", "-3"], ["--seed", "x"]]
)
def test_a_wrong_option_is_one_line_and_status_2(
    options: list[str], small_gallery: Path, run: Run
) -> None:
    status, out, err = run("evaluate", small_gallery, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert options[-1] in err


def test_a_missing_gallery_is_one_line_and_status_2(tmp_path: Path, run: Run) -> None:
    status, out, err = run("evaluate", tmp_path / "nowhere")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "does not exist" in err


def test_commands_ask_the_one_and_find_the_other(apart: tuple[Path, Path], run: Run) -> None:
    queries, references = apart
    status, out, err = run("evaluate", queries, "--references", references, "--json", "-")
    assert status == 0
    values = json.loads(out)
    assert (values["images_searched"], values["queries"]) == (6, 4)
    assert values["gallery_reading"] == [
        "6 images are asked and 6 of known are found; 2 of the 3 classes that are asked have "
        "references"
    ]
    assert "6 images are asked and 6 of known are found" in err

    query = queries / "hotel_00" / "view_0.jpg"
    options = ("--gallery", queries, "--references", references, "--json", "-")
    status, out, _ = run("search", query, *options)
    assert status == 0
    paths = [result["path"] for result in json.loads(out)["results"]]
    assert len(paths) == 6
    assert all(Path(path).is_relative_to(references) for path in paths)

    status, _, err = run("evaluate", queries, "--references", queries.parent / "none")
    assert status == 2
    assert "does not exist" in err
