"""One safe way to load an image: upright, RGB, 8 bit, first frame, within limits.

Files come from strangers. Only formats that decode within the process are accepted (PostScript,
say, would start another program), the size is checked before anything is decoded, and whatever a
decoder trips over becomes an `ImageError`.
"""

import hashlib
import io
import math
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from PIL import Image

from simviz_core.errors import ImageError
from simviz_core.images.kinds import LOOK_AT as START
from simviz_core.images.kinds import is_heic
from simviz_core.images.memory import bytes_needed, memory_for
from simviz_core.images.orientation import orientation_of
from simviz_core.images.reducing import Part, reduced_upright, reduction
from simviz_core.images.refusals import LOOK_AT, not_an_image
from simviz_core.images.value_range import ValueRange, as_levels, range_for, range_of_values
from simviz_core.images.wide import WidePixels, is_wide, read_wide

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000
MOST_WHOLE = 20_000_000
"""Pixels of a JPEG 2000 picture that is decoded whole; a larger one is halved while it is."""
LOOKED_AT = 1_000_000
"""Values of a picture of more than 8 bits that its own range is found in, evenly spread."""
STANDARD_PROFILE = (b"sRGB", "sRGB".encode("utf-16-be"))
"""What stands in the colour profiles that need not be applied."""

DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders raise on damaged or hostile files."""

# `MAX_PIXELS` takes the place of Pillow's warning, which would be printed and go no further.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# What decoders say of damaged tags in passing; what it leads to is an error, or does no harm.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class LoadedImage:
    """An image that is ready for a network and for the screen.

    Attributes:
        pixels: Upright, RGB, 8 bit. Large originals are reduced by a whole factor; the shorter
            side is then still at least `WORKING_SIDE`, unless the image is very long.
        width: Of the upright original, in pixels.
        height: Of the upright original, in pixels.
        name: For captions and messages.
        digest: SHA-256 of the file's bytes, and of the range of values where there is one, in
            hexadecimal: the same digest means the same pixels.
        value_range: The values that black and white stand for, of a picture of more than 8 bits;
            None of one of 8 bits, whose values are shown as they are.
        outside: Values that lie outside the range, and are shown as its ends.
        not_finite: Values that are infinite or no number, and are shown as the lowest value.
        remarks: What else of the file is not shown, in words.
    """

    pixels: Image.Image
    width: int
    height: int
    name: str
    digest: str
    value_range: ValueRange | None = None
    outside: int = 0
    not_finite: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """All that is to be said of how the file was read; "" where that is nothing."""
        return "; ".join(filter(None, (self.values_note, *self.remarks)))

    @property
    def values_note(self) -> str:
        """What was done to the values, to be shown with the picture; "" where nothing was."""
        if self.value_range is None:
            return ""
        parts = [self.value_range.text]
        if self.outside:
            parts.append(f"{self.outside:,} outside")
        if self.not_finite:
            parts.append(f"{self.not_finite:,} not finite, shown as the lowest value")
        return "; ".join(parts)

    def values_as_json(self) -> dict[str, Any] | None:
        """The same as JSON-ready values; None for a picture of 8 bits."""
        if self.value_range is None:
            return None
        counts = {"outside": self.outside, "not_finite": self.not_finite}
        return {**self.value_range.as_json(), **counts}


def load_image(
    source: Path | str | bytes,
    *,
    name: str | None = None,
    value_ranges: Sequence[ValueRange] = (),
) -> LoadedImage:
    """Load an image from a file or from a file's bytes.

    The EXIF orientation is applied; transparency is laid on white; of an animation the first frame
    is taken. Values of more than 8 bits are scaled to levels of 8: from a range among
    `value_ranges`, else the one that the file states, else one that its values suggest.

    Args:
        source: A path, or the bytes of a file.
        name: What to call the image in messages; the path by default.
        value_ranges: What a gallery shares, or `given_range` makes; pictures of 8 bits have no use
            for them.

    Returns:
        The image.

    Raises:
        ImageError: There is no such file, or it is empty, too large, damaged or not an image.
    """
    if isinstance(source, bytes):
        content, name = source, name or "image"
    else:
        name = name or str(source)
        content = _read(Path(source), name)
    if not content:
        raise ImageError(f"{name} is empty (0 bytes); choose an image file")
    _check_bytes(len(content), name)
    return _decode(content, name, value_ranges)


def common_range(images: Sequence[LoadedImage]) -> ValueRange | None:
    """The range that those of some images with more than 8 bits were all read with.

    Returns:
        None where there is no such image, and where they were read with different ranges.
    """
    found = {image.value_range.key: image.value_range for image in images if image.value_range}
    return next(iter(found.values())) if len(found) == 1 else None


def read_values(path: Path) -> WidePixels | None:
    """The values of a picture of more than 8 bits; None of any other, which is not decoded.

    Raises:
        ImageError: As `load_image` does.
    """
    with _opening(str(path), b""), Image.open(path, formats=FORMATS) as opened:
        if not is_wide(opened):
            return None
    content = _read(path, str(path))
    with _opening(str(path), b""), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _check_pixels(image.size, str(path))
        with memory_for(bytes_needed(image, image.size, is_wide=True), str(path)):
            return read_wide(image, content, FORMATS)


def resize_for_network(
    image: Image.Image, size: int | tuple[int, int], interpolation: str = "bicubic"
) -> Image.Image:
    """Stretch a whole image into the rectangle that a network sees.

    Nothing is cropped and nothing is padded, so that a map over the rectangle is a map over the
    whole image.

    Args:
        image: RGB, of any size.
        size: Width and height of the result, in pixels; one number for a square.
        interpolation: "bicubic", "bilinear", "nearest" or "lanczos".

    Returns:
        RGB, of that size, antialiased.
    """
    sides = (size, size) if isinstance(size, int) else size
    resampling = Image.Resampling[interpolation.upper()]
    return image.resize(sides, resampling, reducing_gap=3.0)


def _read(path: Path, name: str) -> bytes:
    try:
        # Of a pipe that takes the file's place in between this waits for nothing.
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)) if _is_plain(path) else -1
        if file < 0:
            # A pipe may never end, a device may have no end.
            raise ImageError(f"{name} is no plain file; name an image file")
        with os.fdopen(file, "rb") as opened:
            state = os.fstat(file)
            _check_bytes(state.st_size, name)
            if not stat.S_ISREG(state.st_mode):
                raise ImageError(f"{name} is no plain file; name an image file")
            # What the system itself makes says that it is empty, and may wait or never end.
            return opened.read(state.st_size)
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {name}") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name} is a folder; name an image file in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name} cannot be read: {reason}") from error


def _is_plain(path: Path) -> bool:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError
    return stat.S_ISREG(mode)


def _check_bytes(count: int, name: str) -> None:
    if count > MAX_BYTES:
        raise ImageError(
            f"{name} is {count / 1e6:,.0f} MB large; at most {MAX_BYTES / 1e6:,.0f} MB are read"
        )


def _decode(content: bytes, name: str, value_ranges: Sequence[ValueRange]) -> LoadedImage:
    """The reduced RGB image, with the upright original's width and height."""
    digest = hashlib.sha256(content)
    with (
        _opening(name, content[:LOOK_AT]),
        Image.open(io.BytesIO(content), formats=_formats(content)) as image,
    ):
        _check_pixels(image.size, name)
        shown, outside, not_finite, has_more_bits = None, 0, 0, is_wide(image)
        size = image.size
        full_size, decoded = (None, size) if has_more_bits else _draft(image, content)
        with memory_for(bytes_needed(image, decoded, has_more_bits), name):
            if has_more_bits:
                wide = read_wide(image, content, FORMATS)
                shown = range_for(wide.kind, value_ranges) or wide.stated or own_range(wide)
                rows, columns = wide.values.shape[:2]
                size, orientation = (columns, rows), orientation_of(image)
                levels = _Levels(wide, shown)
                upright = reduced_upright(size, orientation, levels.band)
                outside, not_finite = levels.outside, levels.not_finite
                digest.update(shown.key.encode())
            else:
                image.load()
                orientation = orientation_of(image)
                upright = reduced_upright(image.size, orientation, partial(_band, image))
                size = full_size or image.size  # a TIFF decoder has turned it by now
        width, height = size if orientation < 5 else (size[1], size[0])
        return LoadedImage(
            upright,
            width,
            height,
            name,
            digest.hexdigest(),
            shown,
            outside,
            not_finite,
            _remarks(image),
        )


def _formats(content: bytes) -> tuple[str, ...]:
    """The formats that may be opened; HEIC, too, where its library is installed."""
    if not is_heic(content[:START]):
        return FORMATS
    return (*FORMATS, "HEIF") if _can_read_heic() else FORMATS


@cache
def _can_read_heic() -> bool:
    try:
        import pi_heif
    except ImportError:
        return False
    pi_heif.register_heif_opener(thumbnails=False)
    return True


@contextmanager
def _opening(name: str, start: bytes) -> Iterator[None]:
    """Turn whatever a decoder trips over into an `ImageError`; `start` is the file's beginning."""
    try:
        yield
    except Image.UnidentifiedImageError as error:
        raise ImageError(not_an_image(name, start)) from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name} has far more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller"
        ) from error
    except DECODER_ERRORS as error:
        raise ImageError(
            f"{name} is damaged or incomplete and cannot be decoded ({error}); save it anew"
        ) from error


def _check_pixels(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width:,} × {height:,} pixels; at most {MAX_PIXELS / 1e6:.0f} million "
            "are decoded; make it smaller"
        )


def _remarks(image: Image.Image) -> tuple[str, ...]:
    """What of a decoded file is not shown."""
    remarks = []
    with suppress(Exception):  # the first frame could be read, whatever follows it
        # Of the second picture of an MPO, which phones write, nobody asks.
        if image.format != "MPO" and getattr(image, "is_animated", False):
            remarks.append("the first of several frames")
    if image.format == "HEIF" and image.mode not in ("I;16", "I") and _bits(image) > 8:
        remarks.append(f"its {_bits(image)} bits are read as 8")
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and not any(name in profile for name in STANDARD_PROFILE):
        remarks.append("its colour profile is not applied, as it is not in training")
    return tuple(remarks)


def _bits(image: Image.Image) -> int:
    bits = image.info.get("bit_depth")
    return bits if isinstance(bits, int) else 8


def _draft(image: Image.Image, content: bytes) -> tuple[tuple[int, int] | None, tuple[int, int]]:
    """Let decoders skip detail that would be thrown away: JPEG's, and of JPEG 2000 for large ones.

    Returns:
        The width and height that the file has, None where the decoder is to do as always; and
        those that it is going to make.
    """
    size, factor = image.size, reduction(image.size)
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        # A side of one pixel stays one; the decoder divides by it.
        image.draft(image.mode, (max(1, size[0] // factor), max(1, size[1] // factor)))
        return size, image.size
    if image.format == "JPEG2000" and size[0] * size[1] > MOST_WHOLE:
        halvings = min(factor.bit_length() - 1, _halvings(content))
        while not all(_is_rounded_up(side, halvings) for side in size):
            halvings -= 1
        image.reduce = halvings  # type: ignore[assignment, method-assign]
        return size, (size[0] >> halvings, size[1] >> halvings)
    return None, size


def _is_rounded_up(side: int, halvings: int) -> bool:
    """Whether Pillow, which rounds, takes the same length for a halved side as the format does."""
    rest = side % (1 << halvings)
    return rest == 0 or 2 * rest >= 1 << halvings


def _halvings(content: bytes) -> int:
    """How often a JPEG 2000 picture can be halved while it is decoded."""
    place = content.find(b"\xff\x52", content.find(b"\xff\x4f\xff\x51") + 2)
    return content[place + 9] if 0 <= place < len(content) - 9 else 0


def own_range(wide: WidePixels) -> ValueRange:
    """The range that a picture's own values suggest."""
    step = math.ceil(math.sqrt(max(1, wide.values.size / LOOKED_AT)))
    return range_of_values(wide.values[::step, ::step].ravel(), wide.kind)


class _Levels:
    """The levels of a picture of more than 8 bits, some rows at a time.

    Attributes:
        outside: Values of the rows so far that are cut off.
        not_finite: Those that are not finite.
    """

    def __init__(self, wide: WidePixels, shown: ValueRange) -> None:
        self.wide, self.shown = wide, shown
        self.outside = self.not_finite = 0

    def band(self, rows: Part) -> Image.Image:
        """Some rows in RGB."""
        wide, part = self.wide, slice(*rows)
        levels, outside, not_finite = as_levels(wide.values[part], self.shown, wide.is_inverted)
        self.outside += outside
        self.not_finite += not_finite
        image = Image.fromarray(levels).convert("RGB")
        if wide.opacity is not None:
            image.putalpha(Image.fromarray(wide.opacity[part]))
            image = _on_white(image)
        return image


def _band(image: Image.Image, rows: Part) -> Image.Image:
    """Some rows of a decoded picture in RGB."""
    is_whole = rows == (0, image.height)
    return _to_rgb(image if is_whole else image.crop((0, rows[0], image.width, rows[1])))


def _to_rgb(image: Image.Image) -> Image.Image:
    return _on_white(image) if image.has_transparency_data else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    with_alpha = image.convert("RGBA")
    white = Image.new("RGBA", with_alpha.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")
