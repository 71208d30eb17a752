import contextlib
import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from simviz_core.errors import GalleryError
from simviz_core.gallery import UnpackedArchive, archive, open_gallery, unpack_archive

PICTURE = b"only the ending is looked at"
NOTES = tuple((f"{label}/notes.txt", "no image by its ending") for label in ("chairs", "lamps"))
"""What is left out of the small gallery."""
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
"""What the two headers of each file in an archive begin with."""


def zipped(
    *names: str, content: bytes = PICTURE, compression: int = zipfile.ZIP_DEFLATED
) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for name in names:
            # A name that is given as such is written as it is, a wrong one too.
            member = zipfile.ZipInfo("placeholder")
            member.filename = name
            member.compress_type = compression
            packed.writestr(member, content)
    file.seek(0)
    return file


def unpacked(file: io.BytesIO, folder: Path) -> set[str]:
    """What has come out, as paths below the folder."""
    folder.mkdir(exist_ok=True)
    count = unpack_archive(file, folder).images
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert len(found) == count
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where to unpack; beside it nothing may appear."""
    folder = tmp_path / "beside" / "folder"
    folder.mkdir(parents=True)
    return folder


def assert_nothing_beside(folder: Path) -> None:
    assert list(folder.parent.iterdir()) == [folder]
    assert list(folder.parent.parent.iterdir()) == [folder.parent]


@pytest.mark.parametrize(
    "compression",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_an_archive_of_a_gallery_is_that_gallery(
    compression: int, small_gallery: Path, folder: Path
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for path in sorted(small_gallery.rglob("*")):
            packed.write(path, path.relative_to(small_gallery))
    assert unpack_archive(file, folder) == UnpackedArchive(6, NOTES)
    original, copy = open_gallery(small_gallery), open_gallery(folder)
    assert [(i.id, i.label) for i in copy.images] == [(i.id, i.label) for i in original.images]
    for image in original.images:
        pixels = (np.asarray(Image.open(path)) for path in (image.path, copy.by_id[image.id].path))
        np.testing.assert_array_equal(*pixels)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["top/a/1.jpg", "top/b/2.jpg"], {"a/1.jpg", "b/2.jpg"}),
        (["top/a/1.jpg", "top/a/2.jpg"], {"a/1.jpg", "a/2.jpg"}),
        (["top/a/1.jpg", "top/readme.txt", "__MACOSX/a/1.jpg"], {"a/1.jpg"}),
        (["a/1.jpg", "b/2.jpg"], {"a/1.jpg", "b/2.jpg"}),
        (["a/1.jpg", "a/2.jpg"], {"a/1.jpg", "a/2.jpg"}),
        (["top/a/1.jpg", "top/2.jpg"], {"top/a/1.jpg", "top/2.jpg"}),
        (["1.jpg", "2.jpg"], {"1.jpg", "2.jpg"}),
        (["top/", "top/a/", "top/a/1.jpg"], {"a/1.jpg"}),
        (["./top/a//1.jpg"], {"a/1.jpg"}),
        (["top\\a\\1.jpg", "top\\b\\1.jpg"], {"a/1.jpg", "b/1.jpg"}),
        (["Stühle/日本 #1?.JPG", "it's/\".webp"], {"Stühle/日本 #1?.JPG", "it's/\".webp"}),
    ],
)
def test_class_folders_come_right_below(names: list[str], expected: set[str], folder: Path) -> None:
    assert unpacked(zipped(*names), folder) == expected


@pytest.mark.parametrize(
    "name",
    [
        "../out.jpg",
        "a/../../out.jpg",
        "a/..",
        "/out.jpg",
        "//out.jpg",
        "..\\out.jpg",
        "a\\..\\..\\out.jpg",
        "\\out.jpg",
        "\\\\server\\share\\out.jpg",
        "C:out.jpg",
        "C:\\out.jpg",
        "a/out.jpg:stream.jpg",
        ".hidden.jpg",
        ".hidden/out.jpg",
        "__MACOSX/a/._out.jpg",
        "notes.txt",
        "inner.zip",
        "list.csv",
        "program.exe",
        "jpg",
        "a.jpg/",
    ],
)
def test_what_leads_out_or_is_no_image_is_passed_over(name: str, folder: Path) -> None:
    assert unpacked(zipped("a/1.jpg", "b/2.jpg", name), folder) == {"a/1.jpg", "b/2.jpg"}
    assert_nothing_beside(folder)


def test_links_are_left_out(folder: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        link = zipfile.ZipInfo("a/link.jpg")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
        away = zipfile.ZipInfo("a/away")
        away.create_system, away.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        packed.writestr(away, str(tmp_path))
        packed.writestr("a/away/out.jpg", PICTURE)
        device = zipfile.ZipInfo("a/device.jpg")
        device.create_system, device.external_attr = 3, (stat.S_IFCHR | 0o666) << 16
        packed.writestr(device, b"")
    result = unpack_archive(file, folder)
    assert [path for path in folder.rglob("*") if not path.is_dir()] == [
        folder / "away" / "out.jpg"
    ]
    assert result.left_out == (
        ("a/link.jpg", "a link"),
        ("a/away", "a link"),
        ("a/device.jpg", "no plain file"),
    )
    assert_nothing_beside(folder)


@pytest.mark.parametrize("names", [[], ["notes.txt", "inner.zip"], ["../out.jpg"], ["a/"]])
def test_an_archive_without_images_says_what_to_do(names: list[str], folder: Path) -> None:
    with pytest.raises(GalleryError, match="no images; put one folder per class into it"):
        unpack_archive(zipped(*names), folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"only text", b"\x89PNG\r\n\x1a\n", b"Rar!\x1a\x07\0" + bytes(99)]
)
def test_what_is_no_zip_archive_is_named(content: bytes, folder: Path) -> None:
    with pytest.raises(GalleryError, match="damaged and cannot be read"):
        unpack_archive(io.BytesIO(content), folder)


def test_an_encrypted_archive_is_named(folder: Path) -> None:
    file = zipped("a/1.jpg")
    content = bytearray(file.getvalue())
    content[content.index(LOCAL) + 6] |= 1
    content[content.index(CENTRAL) + 8] |= 1
    with pytest.raises(GalleryError, match="encrypted; upload it without a password"):
        unpack_archive(io.BytesIO(content), folder)


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9, 0.99])
def test_a_truncated_archive_is_named(kept: float, folder: Path) -> None:
    content = zipped(*(f"a/{number}.jpg" for number in range(20))).getvalue()
    with pytest.raises(GalleryError, match="damaged and cannot be read"):
        unpack_archive(io.BytesIO(content[: int(kept * len(content))]), folder)


def test_damaged_contents_are_named(folder: Path) -> None:
    content = bytearray(zipped("a/1.jpg", content=bytes(range(256)) * 40).getvalue())
    content[60:80] = bytes(20)
    with pytest.raises(GalleryError, match=r"no image .* can be unpacked; a/1\.jpg: damaged"):
        unpack_archive(io.BytesIO(content), folder)
    assert not list(folder.rglob("*.jpg")), "no half of an image"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("checksum", "damaged (Bad CRC-32 for file 'a/2.jpg')"),
        ("content", "damaged ("),
        ("password", "encrypted"),
        ("method", "damaged (That compression method is not supported)"),
    ],
)
def test_one_bad_member_does_not_refuse_the_archive(spoil: str, reason: str, folder: Path) -> None:
    content = bytearray(
        zipped("a/1.jpg", "a/2.jpg", "b/3.jpg", content=bytes(range(256))).getvalue()
    )
    local = content.index(LOCAL, content.index(LOCAL) + 1)
    central = content.index(CENTRAL, content.index(CENTRAL) + 1)
    if spoil == "checksum":
        content[central + 16] ^= 1
        content[local + 14] ^= 1
    elif spoil == "content":
        content[local + 40 : local + 60] = bytes(20)
    elif spoil == "password":
        content[local + 6] |= 1
        content[central + 8] |= 1
    else:
        content[local + 8] = content[central + 10] = 77
    result = unpack_archive(io.BytesIO(content), folder)
    assert result.images == 2
    ((name, why),) = result.left_out
    assert (name, why.startswith(reason)) == ("a/2.jpg", True), why
    assert sorted(path.name for path in folder.rglob("*.jpg")) == ["1.jpg", "3.jpg"]


def test_everything_that_is_left_out_is_named(folder: Path) -> None:
    names = ["a/1.jpg", "b/1.JPG", "b/1.jpg", "../out.jpg", "inner.zip", "notes.txt", ".DS_Store"]
    result = unpack_archive(zipped(*names), folder)
    assert result == UnpackedArchive(
        3,
        (
            ("../out.jpg", "its path leads out of the archive"),
            ("inner.zip", "an archive inside the archive is not unpacked"),
            ("notes.txt", "no image by its ending"),
        ),
    )


def named(names: list[bytes], flags: int = 0) -> io.BytesIO:
    """An archive of these names, byte by byte."""
    placeholders = [f"{number:03}".encode() * 40 for number in range(len(names))]
    content = zipped(*(p[: len(n)].decode() for p, n in zip(placeholders, names, strict=True)))
    data = content.getvalue()
    for placeholder, name in zip(placeholders, names, strict=True):
        data = data.replace(placeholder[: len(name)], name)
    return io.BytesIO(data)


@pytest.mark.parametrize(
    ("encoding", "names", "read_as"),
    [
        ("utf-8", ["Stühle/日本語.jpg", "b/2.jpg"], "utf-8"),
        ("cp932", ["ホテル/部屋の写真.jpg", "b/2.jpg"], "cp932"),
        ("cp437", ["Stühle/façade.jpg", "b/2.jpg"], "cp437"),
        ("cp437", ["Straße/1.jpg", "b/2.jpg"], "cp437"),
        ("cp1252", ["Stühle/façade.jpg", "Straße/1.jpg"], "cp1252"),
        ("ascii", ["chairs/one.jpg", "b/2.jpg"], None),
    ],
)
def test_names_of_old_archives(
    encoding: str, names: list[str], read_as: str | None, folder: Path
) -> None:
    result = unpack_archive(named([name.encode(encoding) for name in names]), folder)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")}
    assert (found, result.names_read_as) == (set(names), read_as)


def test_more_than_4_gigabytes_are_claimed_in_the_form_of_zip64(folder: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed, packed.open("a/1.jpg", "w", force_zip64=True) as out:
        out.write(PICTURE)
    assert unpacked(file, folder) == {"a/1.jpg"}


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    compression=st.sampled_from([0, 8, 12, 14]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    kept=st.sampled_from([1.0, 1.0, 1.0, 0.7]),
)
def test_damaged_archives_never_do_anything_else(
    compression: int,
    changes: list[tuple[float, int]],
    kept: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    names = ("top/ü/1.jpg", "top/ü/2.jpg", "top/b/1.jpg")
    content = bytearray(zipped(*names, content=bytes(2000), compression=compression).getvalue())
    for place, value in changes:
        content[int(place * (len(content) - 1))] = value
    beside = tmp_path_factory.mktemp("beside")
    (beside / "folder").mkdir()
    with contextlib.suppress(GalleryError):
        unpack_archive(io.BytesIO(content[: int(kept * len(content))]), beside / "folder")
    assert [path.name for path in beside.iterdir()] == ["folder"]


def test_too_many_images_are_refused_before_any_is_unpacked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    assert len(unpacked(zipped("1.jpg", "2.jpg", "3.jpg", "4.txt"), folder)) == 3
    other = folder / "other"
    other.mkdir()
    with pytest.raises(GalleryError, match="holds 4 images; at most 3"):
        unpack_archive(zipped("1.jpg", "2.jpg", "3.jpg", "4.jpg"), other)
    assert list(other.iterdir()) == []


def test_a_bomb_stops_at_the_limit(folder: Path) -> None:
    """A thousand times smaller than what comes out of it."""
    bomb = zipped("a/1.jpg", "a/2.jpg", content=bytes(5_000_000))
    assert len(bomb.getvalue()) < 20_000
    with pytest.raises(GalleryError, match=r"more than is allowed \(at a/2\.jpg\)"):
        unpack_archive(bomb, folder, max_unpacked_bytes=7_000_000)
    assert sum(path.stat().st_size for path in folder.rglob("*.jpg")) <= 7_000_000
    other = folder / "other"
    other.mkdir()
    assert unpack_archive(bomb, other, max_unpacked_bytes=10_000_000).images == 2


def test_one_image_may_not_be_larger_than_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    assert unpack_archive(zipped("a/1.jpg", "a/2.jpg", content=bytes(1000)), folder).images == 2
    with pytest.raises(GalleryError, match="more than is allowed"):
        unpack_archive(zipped("b/1.jpg", content=bytes(1001)), folder)


@pytest.mark.parametrize("claimed", [0, 10, 999, 2**32 - 2])
def test_a_bomb_that_lies_about_its_size_gains_nothing(claimed: int, folder: Path) -> None:
    content = bytearray(zipped("a/1.jpg", content=bytes(5_000_000)).getvalue())
    for header, offset in ((LOCAL, 22), (CENTRAL, 24)):
        place = content.index(header) + offset
        assert int.from_bytes(content[place : place + 4], "little") == 5_000_000
        content[place : place + 4] = claimed.to_bytes(4, "little")
    with pytest.raises(GalleryError, match=r"damaged|more than is allowed"):
        unpack_archive(io.BytesIO(content), folder, max_unpacked_bytes=1_000_000)
    assert sum(path.stat().st_size for path in folder.rglob("*.jpg")) <= 1_000_000


def test_the_same_name_again_is_left_out(folder: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped("a/1.jpg", "a/1.jpg", content=bytes(600_000))
    result = unpack_archive(twice, folder, max_unpacked_bytes=1_000_000)
    assert result == UnpackedArchive(1, (("a/1.jpg", "another file of the archive has this name"),))


@pytest.mark.parametrize("names", [["a.jpg", "a.jpg/b.jpg"], ["a.jpg/b.jpg", "a.jpg"]])
def test_a_file_that_is_also_a_folder_is_left_out(names: list[str], folder: Path) -> None:
    result = unpack_archive(zipped(*names, "c.jpg"), folder)
    assert (result.images, [name for name, _ in result.left_out]) == (2, [names[1]])


def test_a_name_that_is_too_long_is_left_out(folder: Path) -> None:
    long = "a/" + "x" * 300 + ".jpg"
    result = unpack_archive(zipped(long, "b/1.jpg"), folder)
    assert result == UnpackedArchive(1, ((long, "File name too long"),))
