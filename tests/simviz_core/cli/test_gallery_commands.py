"""`map` and `export`."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from simviz_core.gallery import LINKS_VARIABLE, Gallery

Command = Callable[..., Any]


@pytest.fixture
def manifest(colour_gallery: Path) -> Path:
    """A manifest of 24 images with columns that a spreadsheet or a reader could stumble over."""
    lines = ["path,label,camera,x,taken"]
    for place, file in enumerate(sorted(colour_gallery.rglob("*.png"))):
        name = file.relative_to(colour_gallery).as_posix()
        camera = ("=cmd()", "b")[place % 2]
        lines.append(f"{name},{file.parent.name},{camera},{place},2024-01-{place + 1:02d}")
    path = colour_gallery / "images.csv"
    path.write_text("\n".join(lines))
    return path


def test_the_command_writes_the_same_numbers_in_every_form(
    run: Command, manifest: Path, tiny_network: str, tmp_path: Path
) -> None:
    words = ["map", manifest, "--network", tiny_network]
    outcome = run(*words, "--json", "-", "--figure", tmp_path / "map.pdf", "--colour-by", "camera")
    assert outcome.status == 0, outcome.err
    values = json.loads(outcome.out)
    assert len(values["images"]) == 24
    assert values["method"] == "principal axes"
    assert 0 <= values["neighbours_kept"] <= 1
    assert (tmp_path / "map.pdf").read_bytes().startswith(b"%PDF")
    rows = list(csv.DictReader(io.StringIO(run(*words, "--csv", "-").out, newline="")))
    assert [float(row["x"]) for row in rows] == [image["x"] for image in values["images"]]
    assert rows[0]["camera"] == "'=cmd()"
    assert rows[1]["manifest_x"] == "1"
    assert values["images"][0]["camera"] == "=cmd()"
    assert values["images"][2]["taken"] == "2024-01-03"
    for by in ("hit", "taken", "x"):
        assert run(*words, "--figure", tmp_path / "map.svg", "--colour-by", by).status == 0
    assert "coloured by 'lens'" in run(*words, "--colour-by", "lens").err


def test_exports_hold_the_embeddings_of_the_index(
    run: Command, manifest: Path, tiny_network: str, tmp_path: Path
) -> None:
    file, folder = tmp_path / "e.parquet", tmp_path / "projector"
    words = ["export", manifest, "--network", tiny_network]
    outcome = run(*words, "--parquet", file, "--tsv", folder)
    assert outcome.status == 0, outcome.err
    read = pq.read_table(file)
    assert read.column_names[:6] == ["id", "path", "label", "is_hit", "x", "y"]
    matrix = np.stack(read.column("embedding").to_numpy())
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)
    about = json.loads(read.schema.metadata[b"simviz"])
    assert about["network"] == tiny_network
    assert about["map"]["method"] == "principal axes"
    tensors = np.loadtxt(folder / "tensors.tsv", delimiter="\t", dtype=np.float32)
    np.testing.assert_array_equal(tensors, matrix)
    header, *lines = (folder / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(matrix)
    assert {line.count("\t") for line in lines} == {header.count("\t")}
    assert 'tensor_path: "tensors.tsv"' in (folder / "projector_config.pbtxt").read_text()
    assert run(*words, "--parquet", file, "--without-map").status == 0
    assert "x" not in pq.read_table(file).column_names
    assert "--parquet FILE" in run(*words).err


def test_of_nested_folders_the_class_is_chosen(
    rooms: Gallery, run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    for number, image in enumerate(rooms.images[:8]):
        place = tmp_path / "nested" / ("train", "val")[number % 2] / str(image.label)
        place.mkdir(parents=True, exist_ok=True)
        (place / image.path.name).symlink_to(image.path)
    words = ("evaluate", tmp_path / "nested", "--json", "-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LINKS_VARIABLE, str(rooms.source))
        _, first, said = run(*words)
        _, second, _ = run(*words, "--class-level", "2")
        status, _, deep = run(*words, "--class-level", "5")
        wrong, _, problem = run(*words, "--class-level", "x")
    assert json.loads(first)["queries"] == json.loads(second)["queries"] == 8
    assert json.loads(first)["recall_at_1"] < json.loads(second)["recall_at_1"]
    assert "of the gallery, folders are nested, and the class is the first folder" in said
    assert "the class is the second folder" in json.loads(second)["gallery_reading"][0]
    assert (status, wrong) == (2, 2)
    assert "no image of" in deep
    assert "no level of folders" in problem
