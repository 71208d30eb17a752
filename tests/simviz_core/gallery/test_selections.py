"""Selections of images, kept under the name that a link holds."""

import os
from pathlib import Path

import pytest

from simviz_core.errors import GalleryError, SettingsError
from simviz_core.gallery import (
    Gallery,
    asked_selection,
    open_gallery,
    read_selection,
    save_selection,
    selection_of,
    selections,
)


@pytest.fixture
def gallery(small_gallery: Path) -> Gallery:
    return open_gallery(small_gallery)


def test_the_same_images_have_the_same_name_and_are_read_back(
    gallery: Gallery, tmp_path: Path
) -> None:
    ids = [image.id for image in gallery.images]
    chosen = selection_of(gallery, [ids[2], ids[0], ids[2]])
    assert chosen.name == selection_of(gallery, [ids[0], ids[2]]).name
    assert chosen.title == "Selection of 2 images"
    save_selection(chosen, tmp_path)
    assert read_selection(chosen.name, tmp_path) == chosen
    assert chosen.rows(gallery.images).tolist() == [True, False, True, False, False, False]
    assert selection_of(gallery, ids[:1]).title == "Selection of 1 image"


def test_what_is_gone_changed_or_no_name_is_no_selection(gallery: Gallery, tmp_path: Path) -> None:
    chosen = selection_of(gallery, [gallery.images[0].id])
    assert read_selection(chosen.name, tmp_path) is None
    save_selection(chosen, tmp_path)
    (file,) = (tmp_path / "selections").glob("*.json")
    file.write_text(file.read_text().replace("view_1", "view_2"))
    assert read_selection(chosen.name, tmp_path) is None
    for name in ("../secret", "", "ABCDEF0123456789", "0" * 15):
        assert read_selection(name, tmp_path) is None
    with pytest.raises(SettingsError, match="at least one"):
        selection_of(gallery, [])
    with pytest.raises(GalleryError, match="no image 'x'"):
        selection_of(gallery, ["x"])


def test_the_oldest_make_room(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selections, "MOST_KEPT", 2)
    names = []
    for place, image in enumerate(gallery.images[:3]):
        chosen = selection_of(gallery, [image.id])
        save_selection(chosen, tmp_path)
        os.utime(tmp_path / "selections" / f"{chosen.name}.json", (place, place))
        names.append(chosen.name)
    save_selection(selection_of(gallery, [gallery.images[2].id]), tmp_path)
    found = [read_selection(name, tmp_path) is not None for name in names]
    assert found == [False, True, True]


def test_a_command_takes_a_name_or_a_file_of_ids(gallery: Gallery, tmp_path: Path) -> None:
    chosen = selection_of(gallery, [image.id for image in gallery.images[:2]])
    save_selection(chosen, tmp_path)
    assert asked_selection(chosen.name, gallery, tmp_path) == chosen
    listed = tmp_path / "ids.txt"
    listed.write_text("\n".join(chosen.ids) + "\n\n")
    assert asked_selection(str(listed), gallery, tmp_path) == chosen
    with pytest.raises(SettingsError, match="no selection"):
        asked_selection("0" * 16, gallery, tmp_path)
    other = open_gallery(gallery.source / "chairs")
    with pytest.raises(SettingsError, match="another gallery"):
        asked_selection(chosen.name, other, tmp_path)
