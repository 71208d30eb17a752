"""One safe way to load an image: upright, RGB, 8 bit, first frame, within limits.

Files come from strangers. Only formats that decode within the process are accepted (PostScript,
say, would start another program), the size is checked before anything is decoded, and whatever a
decoder trips over becomes an `ImageError`.
"""

import hashlib
import io
import math
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from simviz_core.errors import ImageError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".jp2"}
    | {".avif"}
)
"""The file endings that galleries list and uploads accept."""
MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000
WORKING_SIDE = 1024
"""Images whose shorter side is at least twice this are reduced while loading, in pixels. One
number for every network and page: a file always gives the same pixels."""
LONGEST_SIDE = 8192
"""What is longer, in pixels, is reduced even where the shorter side becomes very short."""

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


@dataclass(frozen=True)
class LoadedImage:
    """An image that is ready for a network and for the screen.

    Attributes:
        pixels: Upright, RGB, 8 bit. Large originals are reduced by a whole factor; the shorter
            side is then still at least `WORKING_SIDE`, unless the image is very long.
        width: Of the upright original, in pixels.
        height: Of the upright original, in pixels.
        name: For captions and messages.
        digest: SHA-256 of the file's bytes, in hexadecimal.
    """

    pixels: Image.Image
    width: int
    height: int
    name: str
    digest: str


def load_image(source: Path | str | bytes, *, name: str | None = None) -> LoadedImage:
    """Load an image from a file or from a file's bytes.

    The EXIF orientation is applied; transparency is laid on white; of an animation the first frame
    is taken; 16-bit grey values are divided by 257; floating-point values are taken as 0..1 if
    none exceeds 1, else as 0..255.

    Args:
        source: A path, or the bytes of a file.
        name: What to call the image in messages; the path by default.

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
    image, size = _decode(content, name)
    return LoadedImage(image, *size, name=name, digest=hashlib.sha256(content).hexdigest())


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
        _check_bytes(path.stat().st_size, name)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {name}") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name} is a folder; name an image file in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name} cannot be read: {reason}") from error


def _check_bytes(count: int, name: str) -> None:
    if count > MAX_BYTES:
        raise ImageError(
            f"{name} is {count / 1e6:,.0f} MB large; at most {MAX_BYTES / 1e6:,.0f} MB are read"
        )


def _decode(content: bytes, name: str) -> tuple[Image.Image, tuple[int, int]]:
    """The reduced RGB image, and the upright original's width and height."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_pixels(image.size, name)
            size = _upright_size(image)
            _draft(image)
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _reduce(_to_rgb(upright)), size
    except Image.UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not an image that can be read; choose a JPEG, PNG, WebP, GIF, TIFF, BMP, "
            "JPEG 2000 or AVIF file"
        ) from error
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


def _upright_size(image: Image.Image) -> tuple[int, int]:
    orientation = image.getexif().get(0x0112, 1)
    is_on_its_side = orientation in (5, 6, 7, 8)
    return (image.height, image.width) if is_on_its_side else image.size


def _draft(image: Image.Image) -> None:
    """Let the JPEG decoder skip detail that would be thrown away: several times faster."""
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        factor = _reduction(image.size)
        image.draft(image.mode, (image.width // factor, image.height // factor))


def _reduce(image: Image.Image) -> Image.Image:
    factor = _reduction(image.size)
    return image.reduce(factor) if factor > 1 else image


def _reduction(size: tuple[int, int]) -> int:
    """The whole factor that brings a side down towards its limit."""
    return max(1, min(size) // WORKING_SIDE, math.ceil(max(size) / LONGEST_SIDE))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _from_grey(np.asarray(image, dtype=np.float64) / 257)
    if image.mode == "I":
        values = np.asarray(image, dtype=np.float64)
        return _from_grey(values / 257 if values.max() > 255 else values)
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        return _from_grey(values * 255 if values.max() <= 1 else values)
    if image.has_transparency_data:
        return _on_white(image)
    return image.convert("RGB")


def _from_grey(values: np.ndarray) -> Image.Image:
    levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Image.fromarray(levels).convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    with_alpha = image.convert("RGBA")
    white = Image.new("RGBA", with_alpha.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")
