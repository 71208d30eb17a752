"""Two galleries as one: queries of the one, references of the other."""

from pathlib import Path

import numpy as np
import pytest

from simviz_core.errors import GalleryError
from simviz_core.gallery import (
    Conditions,
    Gallery,
    asked_selection,
    open_gallery,
    save_selection,
    selection_of,
    with_references,
)


def joined(apart: tuple[Path, Path]) -> Gallery:
    return with_references(*map(open_gallery, apart))


def manifest(folder: Path, name: str, text: str) -> Gallery:
    path = folder / name
    path.write_text(text)
    return open_gallery(path)


def test_images_keep_their_order_and_labels(apart: tuple[Path, Path]) -> None:
    queries, references = map(open_gallery, apart)
    gallery = joined(apart)
    assert [image.id for image in gallery.images] == [
        *(image.id for image in queries.images),
        *(f"references/{image.id}" for image in references.images),
    ]
    assert [(image.path, image.label) for image in gallery.images] == [
        (image.path, image.label) for image in (*queries.images, *references.images)
    ]
    conditions = Conditions().between(gallery.set_column)
    asked = conditions.asked_rows(gallery.columns, len(gallery.images))
    found = conditions.found_rows(gallery.columns, len(gallery.images))
    assert asked.tolist() == [True] * 6 + [False] * 6
    np.testing.assert_array_equal(found, ~asked)
    assert gallery.reading == (
        "6 images are asked and 6 of known are found; 2 of the 3 classes that are asked have "
        "references",
    )


def test_conditions_of_ones_own_are_asked_besides(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    first = manifest(tmp_path, "a.csv", "path,camera,day\na.png,1,2024-01-02\nb.png,2,\n")
    second = manifest(tmp_path, "b.csv", "path,camera,set,day\na.png,left,x,7\nc.png,2,y,8\n")
    gallery = with_references(first, second)
    # The manifest has a column of that name; what differs in kind is text in both.
    assert gallery.set_column == "set 2"
    assert gallery.columns["camera"].values == ("1", "2", "left")
    assert gallery.columns["day"].values == ("2024-01-02", "7", "8")
    assert any("camera is taken for text" in remark for remark in gallery.remarks)
    conditions = Conditions(ask=("camera=2",)).between(gallery.set_column)
    assert conditions.between(gallery.set_column) == conditions
    assert conditions.asked_rows(gallery.columns, 4).tolist() == [False, True, False, False]
    assert conditions.found_rows(gallery.columns, 4).tolist() == [False, False, True, True]


def test_nested_references_have_the_queries_level_where_they_can(tmp_path: Path) -> None:
    for name in ("q/a/cat/1.png", "q/b/dog/1.png", "r/c/cat/1.png", "flat/cat/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    queries = open_gallery(tmp_path / "q", level="2")
    nested = with_references(queries, open_gallery(tmp_path / "r").at_level("2"))
    assert set(nested.by_label) == {"cat", "dog"}
    flat = with_references(queries, open_gallery(tmp_path / "flat").at_level("2"))
    assert [image.label for image in flat.images] == ["cat", "dog", "cat"]
    assert any("whose class is the first folder" in said for said in flat.reading)


def test_what_cannot_be_joined_is_refused(apart: tuple[Path, Path]) -> None:
    queries, references = map(open_gallery, apart)
    with pytest.raises(GalleryError, match="another gallery than the queries'"):
        with_references(queries, queries)
    own = apart[0] / "references"
    own.mkdir()
    (own / "1.png").write_bytes(b"")
    with pytest.raises(GalleryError, match="has a folder 'references' of its own"):
        with_references(open_gallery(apart[0]), references)


def test_a_selection_is_of_the_two_together(apart: tuple[Path, Path], tmp_path: Path) -> None:
    gallery = joined(apart)
    selection = selection_of(gallery, [gallery.images[0].id, gallery.images[-1].id])
    save_selection(selection, tmp_path)
    assert asked_selection(selection.name, gallery, tmp_path) == selection
    assert not selection.is_of(open_gallery(apart[0]))
