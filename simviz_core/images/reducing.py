"""Large pictures made small a few rows at a time, so that no large copy of them is made."""

import math
from collections.abc import Callable, Iterator

from PIL import Image

from simviz_core.images.orientation import turned_upright

WORKING_SIDE = 1024
"""Images whose shorter side is at least twice this are reduced while loading, in pixels. One
number for every network and page: a file always gives the same pixels."""
LONGEST_SIDE = 8192
"""What is longer, in pixels, is reduced even where the shorter side becomes very short."""
BAND = 1_000_000
"""Pixels that are converted at once."""
_FROM_RIGHT, _FROM_BELOW = (2, 3, 7, 8), (3, 4, 6, 7)
"""Orientations whose upright picture begins at the right or lower end of what is stored."""

Part = tuple[int, int]
"""The first row or column of a part of a picture, and the one after its last."""


def reduction(size: tuple[int, int]) -> int:
    """The whole factor that brings a side down towards its limit."""
    return max(1, min(size) // WORKING_SIDE, math.ceil(max(size) / LONGEST_SIDE))


def reduced_upright(
    size: tuple[int, int], orientation: int, band: Callable[[Part], Image.Image]
) -> Image.Image:
    """A picture in RGB, reduced and upright: the mean of each block of pixels of the upright one.

    Args:
        size: Width and height as stored.
        orientation: As EXIF has it, 1 to 8.
        band: Makes RGB of some rows of it, in their whole width.
    """
    factor = reduction(size)
    if factor == 1:
        return turned_upright(band((0, size[1])), orientation)
    columns = list(_blocks(size[0], factor, orientation in _FROM_RIGHT))
    rows = list(_blocks(size[1], factor, orientation in _FROM_BELOW))
    reduced = Image.new("RGB", (math.ceil(size[0] / factor), math.ceil(size[1] / factor)))
    at_once = max(1, BAND // (size[0] * factor)) * factor
    top = 0
    for start, end in _bands(rows, at_once):
        pixels = band((start, end))
        left = 0
        for first, last in columns:
            part = pixels.reduce(factor, (first, 0, last, end - start))
            reduced.paste(part, (left, top))
            left += part.width
        top += math.ceil((end - start) / factor)
    return turned_upright(reduced, orientation)


def _blocks(length: int, factor: int, from_end: bool) -> Iterator[Part]:
    """A side in parts, so that whole blocks begin where the upright picture does."""
    rest = length % factor if from_end else 0
    if rest:
        yield 0, rest
    if rest < length:
        yield rest, length


def _bands(parts: list[Part], at_once: int) -> Iterator[Part]:
    for first, last in parts:
        for start in range(first, last, at_once):
            yield start, min(start + at_once, last)
