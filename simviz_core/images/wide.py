"""Pictures of more than 8 bits: their values as they are in the file.

Pillow has no colours of 16 bits: it keeps the upper byte of each value. Told to read the file's
bytes in the other order, it keeps the lower one; two readings make the whole.
"""

import io
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simviz_core.images.value_range import FLOATS, INTEGERS, ValueRange

MIN_SAMPLE_VALUE, MAX_SAMPLE_VALUE = (280, 340), (281, 341)
BITS_PER_SAMPLE, PHOTOMETRIC, PLANES, SAMPLE_FORMAT = 258, 262, 284, 339
"""Tags of TIFF."""
SEPARATE_PLANES, SIGNED = 2, 2
"""Values of two of them."""
WHITE_IS_ZERO = 0
NUMBERS_AT_ONCE = 1_000_000
"""Pixels that are copied at once."""
SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True)
class WidePixels:
    """The values of a picture of more than 8 bits.

    Attributes:
        values: (H, W) or (H, W, 3), upright where the decoder turns pictures by itself.
        kind: `INTEGERS` or `FLOATS`.
        stated: The range that the file states; None where it states none.
        opacity: (H, W), 0..255; None where all is opaque.
        is_inverted: Whether the lowest value is white.
    """

    values: NDArray[Any]
    kind: str
    stated: ValueRange | None = None
    opacity: NDArray[np.uint8] | None = None
    is_inverted: bool = False


def is_wide(image: Image.Image) -> bool:
    """Whether an opened picture, not decoded yet, has values that are not simply 0 to 255."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16") or _is_signed_byte(image):
        return True
    return _raw_colours(image) is not None or _has_wide_planes(image)


def read_wide(image: Image.Image, content: bytes, formats: tuple[str, ...]) -> WidePixels:
    """Decode a picture of more than 8 bits.

    Args:
        image: What `is_wide` has said yes to, not decoded yet.
        content: The bytes of its file.
        formats: The formats that may be opened.

    Returns:
        Its values.

    Raises:
        ValueError: It holds them in a way that would be misread.
    """
    if _has_wide_planes(image):
        raise ValueError("16-bit colours in separate planes; save them interleaved")
    raw_mode = _raw_colours(image)
    if raw_mode is not None:
        tags = _stated_by_tags(image)
        colours, opacity = _read_colours(image, content, formats, raw_mode)
        return WidePixels(colours, INTEGERS, tags or _stated_by_png(content, colours), opacity)
    stated, is_inverted, form = _stated_by_tags(image), _is_inverted(image), image.format
    scale = _decoders_scale(image, content)
    image.load()
    values = _as_numbers(image)
    if image.mode == "F":
        return WidePixels(values, FLOATS, stated, is_inverted=is_inverted)
    if image.mode == "L":
        return WidePixels(values.view(np.int8), INTEGERS, stated, is_inverted=is_inverted)
    if scale is not None:
        highest, offset = scale
        in_file = np.rint(values.astype(np.float64) * (highest / 65535)).astype(np.int32)
        values = in_file - offset
        stated = ValueRange(
            float(-offset), float(highest - offset), f"stated by the {form} file", INTEGERS
        )
    opacity = None
    if (clear := image.info.get("transparency")) is not None and isinstance(clear, int):
        opacity = np.where(values == clear, 0, 255).astype(np.uint8)
    return WidePixels(
        values, INTEGERS, stated or _stated_by_png(content, values), opacity, is_inverted
    )


def _has_wide_planes(image: Image.Image) -> bool:
    """Whether it is a TIFF whose 16-bit colours lie in planes; Pillow takes them for bytes."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or tags.get(PLANES) != SEPARATE_PLANES or len(image.getbands()) < 2:
        return False
    return (_one_of(tags.get(BITS_PER_SAMPLE), max) or 8) > 8


def _is_signed_byte(image: Image.Image) -> bool:
    """Whether it is a TIFF of signed bytes, which Pillow takes for unsigned ones."""
    tags = getattr(image, "tag_v2", None)
    is_signed = tags is not None and _one_of(tags.get(SAMPLE_FORMAT), max) == SIGNED
    return is_signed and image.mode == "L"


def _raw_colours(image: Image.Image) -> str | None:
    """How the file holds colours of 16 bits; None where it holds none."""
    if image.format not in ("PNG", "TIFF") or image.mode not in ("RGB", "RGBA"):
        return None
    modes = {_raw_mode(tile) for tile in getattr(image, "tile", [])}
    mode = modes.pop() if len(modes) == 1 else ""
    return mode if re.fullmatch(r"(LA|RGBX|RGBA|RGBa|RGB);16[LBN]", mode) else None


def _raw_mode(tile: Any) -> str:
    arguments = tile[3]
    return arguments if isinstance(arguments, str) else str(arguments[0])


def _read_colours(
    image: Image.Image, content: bytes, formats: tuple[str, ...], raw_mode: str
) -> tuple[NDArray[np.uint16], NDArray[np.uint8] | None]:
    """Both bytes of each value, (H, W, 3), of grey with opacity (H, W); and the opacity."""
    if raw_mode == "LA;16B":  # four bytes for each pixel, as RGBA has
        grey = np.empty(image.size[::-1], dtype=np.uint16)
        clear = np.empty(grey.shape, dtype=np.uint8)
        for rows, pairs in _decoded(content, formats, "RGBA"):
            grey[rows] = pairs[..., 0].astype(np.uint16) << 8 | pairs[..., 1]
            clear[rows] = pairs[..., 2]
        return grey, clear
    is_premultiplied = raw_mode.startswith("RGBa")
    name, order = raw_mode.replace("RGBa", "RGBA").split(";16")
    channels = 3 if name == "RGB" else 4
    values = np.empty((*image.size[::-1], channels), dtype=np.uint16)
    for rows, upper in _decoded(content, formats, f"{name};16{order}"):
        values[rows] = upper[..., :channels].astype(np.uint16) << 8
    for rows, lower in _decoded(content, formats, f"{name};16{SWAPPED[order]}"):
        values[rows] |= lower[..., :channels]
    if channels == 3 or name == "RGBX":
        return values[..., :3], _clear_colour(image, values[..., :3])
    colours, alpha = values[..., :3], values[..., 3]
    if is_premultiplied:
        share = np.maximum(alpha, 1)[..., None] / np.float32(65535)
        colours = np.clip(np.rint(colours / share), 0, 65535).astype(np.uint16)
    return colours, np.rint(alpha / np.float32(257)).astype(np.uint8)


def _decoded(
    content: bytes, formats: tuple[str, ...], raw_mode: str
) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """The picture, its bytes read in another way, some rows at a time: (rows, W, channels)."""
    with Image.open(io.BytesIO(content), formats=formats) as image:
        tiles: Any = image
        changed = []
        for tile in tiles.tile:
            codec, extents, offset, arguments = tile
            rest = raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])
            changed.append(type(tile)(codec, extents, offset, rest))
        tiles.tile = changed
        image.load()
        yield from _bands(image)


def _bands(image: Image.Image) -> Iterator[tuple[slice, NDArray[Any]]]:
    """A decoded picture as numbers, some rows at a time: NumPy would copy the whole of it twice."""
    at_once = max(1, NUMBERS_AT_ONCE // image.width)
    for top in range(0, image.height, at_once):
        rows = slice(top, min(top + at_once, image.height))
        yield rows, np.asarray(image.crop((0, top, image.width, rows.stop)))


def _as_numbers(image: Image.Image) -> NDArray[Any]:
    """The values of a decoded picture of one channel, (H, W)."""
    values: NDArray[Any] | None = None
    for rows, band in _bands(image):
        values = np.empty((image.height, image.width), band.dtype) if values is None else values
        values[rows] = band
    assert values is not None
    return values


def _clear_colour(image: Image.Image, values: NDArray[np.uint16]) -> NDArray[np.uint8] | None:
    clear = image.info.get("transparency")
    if not isinstance(clear, tuple) or len(clear) != 3:
        return None
    return np.where((values == np.array(clear)).all(-1), 0, 255).astype(np.uint8)


def _is_inverted(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(PHOTOMETRIC) == WHITE_IS_ZERO


def _stated_by_tags(image: Image.Image) -> ValueRange | None:
    """The range that a TIFF's tags state; the whole of 16 bits is no statement."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return None
    kind = FLOATS if image.mode == "F" else INTEGERS
    for low_tag, high_tag in zip(MIN_SAMPLE_VALUE, MAX_SAMPLE_VALUE, strict=True):
        low, high = _one_of(tags.get(low_tag), min), _one_of(tags.get(high_tag), max)
        low = 0.0 if low is None else low
        is_whole = (low, high) in ((0.0, 65535.0), (0.0, 4294967295.0))
        if high is not None and np.isfinite([low, high]).all() and low < high and not is_whole:
            return ValueRange(low, high, "stated by the file's sample values", kind)
    bits = _one_of(tags.get(BITS_PER_SAMPLE), max)
    if bits is not None and 8 < bits < 16:
        return ValueRange(0.0, 2.0**bits - 1, f"the {bits:.0f} bits that the file states", kind)
    return None


def _one_of(tag: Any, choose: Any) -> float | None:
    """The one number of a tag that may have one for each channel."""
    try:
        return None if tag is None else float(choose(tag) if isinstance(tag, tuple) else tag)
    except (TypeError, ValueError):
        return None


def _stated_by_png(content: bytes, values: NDArray[Any]) -> ValueRange | None:
    """The range by the chunk sBIT of a PNG file.

    By the standard the significant bits are the upper ones, and the range is the whole of 16 bits;
    some writers leave them the lower ones.
    """
    found = _png_chunk(content, b"sBIT")
    bits = max(found[:3] if len(found) > 2 else found[:1], default=16)
    if not 8 <= bits < 16:
        return None
    if values.max() < 2**bits and (values % 2 ** (16 - bits)).any():
        return ValueRange(0.0, 2.0**bits - 1, f"the {bits} bits that the file states", INTEGERS)
    how = f"the upper {bits} bits that the file states"
    return ValueRange(0.0, 65535.0, how, INTEGERS)


def _png_chunk(content: bytes, wanted: bytes) -> bytes:
    """The data of a chunk before the pixels; nothing where there is none."""
    place = 8
    while content.startswith(b"\x89PNG") and place + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        if kind == wanted:
            return content[place + 8 : place + 8 + length]
        if kind == b"IDAT":
            break
        place += 12 + length
    return b""


def _decoders_scale(image: Image.Image, content: bytes) -> tuple[int, int] | None:
    """The file's highest value and offset, where Pillow stretches values to 16 bits."""
    if image.format == "PPM" and image.mode == "I":
        arguments = getattr(image, "tile", [])[0][3]
        highest = 65535 if isinstance(arguments, str) else arguments[-1]
        return (highest if isinstance(highest, int) and 255 < highest < 65536 else 65535), 0
    if image.format == "JPEG2000" and (place := content.find(b"\xff\x51")) >= 0:
        depth = content[place + 40] if place + 40 < len(content) else 15
        bits = (depth & 0x7F) + 1
        offset = 2 ** (bits - 1) if depth & 0x80 else 0
        return (2**bits - 1, offset) if 8 < bits < 16 or offset else (65535, 0)
    return None
