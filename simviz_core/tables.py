"""Tables as CSV that a spreadsheet opens without running anything."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins so for a formula, which may reach for other files."""


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    r"""Rows as CSV: a line of column names, then a line for each row.

    Text from outside that begins as a formula gets an apostrophe before it, which spreadsheets
    take for "this is text". Numbers stay as they are, negative ones too.

    Args:
        rows: Each a value under every column's name; what a row lacks, and None, is left empty.
        columns: Their order; None takes that in which the rows name them.

    Returns:
        Text in the form of RFC 4180, its lines ended by `\r\n`; numbers in full, as Python
        writes them.

    Example:
        >>> as_csv([{"path": "=a.jpg", "score": -0.5}])
        "path,score\r\n'=a.jpg,-0.5\r\n"
    """
    rows = list(rows)
    if columns is None:
        columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_cell(name) for name in columns])
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # Bytes of a file name that are no UTF-8 cannot be written as such.
    text = value.encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if text.startswith(FORMULA) else text
