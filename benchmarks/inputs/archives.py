"""ZIP archives as people upload them, damaged, and hostile."""

import io
import stat
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.inputs.cases import MESSAGE, WRONG, Case
from simviz_core.gallery import unpack_archive

TITLE = "Archives"
ALL = "the right images"
NAMED = "the right images, and what was left out is named"
PICTURE = b"only the ending is looked at" * 20
MOST = 50_000_000
"""Bytes that may come out of an archive here."""
OUTWARD = (
    *("../out.jpg", "a/../../out.jpg", "/out.jpg", "//host/out.jpg", "..\\out.jpg"),
    *("\\out.jpg", "\\\\host\\share\\out.jpg", "C:\\out.jpg", "C:out.jpg", "a/x.jpg:y.jpg"),
    *("a/./../../out.jpg", "a/..\\..\\out.jpg"),
)
"""Names that lead out of an archive, on some computer."""
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


@dataclass(frozen=True)
class Expected:
    """What must come out of an archive.

    Attributes:
        names: The images, below the folder.
        left_out: Files that must be named as left out.
        read_as: The encoding of the names.
    """

    names: frozenset[str]
    left_out: frozenset[str] = frozenset()
    read_as: str | None = None


def use(case: Case) -> str:
    """Unpack the archive, and look at what came out, also beside the folder."""
    around = case.path.with_name(f"{case.path.name} around")
    folder = around / "folder"
    folder.mkdir(parents=True)
    before = set(case.path.parent.iterdir())
    try:
        with case.path.open("rb") as file:
            found = unpack_archive(file, folder, MOST)
    finally:
        if list(around.iterdir()) != [folder] or set(case.path.parent.iterdir()) != before:
            raise AssertionError("something was written elsewhere")
    if case.given is None:
        return WRONG
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    names = {path.relative_to(folder).as_posix() for path in files}
    are_plain = all(stat.S_ISREG(path.lstat().st_mode) for path in files)
    if names != case.given.names or not are_plain or found.images != len(names):
        return WRONG
    if found.names_read_as != case.given.read_as:
        return WRONG
    left_out = {name for name, _ in found.left_out}
    if not case.given.left_out <= left_out:
        return f"{WRONG}: not all that was left out is named"
    return NAMED if left_out else ALL


def make(folder: Path) -> list[Case]:
    """Write the archives."""
    cases: list[Case] = []

    def add(kind: str, name: str, content: bytes, expected: Expected | None = None) -> None:
        path = folder / f"{name}.zip"
        path.write_bytes(content)
        right = MESSAGE if expected is None else NAMED if expected.left_out else ALL
        cases.append(Case(kind, path, (right,), expected))

    _add_usual(add)
    _add_outward(add)
    _add_links(add)
    _add_names(add)
    _add_bad_members(add)
    _add_whole(add)
    return cases


def zipped(
    names: Sequence[str], method: int = zipfile.ZIP_DEFLATED, content: bytes = PICTURE
) -> bytes:
    """An archive whose names are written as they are given, wrong ones too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in names:
            member = zipfile.ZipInfo("placeholder")
            member.filename, member.compress_type = name, method
            archive.writestr(member, content)
    return buffer.getvalue()


def named(names: Sequence[bytes]) -> bytes:
    """An archive of names in bytes that state no encoding."""
    placeholders = [f"{number:03}".encode() * 40 for number in range(len(names))]
    pairs = [(whole[: len(name)], name) for whole, name in zip(placeholders, names, strict=True)]
    content = zipped([placeholder.decode() for placeholder, _ in pairs])
    for placeholder, name in pairs:
        content = content.replace(placeholder, name)
    return content


def only(*names: str, left_out: Sequence[str] = (), read_as: str | None = None) -> Expected:
    """What must come out."""
    return Expected(frozenset(names), frozenset(left_out), read_as)


def _add_usual(add: Any) -> None:
    two = ["a/1.jpg", "b/2.jpg"]
    for method in (0, 8, 12, 14):
        add("ways of packing", f"method {method}", zipped(two, method), only(*two))
    streamed = io.BytesIO()
    with zipfile.ZipFile(streamed, "w") as archive:
        for name in two:
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(PICTURE)
    add("ways of packing", "zip64", streamed.getvalue(), only(*two))
    add("ways of packing", "after a program", b"MZ" * 500 + zipped(two), only(*two))
    add("ways of packing", "before more", zipped(two) + bytes(100), only(*two))
    kind = "folders"
    add(kind, "one around", zipped(["top/a/1.jpg", "top/b/2.jpg"]), only(*two))
    add(kind, "backslashes", zipped(["top\\a\\1.jpg", "top\\b\\2.jpg"]), only(*two))
    add(kind, "flat", zipped(["1.jpg", "2.jpg"]), only("1.jpg", "2.jpg"))
    mac = zipped([*two, "__MACOSX/a/._1.jpg", ".DS_Store", "a/.hidden.jpg"])
    add(kind, "of a Mac", mac, only(*two))
    add(kind, "only folders", zipped(["a/", "b/", "b/c/"]))
    add(kind, "empty", zipped([]))
    deep = "/".join("d" * 10 for _ in range(500)) + "/1.jpg"
    add(kind, "very deep", zipped(["a/1.jpg", deep]), only("a/1.jpg", left_out=[deep]))


def _add_outward(add: Any) -> None:
    for number, name in enumerate(OUTWARD):
        content = zipped(["a/1.jpg", "b/2.jpg", name])
        expected = only("a/1.jpg", "b/2.jpg", left_out=[name])
        add("names that lead out", f"out {number}", content, expected)
    add("names that lead out", "nothing else", zipped(["../out.jpg"]))


def _add_links(add: Any) -> None:
    kinds = {"link": stat.S_IFLNK, "device": stat.S_IFCHR, "pipe": stat.S_IFIFO}
    for name, mode in kinds.items():
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            odd = zipfile.ZipInfo(f"a/{name}.jpg")
            odd.create_system, odd.external_attr = 3, (mode | 0o777) << 16
            archive.writestr(odd, "/etc/passwd")
            archive.writestr("a/1.jpg", PICTURE)
        expected = only("a/1.jpg", left_out=[f"a/{name}.jpg"])
        add("links and devices", name, buffer.getvalue(), expected)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        way = zipfile.ZipInfo("a/away")
        way.create_system, way.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(way, "/tmp")
        archive.writestr("a/away/out.jpg", PICTURE)
        archive.writestr("b/1.jpg", PICTURE)
    expected = only("a/away/out.jpg", "b/1.jpg", left_out=["a/away"])
    add("links and devices", "through a link", buffer.getvalue(), expected)


def _add_names(add: Any) -> None:
    kind = "names"
    for encoding, names in {
        "utf-8": ["Stühle/日本語.jpg", "b/2.jpg"],
        "cp932": ["ホテル/部屋の写真.jpg", "b/2.jpg"],
        "cp437": ["Stühle/façade.jpg", "b/2.jpg"],
        "cp1252": ["Stühle/façade.jpg", "b/Straße.jpg"],
    }.items():
        content = named([name.encode(encoding) for name in names])
        add(kind, f"in {encoding}", content, only(*names, read_as=encoding))
    odd = ["a/😀.jpg", "a/new\nline.jpg", "a/\u202egpj.jpg", "a/$x$.jpg", "a/-rf.jpg", "a/ .jpg"]
    add(kind, "odd but right", zipped(odd), only(*odd))
    long = "x" * 300 + ".jpg"
    add(kind, "too long", zipped(["a/1.jpg", long]), only("a/1.jpg", left_out=[long]))
    twice = zipped(["a/1.jpg", "a/1.jpg", "b/2.jpg"])
    add(kind, "twice", twice, only("a/1.jpg", "b/2.jpg", left_out=["a/1.jpg"]))
    cases = ["a/1.jpg", "a/1.JPG", "A/1.jpg"]
    add(kind, "upper and lower case", zipped(cases), only(*cases))
    both = zipped(["a/1.jpg", "a/1.jpg/2.jpg"])
    add(kind, "a file and a folder", both, only("a/1.jpg", left_out=["a/1.jpg/2.jpg"]))
    mixed = ["a/1.jpg", "notes.txt", "inner.zip", "run.exe", "a/list.csv"]
    add(kind, "no images among them", zipped(mixed), only("a/1.jpg", left_out=mixed[1:]))


def _spoilt(spoil: Mapping[int, int] | None = None, *, flag: int = 0, method: int = 0) -> bytes:
    """Three members, the second one changed in both of its headers or in its content."""
    content = bytearray(zipped(["a/1.jpg", "a/2.jpg", "b/3.jpg"], content=bytes(range(256))))
    local = content.index(LOCAL, content.index(LOCAL) + 1)
    central = content.index(CENTRAL, content.index(CENTRAL) + 1)
    for place, mask in (spoil or {}).items():
        content[local + place] ^= mask
        if place < 30:
            content[central + place + 2] ^= mask
    content[local + 6] |= flag
    content[central + 8] |= flag
    if method:
        content[local + 8] = content[central + 10] = method
    return bytes(content)


def _add_bad_members(add: Any) -> None:
    kind = "one bad file"
    expected = only("a/1.jpg", "b/3.jpg", left_out=["a/2.jpg"])
    add(kind, "checksum", _spoilt({14: 1}), expected)
    add(kind, "content", _spoilt(dict.fromkeys(range(45, 60), 255)), expected)
    add(kind, "one encrypted", _spoilt(flag=1), expected)
    add(kind, "unknown method", _spoilt(method=77), expected)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a/1.jpg", PICTURE)
        archive.writestr("a/nested.zip", zipped(["a/1.jpg"]))
    add(kind, "an archive", buffer.getvalue(), only("a/1.jpg", left_out=["a/nested.zip"]))


def _add_whole(add: Any) -> None:
    kind = "damaged or none"
    whole = zipped([f"a/{number}.jpg" for number in range(20)])
    for share in (1, 5, 9):
        add(kind, f"cut {share}", whole[: len(whole) * share // 10])
    others = {
        "nothing": b"",
        "text": b"hello",
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(99),
        "rar": b"Rar!\x1a\x07\0" + bytes(99),
        "7z": b"7z\xbc\xaf\x27\x1c" + bytes(99),
        "gz": b"\x1f\x8b\x08" + bytes(99),
        "tar": bytes(257) + b"ustar" + bytes(250),
        "no index": whole[: whole.index(CENTRAL)],
        "index elsewhere": whole[:-6] + b"\xff\xff\xff\x7f\0\0",
    }
    for name, content in others.items():
        add(kind, name, content)
    locked = bytearray(zipped(["a/1.jpg"]))
    locked[locked.index(LOCAL) + 6] |= 1
    locked[locked.index(CENTRAL) + 8] |= 1
    add(kind, "all encrypted", bytes(locked))
    kind = "too much"
    add(kind, "many members", zipped([f"a/{number}.jpg" for number in range(20_001)], 0, b""))
    add(kind, "a bomb", zipped(["a/1.jpg", "a/2.jpg", "a/3.jpg"], content=bytes(20_000_000)))
    add(kind, "one bomb", zipped(["a/1.jpg"], content=bytes(MOST + 1)))
