from pathlib import Path

import pytest

from simviz_core.errors import SettingsError
from simviz_core.gallery import Gallery, class_level, open_gallery
from simviz_core.gallery.levels import class_levels, label_at, levels_note

FRUIT = [
    f"{kind}/{fruit}/{sort}/{number}.png"
    for kind in ("fruit", "nuts")
    for fruit in ("apple", "pear")
    for sort in ("golden", "red", "green")
    for number in (1, 2)
]


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    for name in (*FRUIT, "fruit/whole.png", "root.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def classes(gallery: Gallery) -> list[str]:
    return list(gallery.by_label)


@pytest.mark.parametrize(
    ("level", "label"),
    [("1", "fruit"), ("2", "apple"), ("3", "golden"), ("4", None), ("own", "fruit/apple/golden")],
)
def test_the_class_is_the_folder_of_a_level(level: str, label: str | None) -> None:
    assert label_at("fruit/apple/golden/1.png", level) == label
    assert label_at("1.png", level) is None


def test_own_folders_of_one_name_in_different_places_stay_apart(nested: Path) -> None:
    assert len(classes(open_gallery(nested, level="own"))) == 12 + 1
    assert classes(open_gallery(nested, level="3")) == ["golden", "green", "red"]


def test_what_the_classes_would_be_instead_is_said(nested: Path) -> None:
    gallery = open_gallery(nested)
    assert classes(gallery) == ["fruit", "nuts"]
    assert [(each.level, each.classes) for each in gallery.levels] == [
        *[("1", 2), ("2", 2), ("3", 3), ("own", 13)]
    ]
    (said,) = gallery.reading
    assert said.startswith("folders are nested, and the class is the first folder: 2 classes")
    assert "the own folder 13 classes" in said


def test_class_folders_have_no_other_level_and_nothing_is_said() -> None:
    levels = class_levels(["a/1.png", "b/1.png", "2.png"])
    assert levels == ()
    assert levels_note(levels, "1") == ""


def test_another_level_is_the_same_gallery_with_other_classes(nested: Path) -> None:
    assert open_gallery(nested).at_level("own") == open_gallery(nested, level="own")


def test_each_level_is_a_column_to_filter_by(nested: Path) -> None:
    columns = open_gallery(nested).columns
    assert list(columns) == ["folder 1", "folder 2", "folder 3"]
    assert columns["folder 2"].values == ("apple", "pear")
    assert int(columns["folder 3"].codes.min()) == -1


@pytest.mark.parametrize("text", ["0", "10", "first", "", "-1", "1.0", "²"])
def test_what_is_no_level_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="no level of folders; write 1 for the first folder"):
        class_level(text)


def test_levels_are_read_in_any_case() -> None:
    assert [class_level(text) for text in (" 2", "OWN", "03")] == ["2", "own", "3"]
