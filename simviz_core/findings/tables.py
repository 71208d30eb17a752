"""JSON-ready numbers as tables to read."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simviz_core.findings.numbers import is_map

_SETTINGS = (
    *("network", "pooling", "size", "fit", "tail", "layer", "output"),
    *("checkpoint", "checkpoint_part", "random_weights", "preprocessing", "engine"),
)
_ELSEWHERE = (*_SETTINGS, "weights", "version")
"""What the settings' table and the line of the weights say already."""
MOST_ROWS = 200


@dataclass(frozen=True)
class Table:
    """A table to read.

    Attributes:
        title: What it is of.
        columns: Their heads; empty for a table of names and values.
        rows: Texts.
        left_out: How many rows are not shown.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def settings_table(numbers: dict[str, Any]) -> Table | None:
    """The network's settings; None where the numbers name none at their top."""
    rows = tuple(
        (_words(name), _value(numbers[name]))
        for name in _SETTINGS
        if numbers.get(name) not in (None, False, "")
    )
    return Table("Settings", (), rows) if rows else None


def tables_of(numbers: dict[str, Any]) -> Iterator[Table]:
    """All other numbers: single ones first, then a table for each list."""
    own = {name: value for name, value in numbers.items() if name not in _ELSEWHERE}
    yield from _tables("Scores", own)


def _tables(title: str, values: dict[str, Any]) -> Iterator[Table]:
    rows = tuple((name, text) for name, text in _flat(values).items())
    if rows:
        yield Table(title, (), rows)
    for name, entries in _lists(values):
        flat = [_flat(entry) for entry in entries]
        columns = tuple(dict.fromkeys(column for row in flat for column in row))
        shown = tuple(tuple(row.get(column, "–") for column in columns) for row in flat[:MOST_ROWS])
        if columns:
            numbered = tuple((str(place), *row) for place, row in enumerate(shown, start=1))
            yield Table(name.capitalize(), ("", *columns), numbered, max(0, len(flat) - MOST_ROWS))
        for place, entry in enumerate(entries[:MOST_ROWS], start=1):
            for inner, inner_entries in _lists(entry):
                yield from _tables("", {f"{name} {place}, {inner}": inner_entries})


def _flat(values: dict[str, Any], start: str = "") -> dict[str, str]:
    """What is a single value, or a short list of them, by its name; of maps their sums."""
    found: dict[str, str] = {}
    for name, value in values.items():
        words = f"{start}{_words(name)}"
        if isinstance(value, dict):
            found |= _flat(value, f"{words}, ")
        elif isinstance(value, list):
            if is_map(name, value):
                if name == "map" or name.endswith("_map"):
                    found[f"sum of {words}"] = _value(_sum(value))
            elif value and not any(isinstance(each, dict) for each in value):
                found[words] = _value(value)
        elif value not in (None, ""):
            found[words] = _value(value)
    return found


def _lists(values: dict[str, Any], start: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Lists of objects, by name."""
    for name, value in values.items():
        words = f"{start}{_words(name)}"
        if isinstance(value, dict):
            yield from _lists(value, f"{words}, ")
        elif isinstance(value, list):
            entries = [each for each in value if isinstance(each, dict)]
            if entries:
                yield words, entries


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    if isinstance(value, dict):
        return "; ".join(f"{_words(name)} {_value(each)}" for name, each in value.items())
    return str(value)


def _sum(values: Any) -> float:
    if isinstance(values, list):
        return math.fsum(_sum(value) for value in values)
    return float(values) if isinstance(values, (int, float)) else 0.0
