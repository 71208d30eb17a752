from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from simviz_core.errors import GalleryError
from simviz_core.gallery.manifests.reading import read_manifest

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
        ("path,label\na.png,1e3\nb.png,NA\n", [("a.png", "1e3"), ("b.png", None)]),
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
        with pytest.raises(GalleryError, match="holds no texts or numbers but list"):
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
        (bytes(range(256)) * 20, "is no text; save the table as CSV in UTF-8"),
        (b"PK\3\4" + bytes(90), "a workbook of Excel; save the table as CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text"),
        (b"\xff\xfep\0\x00\xd8\n\0", "begins as utf-16 does and is damaged at byte"),
        ("path,label\na.png\n", "cannot be read as a table"),
        ("path,label\na.png,x,y\n", "cannot be read as a table"),
        ("path,path\na.png,b.png\n", "has 2 columns 'path'; keep one"),
        ("path,label,label\na.png,x,y\n", "has 2 columns 'label'; keep one"),
        ("file,label\na.png,x\n", "needs a column 'path'; its columns are: file, label"),
        ("file;label\na.png;x\n", "needs a column 'path'; its columns are: file, label"),
        ("path\nhttp://host/a.png\n", "names no file that could be read; http://host/a.png: an"),
        (f"path,label\na.png,{'x' * 2000}\n", "a label of 2,000 letters in its row 1"),
        ("path,label\na.png,x\nb/../a.png,y\n", "'a.png' two labels: 'x' and 'y'"),
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


ROWS = [("a b.png", "café"), ("b.png", None)]
TABLE = "path,label\na b.png,café\nb.png,\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TABLE.encode(), []),
        (TABLE.encode("utf-8-sig"), []),
        (TABLE.encode("utf-16"), ["its text was read as utf-16"]),
        (TABLE.encode("utf-16-le"), ["its text was read as utf-16-le"]),
        (TABLE.encode("utf-16-be"), ["its text was read as utf-16-be"]),
        (TABLE.encode("utf-32"), ["its text was read as utf-32"]),
        (TABLE.encode("cp1252"), ["its text was read as cp1252"]),
        (TABLE.replace(",", ";").encode(), ["its columns were found to be parted by semicolons"]),
        (TABLE.replace(",", "\t").encode(), ["its columns were found to be parted by tabs"]),
        (TABLE.replace(",", "|").encode(), ["its columns were found to be parted by bars"]),
        (
            ("sep=;\r\n" + TABLE.replace(",", ";")).encode(),
            ["its columns were found to be parted by semicolons"],
        ),
        (
            '"label";"path"\ncafé;a b.png\n;b.png\n'.encode("cp1252"),
            [
                "its text was read as cp1252",
                "its columns were found to be parted by semicolons",
            ],
        ),
        (
            TABLE.replace("b.png,\n", "b.png,NaN\n").encode(),
            ["1 label that reads 'NaN' is no class"],
        ),
    ],
)
def test_what_is_found_out_of_a_csv_is_said(
    content: bytes, said: list[str], tmp_path: Path
) -> None:
    manifest = csv(tmp_path, content)
    assert rows(manifest) == ROWS
    assert list(read_manifest(manifest).remarks) == said


def test_words_for_no_class_are_none_and_said(tmp_path: Path) -> None:
    manifest = csv(tmp_path, "path,label\na.png,x\nb.png,NaN\nc.png,Nan Goldin\nd.png,#N/A\n")
    assert [label for _, label in rows(manifest)] == ["x", None, "Nan Goldin", None]
    assert read_manifest(manifest).remarks == ("2 labels that read 'NaN', '#N/A' are no class",)


def test_japanese_text_without_a_stated_encoding(tmp_path: Path) -> None:
    manifest = csv(tmp_path, "path,label\na.png,くつ\n".encode("cp932"))
    assert rows(manifest) == [("a.png", "くつ")]
    assert read_manifest(manifest).remarks == ("its text was read as cp932",)


def test_a_long_field_of_another_column_is_read(tmp_path: Path) -> None:
    manifest = csv(tmp_path, f"path,note\na.png,{'x' * 40_000_000}\nb.png,y\n")
    assert len(read_manifest(manifest).columns[0]["note"]) == 40_000_000


def test_parquet_is_known_by_its_content(tmp_path: Path) -> None:
    file = parquet(tmp_path, {"path": ["a.png"]}).rename(tmp_path / "list.csv")
    found = read_manifest(file)
    assert [image_id for image_id, _, _ in found.images] == ["a.png"]
    assert found.remarks == ("its content is Parquet, whatever its ending",)


def test_words_for_no_value_are_none_and_said(tmp_path: Path) -> None:
    found = read_manifest(csv(tmp_path, "path,camera\na.png,left\nb.png,nan\nc.png,None\n"))
    assert [columns["camera"] for columns in found.columns] == ["left", None, None]
    assert found.remarks == ("taken for no value: 'None', 'nan' in 'camera'",)


def test_paths_that_name_no_file_here_are_left_out_with_the_reason(tmp_path: Path) -> None:
    paths = [
        *("http://host/a.png", "S3://bucket/b.png", "file:///c.png", "data:image/png;base64xx"),
        *("C:\\x\\d.png", "\\\\host\\e.png", "f\0.png", "g" * 5000 + ".png", "fine.png", "a:b.png"),
    ]
    found = read_manifest(parquet(tmp_path, {"path": paths}))
    assert [image_id for image_id, _, _ in found.images] == [paths[3], "fine.png", "a:b.png"]
    reasons = [reason for _, reason in found.left_out]
    assert [reason.split(";")[0].split(",")[0] for reason in reasons] == [
        *["an address"] * 3,
        *["a path of another computer"] * 2,
        "its name holds a zero byte",
        "its name has more than 4",
    ]
    assert max(len(path) for path, _ in found.left_out) < 210


def test_backslashes_are_slashes_unless_there_is_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "odd\\name.png").write_bytes(b"")
    found = read_manifest(csv(tmp_path, "path\nsub\\a.png\nodd\\name.png\n"))
    assert [image_id for image_id, _, _ in found.images] == ["sub/a.png", "odd\\name.png"]
    assert found.remarks == ("backslashes in 1 path were read as slashes",)


def test_one_file_is_one_image_however_it_is_spelt(tmp_path: Path) -> None:
    here = tmp_path.name
    spelt = ["a.png", "./a.png", "x/../a.png", f"../{here}/a.png", str(tmp_path / "a.png")]
    assert rows(csv(tmp_path, "path\n" + "\n".join(spelt))) == [("a.png", None)]


def test_steps_up_behind_a_link_lead_where_it_does(tmp_path: Path) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    for name in ("a.png", "far/a.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link").symlink_to("far/away")
    assert rows(csv(tmp_path, "path\nlink/../a.png\na.png\n")) == [
        ("link/../a.png", None),
        ("a.png", None),
    ]


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
        ({"path": [b"\xff"]}, "holds no texts or numbers but binary"),
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
