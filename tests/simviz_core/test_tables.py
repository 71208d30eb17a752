import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from simviz_core.tables import FORMULA, as_csv


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_rows_are_read_back_and_what_is_lacking_is_empty() -> None:
    rows = [{"path": 'a, "b".jpg', "score": 0.1}, {"path": "c\nd.jpg", "score": None, "hit": True}]
    assert read(as_csv(rows)) == [
        {"path": 'a, "b".jpg', "score": "0.1", "hit": ""},
        {"path": "c\nd.jpg", "score": "", "hit": "True"},
    ]
    assert as_csv(rows, ["score"]).splitlines() == ["score", "0.1", '""']


def test_text_that_a_spreadsheet_would_run_is_marked_as_text_and_numbers_are_not() -> None:
    rows = [{"path": f"{start}cmd|' /C calc'!A0", "score": -0.5} for start in FORMULA]
    for start, row in zip(FORMULA, read(as_csv(rows)), strict=True):
        assert row["path"].startswith(f"'{start}")
        assert row["score"] == "-0.5"


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_no_cell_begins_as_a_formula(cells: list[str]) -> None:
    text = as_csv([{f"c{place}": cell for place, cell in enumerate(cells)}])
    text.encode()
    rows = csv.reader(io.StringIO(text, newline=""))
    assert not any(cell.startswith(FORMULA) for row in rows for cell in row)
