"""Conditions on the columns of a gallery: which images are looked at, and which count as equal."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import SettingsError
from simviz_core.gallery.columns import Column, Value, value_text
from simviz_core.gallery.two_sets import QUERY, REFERENCE

COPY_FROM = 0.95
"""Similarity from which two images are taken for copies of one; see docs/galleries.md."""
RANGE = ".."
"""Between the two ends of a range, either of which may be missing."""


@dataclass(frozen=True)
class Conditions:
    """What is asked of the columns of a gallery.

    Attributes:
        where: `column=value`, or `column=low..high` of numbers and dates, both ends included and
            either of them optional; `column=` asks for images without a value. Those of one column
            are alternatives; different columns have to hold together.
        leave_out_equal: Columns: images with the query's own value in one of them are not found.
        ask: Conditions as in `where` on the queries alone; of one set of two, such as
            `split=query`.
        find: Likewise on the images that may be found. Where only one of the two sets is named,
            the other one is all the rest.
        leave_out_copies: Images of at least this similarity to the query are not found: copies of
            one picture; None finds them.
    """

    where: tuple[str, ...] = ()
    leave_out_equal: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    find: tuple[str, ...] = ()
    leave_out_copies: float | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return self != NO_CONDITIONS

    @property
    def has_two_sets(self) -> bool:
        """Whether queries come from one set of images and are found in another."""
        return bool(self.ask or self.find)

    def as_options(self) -> list[str]:
        """The same as options of the command line."""
        words = [f"--where={text}" for text in self.where]
        words += [f"--ask={text}" for text in self.ask]
        words += [f"--find={text}" for text in self.find]
        words += [f"--leave-out-equal={name}" for name in self.leave_out_equal]
        copies = self.leave_out_copies
        return [*words, *([] if copies is None else [f"--leave-out-copies={copies:g}"])]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON-ready values; empty where nothing is asked."""
        if not self:
            return {}
        values: dict[str, Any] = {
            "where": list(self.where),
            "leave_out_equal": list(self.leave_out_equal),
        }
        if self.has_two_sets:
            values |= {"ask": list(self.ask), "find": list(self.find)}
        if self.leave_out_copies is not None:
            values["leave_out_copies"] = self.leave_out_copies
        return values

    @property
    def sentence(self) -> str:
        """What is asked, in words; "" where that is nothing."""
        parts = [f"only {', '.join(self.where)}"] if self.where else []
        if self.has_two_sets:
            ask, find = (", ".join(texts) or "all others" for texts in (self.ask, self.find))
            parts.append(f"asked are {ask}, and found are {find}")
        if self.leave_out_equal:
            names = ", ".join(self.leave_out_equal)
            parts.append(f"without images equal to the query in {names}")
        if self.leave_out_copies is not None:
            least = f"{self.leave_out_copies:g}"
            parts.append(f"without copies of the query (similarity of at least {least})")
        return "; ".join(parts)

    @property
    def words(self) -> str:
        """What is asked, as the beginning of a sentence about what is found; "" for nothing."""
        if self.has_two_sets:
            return self.sentence[:1].upper() + self.sentence[1:]
        return f"Found are {self.sentence}" if self else ""

    def between(self, column: str) -> "Conditions":
        """The same, with queries of one gallery and images of another that are found.

        Args:
            column: What tells the two apart, `Gallery.set_column`; "" of one gallery alone.
        """
        if not column:
            return self
        ask, find = f"{column}={QUERY}", f"{column}={REFERENCE}"
        return replace(
            self,
            ask=tuple(dict.fromkeys((ask, *self.ask))),
            find=tuple(dict.fromkeys((find, *self.find))),
        )

    def asked_rows(self, columns: Mapping[str, Column], count: int) -> NDArray[np.bool_]:
        """Which images are queries, (N,).

        Raises:
            SettingsError: There is no such column, or the value is none that it can hold.
        """
        return self._set(columns, count, self.ask, self.find)

    def found_rows(self, columns: Mapping[str, Column], count: int) -> NDArray[np.bool_]:
        """Which images may be found, (N,).

        Raises:
            SettingsError: There is no such column, or the value is none that it can hold.
        """
        return self._set(columns, count, self.find, self.ask)

    def _set(
        self,
        columns: Mapping[str, Column],
        count: int,
        own: tuple[str, ...],
        others: tuple[str, ...],
    ) -> NDArray[np.bool_]:
        rows = rows_where(columns, self.where, count)
        if own:
            return rows & rows_where(columns, own, count)
        return rows & ~rows_where(columns, others, count) if others else rows


NO_CONDITIONS = Conditions()


def rows_where(
    columns: Mapping[str, Column], where: Sequence[str], count: int
) -> NDArray[np.bool_]:
    """Which images meet the conditions.

    Args:
        columns: Of the images.
        where: As `Conditions.where` has them.
        count: How many images there are, N.

    Returns:
        (N,), True for each that meets them all.

    Raises:
        SettingsError: There is no such column, or the value is none that it can hold.
    """
    met: dict[str, NDArray[np.bool_]] = {}
    for text in where:
        column, asked = _split(columns, text)
        found = _meets(column, asked)[column.codes]
        met[column.name] = met.get(column.name, np.zeros(count, dtype=bool)) | found
    rows = np.ones(count, dtype=bool)
    for found in met.values():
        rows &= found
    return rows


def check_conditions(
    columns: Mapping[str, Column], conditions: Conditions, left_out: Mapping[str, str]
) -> None:
    """See that conditions can be asked of a gallery, before anything is computed.

    Args:
        columns: Of the gallery.
        conditions: What is asked.
        left_out: Columns of its manifest that say no one thing of each image, with the reason.

    Raises:
        SettingsError: There is no such column, or the value is none that it can hold.
    """
    try:
        count = next((len(column.codes) for column in columns.values()), 0)
        conditions.asked_rows(columns, count)
        conditions.found_rows(columns, count)
        equal_codes(columns, conditions.leave_out_equal)
    except SettingsError as error:
        texts = (*conditions.where, *conditions.ask, *conditions.find)
        asked = [text.partition("=")[0] for text in texts]
        reasons = [
            f"the manifest's {name!r} is left out, since {left_out[name]}"
            for name in (*asked, *conditions.leave_out_equal)
            if name in left_out
        ]
        raise SettingsError("; ".join([str(error), *reasons])) from error
    copies = conditions.leave_out_copies
    if copies is not None and not 0 < copies <= 1:
        raise SettingsError(
            f"copies are images of at least a similarity above 0 and up to 1, such as {COPY_FROM}; "
            f"not {copies:g}"
        )


def equal_codes(columns: Mapping[str, Column], names: Sequence[str]) -> list[NDArray[np.int64]]:
    """What tells whether two images are equal in each of some columns.

    Args:
        columns: Of the images.
        names: Of the columns.

    Returns:
        For each a code per image, (N,): equal where the values are; −1 where there is none, which
        is equal to nothing.

    Raises:
        SettingsError: There is no such column.
    """
    return [column_named(columns, name).codes for name in names]


def column_named(columns: Mapping[str, Column], name: str) -> Column:
    """Look a column up.

    Raises:
        SettingsError: There is none of that name; the message names those that there are.
    """
    if name not in columns:
        raise SettingsError(f"the gallery has no column {name!r}; {_those(columns)}")
    return columns[name]


def _those(columns: Mapping[str, Column]) -> str:
    if columns:
        return f"it has {', '.join(columns)}"
    return (
        "a gallery has columns where it is a CSV or Parquet manifest with more of them than "
        "'path' and 'label'"
    )


def _split(columns: Mapping[str, Column], text: str) -> tuple[Column, str]:
    """The column and the value of a condition; a column's name may hold an equals sign."""
    if "=" not in text:
        raise SettingsError(
            f"{text!r} is no condition; write COLUMN=VALUE, or COLUMN=LOW..HIGH of numbers and "
            f"dates; of the columns {_those(columns)}"
            if columns
            else f"{text!r} is no condition, and {_those(columns)}"
        )
    places = (place for place, letter in enumerate(text) if letter == "=")
    place = next((place for place in places if text[:place] in columns), text.index("="))
    return column_named(columns, text[:place]), text[place + 1 :].strip()


def _meets(column: Column, asked: str) -> NDArray[np.bool_]:
    """Which values of a column are asked for, (V + 1,); the last stands for none, code −1."""
    meets = np.zeros(len(column.values) + 1, dtype=bool)
    if not asked:
        meets[-1] = True
    elif column.kind == "text":
        meets[:-1] = [value == asked for value in column.values]
    else:
        low, high = _range(column, asked)
        meets[:-1] = [low <= value <= high for value in _comparable(column)]
    return meets


def _comparable(column: Column) -> Iterator[float]:
    return (_number(value) for value in column.values)


def _number(value: Value) -> float:
    """A number, or a date as seconds: what a range compares."""
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1)).total_seconds()
    if isinstance(value, date):
        return _number(datetime.combine(value, time()))
    return float(value)


def _range(column: Column, asked: str) -> tuple[float, float]:
    """The two ends that a condition asks for, both included; of one value they are the same."""
    first, is_range, last = asked.partition(RANGE)
    if not is_range:
        last = first
    ends = -math.inf, math.inf
    if first.strip():
        ends = _end(column, first.strip(), is_last=False), ends[1]
    if last.strip():
        ends = ends[0], _end(column, last.strip(), is_last=True)
    if ends[0] > ends[1]:
        raise SettingsError(f"{column.name}={asked} holds nothing: the lower end stands first")
    return ends


def _end(column: Column, text: str, is_last: bool) -> float:
    try:
        if column.kind == "number":
            number = float(text)
            if math.isnan(number):
                raise ValueError(text)
            return number
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
        is_day = len(text) <= len("2024-12-31")
        if is_day and is_last:  # the whole of the last day
            moment = datetime.combine(moment.date(), time.max)
        return _number(moment)
    except ValueError as error:
        example = value_text(column.values[0])
        what = "number" if column.kind == "number" else "date such as 2024-12-31"
        raise SettingsError(
            f"{text!r} is no {what}, which the column {column.name!r} holds (say {example}); write "
            f"{column.name}={example}, or a range such as {column.name}={example}.."
        ) from error
