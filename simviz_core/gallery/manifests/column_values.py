"""What a column of a manifest holds: numbers, dates or texts."""

import math

import pyarrow as pa
import pyarrow.compute as pc

from simviz_core.gallery.columns import Value

NOTHING = ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "nat", "null", "none")
"""What stands where there is no value, in any case: what spreadsheets and pandas write."""
# A code such as 007 is a text: as a number it would be the same as 7.
_KINDS = (
    (r"^-?(0|[1-9]\d*)$", pa.int64()),
    (r"^[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?$", pa.float64()),
    (r"^\d{4}-\d{2}-\d{2}$", pa.date32()),
    (r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$", pa.timestamp("us")),
)
"""How numbers and dates are written."""


class ColumnLeftOut(Exception):
    """A column that says no one thing of each image; the message is the reason."""


def values_of(column: pa.ChunkedArray) -> list[Value | None]:
    """The values of a column, all of one kind.

    Args:
        column: Of a table. What a CSV file says comes as bytes: if all of it reads as numbers or
            dates it is that, else it is text.

    Returns:
        One for each row: all texts, all numbers, all dates or all dates with a time of day, which
        is UTC where the column has a time zone; None where there is none.

    Raises:
        ColumnLeftOut: It holds lists, records or bytes that are no text.
    """
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            return values_of(column.cast(kind.value_type))
        if pa.types.is_integer(kind):
            return column.to_pylist()
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return [_plain(number) for number in column.cast(pa.float64()).to_pylist()]
        if pa.types.is_date(kind):
            return column.cast(pa.date32()).to_pylist()
        if pa.types.is_timestamp(kind):
            return (
                column.cast(pa.timestamp("us", kind.tz), safe=False)
                .cast(pa.timestamp("us"))
                .to_pylist()
            )
        if pa.types.is_binary(kind):
            return _read_texts(column.cast(pa.string()))
        return _texts(column.cast(pa.string()))
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise ColumnLeftOut(f"it holds no single texts, numbers or dates ({kind})") from error


def _read_texts(texts: pa.ChunkedArray) -> list[Value | None]:
    """What a CSV file's texts stand for."""
    trimmed = pc.utf8_trim_whitespace(texts)
    is_none = pc.is_in(pc.utf8_lower(trimmed), pa.array(NOTHING))
    given = pc.if_else(is_none, pa.scalar(None, pa.string()), trimmed)
    for pattern, kind in _KINDS:
        if given.null_count < len(given) and _all_match(given, pattern):
            try:
                values = given.cast(kind).to_pylist()
            except pa.ArrowInvalid:  # 2024-02-31, say, or a number of too many digits
                break
            return [_plain(each) for each in values] if kind == pa.float64() else values
    return _texts(texts)


def _all_match(texts: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _plain(number: float | None) -> int | float | None:
    """Whole numbers as such, as far as none is lost."""
    if number is None or not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _texts(texts: pa.ChunkedArray) -> list[Value | None]:
    trimmed: list[str | None] = pc.utf8_trim_whitespace(texts).to_pylist()
    return [None if text is None or says_nothing(text) else text for text in trimmed]


def says_nothing(text: str) -> bool:
    """Whether a text stands for no value."""
    return len(text) < 8 and text.strip().lower() in NOTHING
