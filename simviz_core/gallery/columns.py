"""Columns of a gallery: what its manifest says of each image besides the class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Value = str | int | float | date
"""Of one image in one column; a `datetime` is a `date` too."""
Kind = Literal["text", "number", "date"]


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a manifest, for N images in their order.

    Attributes:
        name: As the manifest has it.
        values: The different values, in their order: of numbers and dates the smallest first, of
            texts the alphabet's.
        codes: The place of each image's value among them, (N,); −1 for images that have none.
    """

    name: str
    values: tuple[Value, ...]
    codes: NDArray[np.int64]

    @property
    def kind(self) -> Kind:
        """What it holds; numbers and dates can be asked for by a range."""
        if not self.values or isinstance(self.values[0], str):
            return "text"
        return "date" if isinstance(self.values[0], date) else "number"

    @property
    def has_times(self) -> bool:
        """Whether its dates have a time of day."""
        return bool(self.values) and isinstance(self.values[0], datetime)

    @cached_property
    def place(self) -> dict[Value, int]:
        """The place of each value among the values."""
        return {value: number for number, value in enumerate(self.values)}

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many images have each of the values, (V,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))

    def rows_equal_to(self, value: Value | None) -> NDArray[np.bool_]:
        """Which images have a value, (N,); None is equal to nothing."""
        if value is None or value not in self.place:
            return np.zeros(len(self.codes), dtype=bool)
        return self.codes == self.place[value]

    def of(self, row: int) -> Value | None:
        """The value of one image; None where it has none."""
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]


def columns_of(rows: Sequence[Mapping[str, Value | None]]) -> dict[str, Column]:
    """The columns of images, in the manifest's order.

    Args:
        rows: What is known of each image, under the columns' names.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column(name, [row.get(name) for row in rows]) for name in names}


def _column(name: str, values: Sequence[Value | None]) -> Column:
    different = {value for value in values if value is not None}
    ordered = tuple(sorted(different))  # all of one kind
    place = {value: number for number, value in enumerate(ordered)}
    codes = [-1 if value is None else place[value] for value in values]
    return Column(name, ordered, np.array(codes, dtype=np.int64))


def value_text(value: Value) -> str:
    """A value as a condition and a link have it: whole numbers plain, dates as in ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
