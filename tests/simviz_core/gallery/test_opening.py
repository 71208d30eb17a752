import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simviz_core.errors import GalleryError
from simviz_core.gallery import (
    DEMO_GALLERY,
    LINKS_VARIABLE,
    Gallery,
    has_class_folders,
    is_inside,
    looks_like_gallery,
    open_gallery,
)
from simviz_core.gallery.folders import CIRCLE, LEADS_OUT, LISTED, NO_TEXT, NOT_THERE


def files(root: Path, *names: str) -> Path:
    """Empty files below a folder; no image is opened by listing it."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def labels(gallery: Gallery) -> dict[str, str | None]:
    return {image.id: image.label for image in gallery.images}


def test_the_demo_is_a_gallery_of_48_classes() -> None:
    gallery = open_gallery(DEMO_GALLERY)
    assert len(gallery.images) == 288
    assert {len(images) for images in gallery.by_label.values()} == {6}
    assert len(gallery.by_label) == 48
    assert gallery.passed_over == ()


def test_a_folder_of_class_folders_in_natural_order(small_gallery: Path) -> None:
    gallery = open_gallery(str(small_gallery))
    assert gallery.source == small_gallery
    assert labels(gallery) == {
        f"{label}/view_{number}.png": label
        for label in ("chairs", "lamps")
        for number in (1, 2, 10)
    }
    assert [image.id for image in gallery.images] == list(labels(gallery))
    assert all(image.path == small_gallery / image.id for image in gallery.images)


def test_other_files_are_named_and_hidden_ones_are_not(small_gallery: Path) -> None:
    files(small_gallery, "README.md", ".git/picture.png", "lamps/.cache/x.png", "chairs/a.jpg.part")
    gallery = open_gallery(small_gallery)
    assert gallery.passed_over == (
        "README.md",
        "chairs/a.jpg.part",
        "chairs/notes.txt",
        "lamps/notes.txt",
    )
    assert len(gallery.images) == 6


def test_a_flat_folder_has_no_classes(tmp_path: Path) -> None:
    gallery = open_gallery(files(tmp_path, "b.JPG", "a.webp", "c.jpeg"))
    assert labels(gallery) == {"a.webp": None, "b.JPG": None, "c.jpeg": None}
    assert gallery.by_label == {}


def test_the_first_folder_is_the_class_however_deep_a_file_lies(tmp_path: Path) -> None:
    files(tmp_path, "chairs/1.png", "chairs/old/red/2.png", "lamps/new/1.png", "3.png")
    assert labels(open_gallery(tmp_path)) == {
        "3.png": None,
        "chairs/1.png": "chairs",
        "chairs/old/red/2.png": "chairs",
        "lamps/new/1.png": "lamps",
    }


def test_names_of_every_kind(tmp_path: Path) -> None:
    names = ["Stühle & mehr/it's 1.png", "Stühle & mehr/日本.png", "a\nb.png", "x #?%20.png"]
    assert set(labels(open_gallery(files(tmp_path, *names)))) == set(names)


def test_equal_names_but_for_case_or_zeros_have_one_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever order the file system lists them in, the gallery's rows stay where they are."""
    names = ["View_1.png", "view_001.png", "view_01.png", "view_1.png"]
    files(tmp_path, *names)
    for listed in itertools.permutations(names):
        with monkeypatch.context() as patch:
            patch.setattr(os, "walk", lambda root, listed=listed, **_: [(root, [], list(listed))])
            assert [image.id for image in open_gallery(tmp_path).images] == names


def test_links_that_stay_in_the_folder_are_followed_and_others_not(
    small_gallery: Path, tmp_path: Path
) -> None:
    outside = files(tmp_path / "outside", "secret.png", "folder/secret.png")
    chairs = small_gallery / "chairs"
    (chairs / "inward.png").symlink_to(small_gallery / "lamps" / "view_1.png")
    (chairs / "relative.png").symlink_to("view_2.png")
    (chairs / "outward.png").symlink_to(outside / "secret.png")
    (chairs / "upward.png").symlink_to("../../outside/secret.png")
    (chairs / "broken.png").symlink_to("nothing.png")
    (chairs / "itself.png").symlink_to("itself.png")
    (chairs / "folder.png").symlink_to(small_gallery / "lamps")
    (small_gallery / "away").symlink_to(outside / "folder")
    (small_gallery / "round").symlink_to(small_gallery)
    gallery = open_gallery(small_gallery)
    assert len(gallery.images) == 6 + 2
    assert gallery.image("chairs/inward.png").label == "chairs"
    assert "chairs/relative.png" in gallery.by_id
    assert dict(gallery.left_out) == {
        "away": LEADS_OUT,
        "chairs/broken.png": NOT_THERE,
        "chairs/folder.png": LISTED,
        "chairs/itself.png": CIRCLE,
        "chairs/outward.png": LEADS_OUT,
        "chairs/upward.png": LEADS_OUT,
        "round": LISTED,
    }
    assert gallery.reading[0].startswith("7 files and folders are left out; the first of them is ")


def test_links_lead_where_the_operator_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Class folders that are links to another disk, say; in circles, twice, and further out."""
    root, store = tmp_path / "gallery", tmp_path / "store"
    files(root, "own/0.png")
    files(store, "cats/1.png", "cats/old/2.png", "dogs/3.png")
    files(tmp_path, "secret/4.png")
    (root / "cats").symlink_to(store / "cats")
    (root / "dogs").symlink_to("../store/dogs")
    (root / "cats_again").symlink_to(store / "cats")
    (root / "own" / "1.png").symlink_to(store / "cats" / "1.png")
    (store / "cats" / "back").symlink_to(root)
    (store / "cats" / "up").symlink_to(store)
    (store / "dogs" / "secret").symlink_to(tmp_path / "secret")
    assert list(open_gallery(root).by_label) == ["own"]
    monkeypatch.setenv(LINKS_VARIABLE, f"{tmp_path / 'nowhere'}{os.pathsep}{store}")
    gallery = open_gallery(root)
    assert labels(gallery) == {
        "cats/1.png": "cats",
        "cats/old/2.png": "cats",
        "dogs/3.png": "dogs",
        "own/0.png": "own",
        "own/1.png": "own",
    }
    left_out = dict(gallery.left_out)
    assert left_out["cats_again"] == left_out["cats/back"] == LISTED
    assert left_out["dogs/secret"] == LEADS_OUT


def test_many_links_to_each_other_end_soon(tmp_path: Path) -> None:
    """Each of forty folders links to all: without a memory of them 40^40 paths."""
    for number in range(40):
        files(tmp_path, f"{number}/a.png")
        for other in range(40):
            (tmp_path / str(number) / f"to_{other}").symlink_to(tmp_path / str(other))
    assert len(open_gallery(tmp_path).images) == 40


def test_hidden_folders_are_reached_by_links(tmp_path: Path) -> None:
    """As git-annex and DVC keep them."""
    files(tmp_path, ".store/cats/1.png", "dogs/2.png")
    (tmp_path / "cats").symlink_to(".store/cats")
    assert set(labels(open_gallery(tmp_path))) == {"cats/1.png", "dogs/2.png"}


def test_folders_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path, "a/1.png", "b/2.png")
    walk = os.walk

    def refused(root: Path, onerror: Callable[[OSError], None]) -> Iterator[object]:
        for folder, folders, names in walk(root):
            if Path(folder).name == "b":  # as for whoever is not root, and may not read it
                onerror(PermissionError(13, "Permission denied", folder))
            else:
                yield folder, folders, names

    monkeypatch.setattr(os, "walk", refused)
    assert open_gallery(tmp_path).left_out == (("b", "it cannot be read: Permission denied"),)


def test_pictures_are_known_by_content_where_the_ending_says_nothing(
    tmp_path: Path, demo_rooms: Path
) -> None:
    picture = (demo_rooms / "hotel_00" / "view_0.jpg").read_bytes()
    files(tmp_path, "a.txt", "empty", "b.bin", "LICENSE", "loop.url")
    for name in ("photo", "photo.jfif", "photo.JPE", "photo.jpg_large", "photo.txt", "photo.dat"):
        (tmp_path / name).write_bytes(picture)
    (tmp_path / "text").write_text("P5 is a name")
    gallery = open_gallery(tmp_path)
    assert set(gallery.by_id) == {
        *("photo", "photo.jfif", "photo.JPE", "photo.jpg_large", "photo.dat")
    }
    assert all(image.load().width == 320 for image in gallery.images)
    assert {"photo.txt", "text", "LICENSE"} < set(gallery.passed_over)


def test_a_link_to_the_gallery_opens_it(small_gallery: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(small_gallery)
    (small_gallery / "chairs" / "inward.png").symlink_to("view_1.png")
    assert len(open_gallery(link).images) == 7


def test_what_is_no_plain_file_is_passed_over(small_gallery: Path) -> None:
    """Opening a pipe that nobody writes to would wait for ever."""
    os.mkfifo(small_gallery / "chairs" / "pipe.png")
    (small_gallery / "chairs" / "link.png").symlink_to("pipe.png")
    os.mkfifo(small_gallery / "chairs" / "pipe")
    gallery = open_gallery(small_gallery)
    assert len(gallery.images) == 6
    pipe = "no plain file: a pipe"
    assert dict(gallery.left_out) == {
        f"chairs/{name}": pipe for name in ("pipe", "pipe.png", "link.png")
    }


def test_names_that_are_no_text_are_left_out_and_printable(small_gallery: Path) -> None:
    (small_gallery / os.fsdecode(b"stra\xdfe.png")).write_bytes(b"")
    gallery = open_gallery(small_gallery)
    assert len(gallery.images) == 6
    assert gallery.left_out == (("stra\\xdfe.png", NO_TEXT),)


@pytest.mark.parametrize("name", ["nowhere", "nowhere.csv", "a\0b", "a\0b.csv"])
def test_what_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="does not exist"):
        open_gallery(tmp_path / name)


def test_what_the_system_refuses_is_named_with_its_reason() -> None:
    with pytest.raises(GalleryError, match="cannot be opened: File name too long"):
        open_gallery("x" * 5000)


def test_a_folder_without_images_says_what_to_do(tmp_path: Path) -> None:
    files(tmp_path, "notes.txt", ".hidden.png", "empty/.hidden/x.png")
    with pytest.raises(GalleryError, match="no images; put one folder per class into it"):
        open_gallery(tmp_path)


@pytest.mark.parametrize("name", ["notes.txt", "picture.png", "table.txt"])
def test_a_file_that_is_no_manifest_says_what_is_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="CSV or Parquet"):
        open_gallery(files(tmp_path, name) / name)


def test_a_folder_that_is_called_like_a_manifest_is_a_folder(tmp_path: Path) -> None:
    gallery = open_gallery(files(tmp_path / "mine.csv", "a/1.png"))
    assert labels(gallery) == {"a/1.png": "a"}


def test_a_manifest_is_opened_in_its_own_order(tmp_path: Path) -> None:
    files(tmp_path, "pictures/b.png", "a.png", "unlisted.png")
    manifest = tmp_path / "list.CSV"
    manifest.write_text("label,path\nbeds,pictures/b.png\n,a.png\n")
    gallery = open_gallery(manifest)
    assert gallery.source == manifest
    assert [(i.id, i.path, i.label) for i in gallery.images] == [
        ("pictures/b.png", tmp_path / "pictures" / "b.png", "beds"),
        ("a.png", tmp_path / "a.png", None),
    ]
    assert gallery.passed_over == ()


def test_a_manifest_names_only_what_lies_in_the_allowed_folders(tmp_path: Path) -> None:
    files(tmp_path, "one/a.png", "two/b.png", "one/list.csv")
    (tmp_path / "one" / "list.csv").write_text(f"path\na.png\n{tmp_path / 'two' / 'b.png'}\n")
    allowed = [tmp_path / "one", tmp_path / "two"]
    assert len(open_gallery(tmp_path / "one" / "list.csv", allowed).images) == 2
    assert len(open_gallery(tmp_path / "one" / "list.csv").images) == 2
    for too_few in (allowed[:1], allowed[1:], []):
        with pytest.raises(GalleryError, match="outside the folders that may be opened here"):
            open_gallery(tmp_path / "one" / "list.csv", too_few)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "pictures/../../secret.png",
        "outward.png",
        "away/secret.png",
        "/etc/passwd",
        "itself.png",
    ],
)
def test_a_manifest_does_not_lead_out(path: str, tmp_path: Path) -> None:
    files(tmp_path, "secret.png", "mine/pictures/a.png")
    mine = tmp_path / "mine"
    (mine / "outward.png").symlink_to(tmp_path / "secret.png")
    (mine / "away").symlink_to(tmp_path)
    (mine / "itself.png").symlink_to("itself.png")
    (mine / "list.csv").write_text(f"path\npictures/a.png\n{path}\n")
    with pytest.raises(GalleryError, match="outside the folders"):
        open_gallery(mine / "list.csv", [mine])


def test_an_allowed_folder_may_be_a_link(tmp_path: Path) -> None:
    files(tmp_path, "real/a.png")
    (tmp_path / "real" / "list.csv").write_text("path\na.png\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert open_gallery(tmp_path / "real" / "list.csv", [tmp_path / "link"])
    assert open_gallery(tmp_path / "link" / "list.csv", [tmp_path / "real"])


def test_is_inside_needs_more_than_the_same_beginning(tmp_path: Path) -> None:
    inside, beside = tmp_path / "photos", tmp_path / "photos-private"
    assert is_inside(inside, [inside])
    assert is_inside(inside / "a" / ".." / "b", [inside])
    assert not is_inside(beside, [inside])
    assert not is_inside(inside / ".." / "photos-private", [inside])
    assert not is_inside(inside, [])
    assert not is_inside(Path("a\0b"), [inside])


@pytest.mark.parametrize(
    ("names", "looks_like_one"),
    [
        (["a.jpg"], True),
        (["chairs/a.jpg"], True),
        (["chairs/old/a.jpg"], False),
        (["notes.txt", "chairs/notes.txt"], False),
        ([".hidden.jpg", ".cache/a.jpg", "chairs/.a.jpg"], False),
        (["folder.jpg/notes.txt"], False),
    ],
)
def test_a_glance_tells_a_gallery(names: list[str], looks_like_one: bool, tmp_path: Path) -> None:
    assert looks_like_gallery(files(tmp_path, *names)) is looks_like_one


@pytest.mark.parametrize(
    ("names", "is_one"),
    [
        (["a.jpg", "old/notes.txt"], True),
        (["chairs/a.jpg", "lamps/a.jpg"], True),
        (["chairs/a.jpg", "notes/notes.txt"], True),
        (["docs/a.jpg", "one/x/a.jpg", "two/x/a.jpg"], False),
        (["notes.txt"], False),
    ],
)
def test_a_folder_of_class_folders_is_one_gallery(
    names: list[str], is_one: bool, tmp_path: Path
) -> None:
    assert has_class_folders(files(tmp_path, *names)) is is_one


def test_a_glance_at_nothing_is_no_error(tmp_path: Path) -> None:
    assert not looks_like_gallery(tmp_path / "nowhere")
    assert not looks_like_gallery(files(tmp_path, "a.jpg") / "a.jpg")
