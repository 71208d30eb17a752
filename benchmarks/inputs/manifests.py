"""Manifests as spreadsheets, other programs and attackers write them."""

import io
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.inputs import galleries
from benchmarks.inputs.cases import Case
from benchmarks.inputs.galleries import Expected, adder, write

TITLE = "Manifests"
ROWS = "path,label\na.jpg,x\nb.jpg,y\n"
FOUND = {"a.jpg": "x", "b.jpg": "y"}
NO_CLASS = ("NaN", "nan", "NA", "N/A", "#N/A", "<NA>", "None", "null", "NULL", "NaT")


def use(case: Case) -> str:
    """Open the manifest as a gallery, and compare with what it was made of."""
    return galleries.use(case)


def make(folder: Path) -> list[Case]:
    """Write the manifests, each in a folder of its own with the same pictures."""
    cases: list[Case] = []
    add_case = adder(cases)

    def add(
        kind: str, content: bytes | str, expected: Expected | None, name: str = "l.csv"
    ) -> Path:
        own = write(folder / str(len(cases)), "a.jpg", "b.jpg", "sub/c.jpg")
        path = own / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        add_case(kind, path, expected)
        return own

    _add_forms(add)
    _add_labels(add)
    _add_paths(add)
    _add_no_files(add)
    _add_refused(add)
    _add_parquet(add)
    return cases


def _add_forms(add: Any) -> None:
    kind = "delimiter and encoding"
    for text in (ROWS, ROWS.replace("\n", "\r\n"), ROWS.replace("\n", "\r"), "\ufeff" + ROWS):
        add(kind, text, Expected(FOUND))
    add(kind, ROWS, Expected(FOUND), "L.CSV")
    for delimiter, words in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        said = (f"parted by {words}",)
        add(kind, ROWS.replace(",", delimiter), Expected(FOUND, said))
    add(kind, "sep=;\n" + ROWS.replace(",", ";"), Expected(FOUND, ("semicolons",)))
    add(kind, ROWS.replace(",", "\t"), Expected(FOUND, ("tabs",)), "l.tsv")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        add(kind, ROWS.encode(encoding), Expected(FOUND, (f"read as {encoding}",)))
    for text, encoding in (("café", "cp1252"), ("くつ", "cp932")):
        found = {**FOUND, "a.jpg": text}
        content = ROWS.replace("x", text).encode(encoding)
        add(kind, content, Expected(found, (f"read as {encoding}",)))
    add(kind, ROWS.replace("x", "😀"), Expected({**FOUND, "a.jpg": "😀"}))
    add(kind, 'path,label\n"a.jpg","x\ny"\n', Expected({"a.jpg": "x\ny"}))
    note = ROWS.replace("label", "label,note").replace("x\n", f"x,{'n' * 20_000_000}\n")
    add(kind, note.replace("y\n", "y,n\n"), Expected(FOUND))


def _add_labels(add: Any) -> None:
    kind = "labels"
    for word in NO_CLASS:
        found: dict[str, str | None] = {"a.jpg": None, "b.jpg": "y"}
        add(kind, ROWS.replace("x", word), Expected(found, (f"reads '{word}' is no class",)))
    for word in ("", "  "):
        add(kind, ROWS.replace("x", word), Expected({"a.jpg": None, "b.jpg": "y"}))
    for word in ("007", "1.0", "Nana", "a/b", "<img src=x>", "L" * 1000):
        add(kind, ROWS.replace("x", word), Expected({**FOUND, "a.jpg": word}))
    add(kind, "path\na.jpg\nb.jpg\n", Expected({"a.jpg": None, "b.jpg": None}))
    add(kind, ROWS.replace("x", "L" * 5_000_000), None)


def _add_paths(add: Any) -> None:
    kind = "paths"
    add(
        kind, "path,label\nsub\\c.jpg,x\n", Expected({"sub/c.jpg": "x"}, ("backslashes in 1 path",))
    )
    add(kind, "path,label\nno/../a.jpg,x\na.jpg,x\n./a.jpg,x\n", Expected({"a.jpg": "x"}))
    add(kind, "path,label\nno/../a.jpg,x\na.jpg,y\n", None)
    for path in ("https://host/a.jpg", "s3://bucket/a.jpg", "file:///a.jpg"):
        said = (f"{path}: an address; nothing is fetched",)
        add(kind, f"{ROWS}{path},z\n", Expected(FOUND, said))
        add(kind, f"path,label\n{path},z\n", None)
    for path in ("C:\\x\\a.jpg", "\\\\host\\a.jpg"):
        said = (f"{path}: a path of another computer",)
        add(kind, f"{ROWS}{path},z\n", Expected(FOUND, said))
    add(kind, f"{ROWS}c\0.jpg,z\n", Expected(FOUND, ("a zero byte",)))
    add(kind, f"{ROWS}{'p' * 100_000}.jpg,z\n", Expected(FOUND, ("more than 4,096 bytes",)))


def _add_no_files(add: Any) -> None:
    """What is listed, and must be refused at once when it is loaded."""
    kind = "no pictures"
    for path in (
        *("nope.jpg", "sub", ".", "l.csv", "pipe.jpg", "zero.jpg", "circle.jpg"),
        *("/dev/zero", "/proc/self/environ", "/proc/kmsg", "../../../../etc/passwd"),
    ):
        found = {**FOUND, path: "z"}
        own = add(kind, f"{ROWS}{path},z\n", Expected(found, unreadable=frozenset({path})))
        if path == "pipe.jpg":
            os.mkfifo(own / path)
        if path in ("zero.jpg", "circle.jpg"):
            (own / path).symlink_to("/dev/zero" if path == "zero.jpg" else path)


def _add_refused(add: Any) -> None:
    kind = "no tables"
    for content in (
        *(b"", b"\n\n", b"\0" * 100, bytes(range(256)) * 10, b"PK\3\4" + bytes(100)),
        *(
            "file,label\na.jpg,x\n",
            "path,label\n",
            "Path,label\na.jpg,x\n",
            "path, label\na.jpg,x\n",
        ),
        *("path,path\na.jpg,b.jpg\n", "path,label,label\na.jpg,x,y\n", "path,label\na.jpg\n"),
        *("path,label\na.jpg,x,y\n", 'path,label\n"a.jpg,x\n', "path,label\n,x\n"),
        *("path,label\na.jpg,x\na.jpg,y\n", "path,label\na.jpg,x\na.jpg,\n"),
        b"\xff\xfep\0\x00\xd8\n\0",
    ):
        add(kind, content, None)


def _add_parquet(add: Any) -> None:
    kind = "Parquet"

    def file(**columns: Any) -> bytes:
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        return buffer.getvalue()

    paths = ["a.jpg", "b.jpg"]
    good, name = file(path=paths, label=["x", "y"]), "l.parquet"
    add(kind, good, Expected(FOUND), name)
    add(kind, good, Expected(FOUND, ("its content is Parquet",)), "l.csv")
    add(kind, file(path=paths, label=[1, 2]), Expected({"a.jpg": "1", "b.jpg": "2"}), name)
    for labels in ([1.0, float("nan")], ["1", "None"]):
        found: dict[str, str | None] = {"a.jpg": "1", "b.jpg": None}
        add(kind, file(path=paths, label=labels), Expected(found, ("is no class",)), name)
    add(kind, file(path=paths, label=pa.nulls(2)), Expected(dict.fromkeys(paths)), name)
    coded = pa.array(["x", "y"]).dictionary_encode()
    add(kind, file(path=pa.array(paths, pa.large_string()), label=coded), Expected(FOUND), name)
    for bad in ([["x"], ["y"]], [{"x": 1}, {"x": 2}], [b"\xff", b"\xff"]):
        add(kind, file(path=paths, label=bad), None, name)
    for share in (0, 1, 5, 9):
        add(kind, good[: len(good) * share // 10], None, name)
    add(kind, ROWS, None, name)
