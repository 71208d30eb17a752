from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from simviz_core.errors import GalleryError
from simviz_core.gallery.manifest import read_manifest

Rows = list[tuple[str, str | None]]


def csv(folder: Path, content: bytes | str) -> Path:
    file = folder / "list.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def parquet(folder: Path, columns: dict[str, object]) -> Path:
    file = folder / "list.parquet"
    pyarrow.parquet.write_table(pa.table(columns), file)
    return file


def rows(manifest: Path) -> Rows:
    return [(image_id, label) for image_id, _, label in read_manifest(manifest).images]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("path\na.png\nb.png\n", [("a.png", None), ("b.png", None)]),
        ("path,label\na.png,x\nb.png,\n", [("a.png", "x"), ("b.png", None)]),
        ('path,label\n"a.png",""\nb.png,"  "\n', [("a.png", None), ("b.png", None)]),
        ("label,width,path\nx,640,a.png\n", [("a.png", "x")]),
        ("path,label\r\na.png,x\r\n", [("a.png", "x")]),
        ("path,label\n\na.png, x \n\n", [("a.png", "x")]),
        ("\ufeffpath,label\na.png,x\n", [("a.png", "x")]),
        ('path,label\n"it\'s, ""so"".png",Stühle\n', [('it\'s, "so".png', "Stühle")]),
        ("path,label\na.png,007\nb.png,7\n", [("a.png", "007"), ("b.png", "7")]),
        ("path,label\na.png,1e3\nb.png,NA\n", [("a.png", "1e3"), ("b.png", "NA")]),
        (
            "path,label\na.png,true\nb.png,2020-01-01\n",
            [("a.png", "true"), ("b.png", "2020-01-01")],
        ),
        ("path,label\n1,1\n", [("1", "1")]),
        ("path,label\na.png,x\na.png,x\nb.png,y\n./a.png,x\n", [("a.png", "x"), ("b.png", "y")]),
        ("path\nb.png\na.png\nb//c.png\n", [("b.png", None), ("a.png", None), ("b/c.png", None)]),
        ("path,note,note\na.png,1,2\n", [("a.png", None)]),
        (b"path,note\na.png,\xff\n", [("a.png", None)]),
    ],
)
def test_csv(content: bytes | str, expected: Rows, tmp_path: Path) -> None:
    assert rows(csv(tmp_path, content)) == expected


def test_other_columns_may_hold_anything(tmp_path: Path) -> None:
    """A text where the reader has seen numbers in the first megabyte."""
    notes = [f"note_{number}" for number in range(50)]
    numbers = "".join(f"{number}.png{',12345' * len(notes)}\n" for number in range(5_000))
    content = f"path,{','.join(notes)}\n{numbers}last.png{',unknown' * len(notes)}\n"
    found = read_manifest(csv(tmp_path, content))
    assert len(found.images) == 5_001
    assert (found.columns[0]["note_0"], found.columns[-1]["note_49"]) == ("12345", "unknown")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"path": ["a.png", "b.png"]}, [("a.png", None), ("b.png", None)]),
        ({"path": ["a.png", "b.png"], "label": ["007", None]}, [("a.png", "007"), ("b.png", None)]),
        ({"path": ["a.png", "b.png"], "label": [7, 12]}, [("a.png", "7"), ("b.png", "12")]),
        ({"label": [["x"]], "path": [["a.png"]]}, None),
        ({"path": ["a.png"], "pixels": [[1, 2, 3]]}, [("a.png", None)]),
        ({"path": ["a.png"], "label": pa.array(["x"]).dictionary_encode()}, [("a.png", "x")]),
        ({"path": pa.array(["a.png"], pa.large_string())}, [("a.png", None)]),
    ],
)
def test_parquet(columns: dict[str, object], expected: Rows | None, tmp_path: Path) -> None:
    manifest = parquet(tmp_path, columns)
    if expected is None:
        with pytest.raises(GalleryError, match="cannot be read as a table"):
            read_manifest(manifest)
    else:
        assert rows(manifest) == expected


def test_paths_are_relative_to_the_manifest_or_absolute(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "a.png"
    (tmp_path / "lists").mkdir()
    for write in (
        lambda paths: csv(tmp_path / "lists", "path\n" + "\n".join(paths)),
        lambda paths: parquet(tmp_path / "lists", {"path": paths}),
    ):
        manifest = write(["b.png", "../c.png", str(elsewhere)])
        assert read_manifest(manifest).images == [
            ("b.png", tmp_path / "lists" / "b.png", None),
            ("../c.png", tmp_path / "lists" / ".." / "c.png", None),
            (str(elsewhere), elsewhere, None),
        ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cannot be read as a table"),
        (bytes(range(256)) * 20, "cannot be read as a table"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "cannot be read as a table|needs a column"),
        ("path\na.png\n".encode("utf-16"), "cannot be read as a table|needs a column"),
        (b"path\n\xff.png\n", "cannot be read as a table"),
        ("path,label\na.png\n", "cannot be read as a table"),
        ("path,label\na.png,x,y\n", "cannot be read as a table"),
        ("path,path\na.png,b.png\n", "cannot be read as a table"),
        ("path,label,label\na.png,x,y\n", "cannot be read as a table"),
        ("file,label\na.png,x\n", "needs a column 'path'; its columns are: file, label"),
        ("path;label\na.png;x\n", "needs a column 'path'; its columns are: path;label"),
        ("path,label\n", "names no images"),
        ("path,label\na.png,x\n,y\n", "no path in its row 2"),
        ("path,label\na.png,x\nb.png,y\na.png,y\n", "'a.png' two labels: 'x' and 'y'"),
        ("path,label\na.png,x\na.png,\n", "'a.png' two labels: 'x' and None"),
    ],
)
def test_a_wrong_csv_is_named_with_the_reason(
    content: bytes | str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(GalleryError, match=reason) as raised:
        read_manifest(csv(tmp_path, content))
    assert "list.csv" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"path\na.png\n"]
)
def test_a_damaged_parquet_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "list.parquet"
    file.write_bytes(content)
    with pytest.raises(GalleryError, match=r"list\.parquet cannot be read as a table"):
        read_manifest(file)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"file": ["a.png"]}, "needs a column 'path'; its columns are: file"),
        ({"path": ["a.png", None]}, "no path in its row 2"),
        ({"path": pa.array([], pa.string())}, "names no images"),
        ({"path": [b"\xff"]}, "cannot be read as a table"),
        ({"path": ["a.png", "a.png"], "label": ["x", "y"]}, "two labels"),
    ],
)
def test_a_wrong_parquet_is_named_with_the_reason(
    columns: dict[str, object], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(GalleryError, match=reason):
        read_manifest(parquet(tmp_path, columns))


@pytest.mark.parametrize("header", ["path, label", "Path,label", "path,LABEL"])
def test_a_column_that_is_almost_named_right_is_not_passed_over(
    tmp_path: Path, header: str
) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_text(f"{header}\na.png,one\n")
    with pytest.raises(GalleryError, match="call it"):
        read_manifest(manifest)
