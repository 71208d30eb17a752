"""The numbers of a finding: what is kept of them, and whether they are still the same."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_NUMBERS = 64
"""A longer list of numbers is a map or a curve, and is not kept."""
MOST_ENTRIES = 200
"""Of a list with names that are kept; the rest is not compared."""
TOLERANCE = 1e-5
"""How far two runs of a network in float32 may be apart, which add in another order."""
_IMAGES = ("query", "match", "against", "path")
_WEIGHTS = ("checkpoint",)
_NOT_COMPARED = ("version", "weights", "engine")
"""What changes without any number changing: SimViz's version, how weights are worded, and what runs
the network, up to rounding."""


@dataclass(frozen=True)
class Comparison:
    """Numbers as they were kept, beside those of now.

    Attributes:
        count: How many numbers were compared.
        largest: The largest difference between two of them.
        where: Which one that is, such as "results 2 score"; empty where all are equal.
        others: What else differs, in words.
    """

    count: int
    largest: float
    where: str
    others: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs by more than rounding."""
        return self.largest <= TOLERANCE and not self.others

    @property
    def sentence(self) -> str:
        """What came of it, in a sentence."""
        if self.is_same:
            return (
                f"The same numbers as when it was kept: {self.count:,} compared, "
                f"largest difference {self.largest:.0e}."
            )
        parts = [f"{self.where} by {self.largest:.4g}"] if self.largest > TOLERANCE else []
        more = len(self.others) - 3
        parts += self.others[:3]
        parts += [f"and {more} more"] if more > 0 else []
        return f"Not the same as when it was kept: {'; '.join(parts)}."


def kept_numbers(values: Any) -> Any:
    """JSON-ready values without maps and other long lists; paths from the working folder."""
    if isinstance(values, dict):
        return {
            name: kept_numbers(value)
            for name, value in values.items()
            if not (isinstance(value, list) and is_map(name, value))
        }
    if isinstance(values, list):
        return [kept_numbers(value) for value in values[:MOST_ENTRIES]]
    if isinstance(values, str) and values.startswith("/"):
        folder = f"{Path.cwd()}/"
        return values.removeprefix(folder)
    return values


def is_map(name: str, values: list[Any]) -> bool:
    """Whether a list is of numbers that a picture shows better."""
    numbers = sum(1 for _ in _numbers(values))
    return numbers > 0 and (name == "map" or name.endswith("_map") or numbers > MOST_NUMBERS)


def _numbers(values: list[Any]) -> Iterator[float]:
    """The numbers in lists of lists, but not those of anything with names."""
    for value in values:
        if isinstance(value, list):
            yield from _numbers(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield value


def named_files(values: Any) -> tuple[list[str], list[str]]:
    """The image files and the files of weights that numbers name, each once."""
    images: dict[str, None] = {}
    weights: dict[str, None] = {}
    for name, value in _texts(values):
        if name in _IMAGES:
            images[value] = None
        elif name in _WEIGHTS:
            weights[value] = None
    return list(images), list(weights)


def _texts(values: Any) -> Iterator[tuple[str, str]]:
    """Every text with a name."""
    if isinstance(values, list):
        for value in values:
            yield from _texts(value)
    if isinstance(values, dict):
        for name, value in values.items():
            if isinstance(value, str) and value:
                yield name, value
            else:
                yield from _texts(value)


def compared(kept: Any, now: Any) -> Comparison:
    """Compare numbers that were kept with those of now.

    Args:
        kept: As `kept_numbers` made them.
        now: JSON-ready values. What these have besides is passed over.
    """
    count, largest, where, others = 0, 0.0, "", []
    for place, before, after in _pairs("", kept, now):
        if isinstance(before, int) and isinstance(after, int):
            count += not isinstance(before, bool)
            if before != after:  # a count, a channel, a place: no rounding makes another of it
                others.append(f"{place} was {before}, is {after}")
        elif _is_number(before) and _is_number(after):
            count += 1
            difference = abs(before - after)
            # What is no number is as different as can be.
            difference = math.inf if math.isnan(difference) else difference
            if difference > largest:
                largest, where = difference, place
        elif before != after and not _same_path(before, after):
            others.append(f"{place} was {_short(before)}, is {_short(after)}")
    return Comparison(count, largest, where, tuple(others))


_NOTHING = object()


def _pairs(place: str, kept: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(kept, dict) and isinstance(now, dict):
        for name, value in kept.items():
            if name not in _NOT_COMPARED:
                yield from _pairs(f"{place} {name}".strip(), value, now.get(name, _NOTHING))
    elif isinstance(kept, list) and isinstance(now, list):
        if len(kept) != len(now[:MOST_ENTRIES]):
            yield f"number of {place}", f"{len(kept)}", f"{len(now)}"
        for number, (before, after) in enumerate(zip(kept, now, strict=False), start=1):
            yield from _pairs(f"{place} {number}".strip(), before, after)
    else:
        yield place, kept, now


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same_path(before: Any, after: Any) -> bool:
    """Whether two texts name one file, from the working folder or from the root."""
    if not (isinstance(before, str) and isinstance(after, str) and "/" in before + after):
        return False
    try:
        return Path(before).resolve() == Path(after).resolve()
    except (OSError, ValueError):
        return False


def _short(value: Any) -> str:
    text = "missing" if value is _NOTHING else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
