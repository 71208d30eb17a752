from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.errors import SettingsError
from simviz_core.gallery import (
    Conditions,
    GalleryImage,
    columns_of,
    open_gallery,
    rows_where,
    value_text,
)
from simviz_core.retrieval import GalleryIndex, choose


def columns_of_csv(folder: Path, *values: str) -> list[object]:
    """What a CSV file says in a column of these values."""
    rows = "".join(f'{number}.png,"{value}"\n' for number, value in enumerate(values))
    manifest = folder / "list.csv"
    manifest.write_text(f"path,said\n{rows}", encoding="utf-8")
    return [image.columns["said"] for image in open_gallery(manifest).images]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "20", ""], [1, 20, None]),
        (["1", "2.5", "NA"], [1, 2.5, None]),
        (["-1", "+3e2", ".5"], [-1, 300, 0.5]),
        (["007", "7"], ["007", "7"]),
        (["1234567890123456789", "-1"], [1234567890123456789, -1]),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"]),
        ([" cam 1 ", ""], ["cam 1", None]),
        (["1", "one"], ["1", "one"]),
        (["NA", "b", "None", "nano"], [None, "b", None, "nano"]),
        (["2024-01-03", "2023-12-31"], [date(2024, 1, 3), date(2023, 12, 31)]),
        (["2024-01-03 10:30", ""], [datetime(2024, 1, 3, 10, 30), None]),
        (["2024-02-31"], ["2024-02-31"]),
        (["true", "false"], ["true", "false"]),
        (["e5"], ["e5"]),
        (["nan", "2"], [None, 2]),
    ],
)
def test_a_csv_tells_numbers_dates_and_texts_apart(
    texts: list[str], expected: list[object], tmp_path: Path
) -> None:
    assert columns_of_csv(tmp_path, *texts) == expected


def test_a_parquet_keeps_its_types_and_leaves_lists_out(tmp_path: Path) -> None:
    noon = datetime(2024, 5, 1, 12)
    columns = {
        "path": ["a.png", "b.png"],
        "price": [12.0, None],
        "seen": pa.array([noon, noon], pa.timestamp("ns", "Europe/Berlin")),
        "day": [date(2024, 5, 1), None],
        "night": [True, False],
        "chain": pa.array(["x", "y"]).dictionary_encode(),
        "pixels": [[1, 2], [3]],
        "raw": [b"\xff", b"a"],
        "nothing": pa.nulls(2),
    }
    manifest = tmp_path / "list.parquet"
    pyarrow.parquet.write_table(pa.table(columns), manifest)
    gallery = open_gallery(manifest)
    first, second = (dict(image.columns) for image in gallery.images)
    assert first == {
        "price": 12,
        "seen": noon,
        "day": date(2024, 5, 1),
        "night": "true",
        "chain": "x",
        "nothing": None,
    }
    assert (second["price"], second["night"]) == (None, "false")
    assert set(gallery.columns_left_out) == {"pixels", "raw"}
    assert list(gallery.columns) == ["price", "seen", "day", "night", "chain", "nothing"]
    assert [column.kind for column in gallery.columns.values()] == [
        *("number", "date", "date", "text", "text", "text")
    ]


def test_a_column_that_contradicts_itself_is_left_out_with_the_reason(tmp_path: Path) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_text("path,camera,note,twice,twice\na.png,1,x,,\nb.png,2,,,\na.png,1,y,,\n")
    gallery = open_gallery(manifest)
    assert [image.columns for image in gallery.images] == [{"camera": 1}, {"camera": 2}]
    assert "two things of one image" in gallery.columns_left_out["note"]
    assert "several columns" in gallery.columns_left_out["twice"]


def test_a_folder_has_no_columns(small_gallery: Path) -> None:
    assert open_gallery(small_gallery).columns == {}


ROWS = [
    {"camera": "a", "price": 5, "day": date(2024, 1, 1), "x=y": "u"},
    {"camera": "b", "price": 12.5, "day": date(2024, 6, 30), "x=y": "v"},
    {"camera": "a", "price": None, "day": None, "x=y": "u"},
    {"camera": None, "price": 20, "day": date(2024, 12, 31), "x=y": "1..2"},
]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ([], [0, 1, 2, 3]),
        (["camera=a"], [0, 2]),
        (["camera=a", "camera=b"], [0, 1, 2]),
        (["camera=a", "price=5"], [0]),
        (["camera="], [3]),
        (["camera=c"], []),
        (["price=12.50"], [1]),
        (["price=5..12.5"], [0, 1]),
        (["price=6.."], [1, 3]),
        (["price=..6"], [0]),
        (["price=.."], [0, 1, 3]),
        (["price="], [2]),
        (["price=5", "price=15.."], [0, 3]),
        (["day=2024-06-30"], [1]),
        (["day=2024-01-01..2024-06-30"], [0, 1]),
        (["day=2024-07-01.."], [3]),
        (["x=y=v"], [1]),
        (["x=y=1..2"], [3]),
    ],
)
def test_conditions(where: list[str], expected: list[int]) -> None:
    assert np.flatnonzero(rows_where(columns_of(ROWS), where, 4)).tolist() == expected


def test_a_day_is_all_of_its_times() -> None:
    columns = columns_of([{"seen": datetime(2024, 1, day, 23, 59)} for day in (1, 2, 3)])
    for where, expected in (
        ("seen=2024-01-02", [1]),
        ("seen=2024-01-01..2024-01-02", [0, 1]),
        ("seen=2024-01-02 23:59:00", [1]),
        ("seen=2024-01-02 23:58..2024-01-03 10:00", [1]),
    ):
        assert np.flatnonzero(rows_where(columns, [where], 3)).tolist() == expected


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("colour=red", "no column 'colour'; it has camera, price, day, x=y"),
        ("camera", "is no condition; write COLUMN=VALUE"),
        ("price=cheap", "'cheap' is no number"),
        ("price=nan", "is no number"),
        ("price=10..5", "the lower end stands first"),
        ("day=yesterday", "no date such as 2024-12-31"),
        ("day=2024-01-01..soon", "'soon' is no date"),
    ],
)
def test_a_wrong_condition_is_said_in_one_line(where: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as raised:
        rows_where(columns_of(ROWS), [where], 4)
    assert "\n" not in str(raised.value)


def test_a_gallery_without_columns_says_where_they_come_from() -> None:
    with pytest.raises(SettingsError, match="CSV or Parquet manifest with more of them"):
        rows_where({}, ["camera=a"], 3)


@given(
    st.lists(st.none() | st.integers(-3, 3) | st.floats(-3, 3), min_size=1, max_size=20),
    st.none() | st.integers(-3, 3),
    st.none() | st.integers(-3, 3),
)
def test_ranges_are_as_plain_comparisons(
    values: list[float | None], low: int | None, high: int | None
) -> None:
    columns = columns_of([{"n": value} for value in values])
    if columns["n"].kind != "number" or (low is not None and high is not None and low > high):
        return
    text = f"n={'' if low is None else low}..{'' if high is None else high}"
    expected = [
        value is not None and (low is None or value >= low) and (high is None or value <= high)
        for value in values
    ]
    assert rows_where(columns, [text], len(values)).tolist() == expected
    for value in values:
        if value is not None:
            equal = rows_where(columns, [f"n={value_text(value)}"], len(values))
            assert equal.tolist() == [other == value for other in values]


def test_a_search_leaves_out_what_equals_the_query() -> None:
    images = tuple(
        GalleryImage(f"{n}.png", Path(f"{n}.png"), "x", columns=row) for n, row in enumerate(ROWS)
    )
    index = GalleryIndex(images, np.eye(4, dtype=np.float32))
    asked = Conditions(leave_out_equal=("camera",))
    assert choose(index, conditions=asked, query=images[0]).tolist() == [False, True, False, True]
    assert choose(index, conditions=asked, query=images[3]).all()
    assert choose(index, conditions=asked).all()
    both = Conditions(("price=10..",), ("camera",))
    assert choose(index, conditions=both, query=images[1]).tolist() == [False, False, False, True]
    with pytest.raises(SettingsError, match="no column 'colour'"):
        choose(index, conditions=Conditions(leave_out_equal=("colour",)), query=images[0])
