"""One range of values for many pictures, so that they stay comparable."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import ImageError
from simviz_core.images.loading import read_values
from simviz_core.images.value_range import FLOATS, INTEGERS, ValueRange, range_of_values
from simviz_core.images.wide import WidePixels

NARROW_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".gif", ".bmp", ".dib", ".webp", ".avif", ".pbm"}
    | {".heic", ".heif", ".hif"}
)
"""The endings of files that have no more than 8 bits, and are not looked at."""
MOST_FILES = 32
"""Files that are looked at, the same ones each time as long as they are there."""
VALUES_OF_EACH = 20_000
"""Values of each file, evenly spread."""


def shared_ranges(paths: Sequence[Path]) -> tuple[ValueRange, ...]:
    """The range of values of pictures of more than 8 bits, one for each kind of values.

    Where all that are looked at state a range, it is the one that holds all of theirs; else the
    one that their values together suggest. Up to 32 files are looked at, drawn by a hash of their
    names: a picture more or less hardly ever changes what is drawn.

    Args:
        paths: The pictures.

    Returns:
        At most one range of each kind; nothing where all pictures that were looked at have 8 bits
        or cannot be read.
    """
    suitable = [path for path in paths if path.suffix.lower() not in NARROW_SUFFIXES]
    drawn = sorted(suitable, key=_draw)[:MOST_FILES]
    return _shared(tuple((path, *_state(path)) for path in drawn))


def _draw(path: Path) -> tuple[bytes, str]:
    text = "/".join(path.parts[-2:])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest(), str(path)


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return -1, 0
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=64)
def _shared(files: tuple[tuple[Path, int, int], ...]) -> tuple[ValueRange, ...]:
    """The ranges of files, found anew when their size or time of change is another."""
    looked_at = []
    for path, _, _ in files:
        try:
            if path.is_file() and (wide := read_values(path)):
                looked_at.append((wide.kind, wide.stated, _some(wide)))
        except ImageError:
            continue  # it will be named when it is loaded
    ranges = []
    for kind in (INTEGERS, FLOATS):
        stated = [found for of, found, _ in looked_at if of == kind]
        values = [found for of, _, found in looked_at if of == kind]
        if values:
            ranges.append(_common(kind, stated, values))
    return tuple(ranges)


def _common(
    kind: str, stated: Sequence[ValueRange | None], values: Sequence[NDArray[np.float64]]
) -> ValueRange:
    files = f"{len(values)} file{'s' if len(values) > 1 else ''}"
    said = [found for found in stated if found]
    if len(said) == len(values):
        low, high = min(found.low for found in said), max(found.high for found in said)
        return ValueRange(low, high, f"{said[0].how}; of {files}", kind)
    found = range_of_values(np.concatenate(values), kind)
    return ValueRange(found.low, found.high, f"{found.how}; of {files}", kind)


def _some(wide: WidePixels) -> NDArray[np.float64]:
    step = int(np.ceil(np.sqrt(max(1, wide.values.size / VALUES_OF_EACH))))
    return wide.values[::step, ::step].astype(np.float64).ravel()
