"""Pictures of every kind, each compared with the numbers that it was made of."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from benchmarks.inputs.cases import MESSAGE, RIGHT, SAID, SILENT, WRONG, Case
from simviz_core.images import load_image
from tests.images_testing import planes, png, tiff

TITLE = "Images"
ROWS, COLUMNS = 48, 64
COLOURS = np.random.default_rng(0).integers(0, 256, (ROWS // 8, COLUMNS // 8, 3), dtype=np.uint8)
COLOURS = COLOURS.repeat(8, 0).repeat(8, 1)
"""The picture that most files hold: blocks of 8 × 8, so that lossy formats keep them apart."""
GREY = np.broadcast_to(np.linspace(0, 1, ROWS * COLUMNS).reshape(ROWS, COLUMNS, 1), COLOURS.shape)
"""From black to white, 0..1."""
LOSSY = 12.0
"""The mean difference that compression may make, in levels of 255."""
Add = Callable[..., None]


@dataclass(frozen=True)
class Expected:
    """What a file must show.

    Attributes:
        pixels: (H, W, 3), 0..255, upright.
        tolerance: The largest mean difference, in levels.
        words: That must be said.
    """

    pixels: NDArray[Any]
    tolerance: float = 0.6
    words: str = ""


def use(case: Case) -> str:
    """Load the picture, and compare it with what it was made of."""
    loaded = load_image(case.path)
    if case.given is None:
        return WRONG
    shown = np.asarray(loaded.pixels, dtype=float)
    rows, columns = case.given.pixels.shape[:2]
    if (loaded.height, loaded.width) != (rows, columns):
        return WRONG
    if shown.shape[:2] != (rows, columns):  # a large one is reduced; these are of one colour
        is_right = np.abs(shown - case.given.pixels[0, 0]).max() <= case.given.tolerance
    else:
        is_right = np.abs(shown - case.given.pixels).mean() <= case.given.tolerance
    if not is_right:
        return WRONG
    if not case.given.words:
        return RIGHT
    return SAID if case.given.words in loaded.note else SILENT


def make(folder: Path) -> list[Case]:
    """Write the pictures."""
    cases: list[Case] = []

    def add(
        kind: str, name: str, content: bytes, expected: Expected | None = None, *may: str
    ) -> None:
        path = folder / name
        path.write_bytes(content)
        usual = MESSAGE if expected is None else SAID if expected.words else RIGHT
        cases.append(Case(kind, path, (usual, *may), expected))

    _add_orientations(add)
    _add_depths(add)
    _add_modes(add)
    _add_formats(add)
    _add_frames(add)
    _add_damaged(add)
    _add_sizes(add)
    _add_others(add)
    _add_no_files(cases, folder)
    return cases


def saved(pixels: NDArray[Any], form: str, mode: str | None = None, **how: Any) -> bytes:
    """A file of Pillow's."""
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, form, **how)
    return buffer.getvalue()


def _add_orientations(add: Add) -> None:
    """Stored rows and columns turned by hand, as the tag's definition has them."""
    turned = {
        1: COLOURS,
        2: COLOURS[:, ::-1],
        3: COLOURS[::-1, ::-1],
        4: COLOURS[::-1],
        5: COLOURS.swapaxes(0, 1),
        6: COLOURS.swapaxes(0, 1)[::-1],
        7: COLOURS.swapaxes(0, 1)[::-1, ::-1],
        8: COLOURS.swapaxes(0, 1)[:, ::-1],
    }
    for number, stored in turned.items():
        exif = Image.Exif()
        exif[0x0112] = number
        stored = np.ascontiguousarray(stored)
        jpeg = saved(stored, "JPEG", exif=exif, quality=95, subsampling=0)
        add("EXIF and TIFF orientation", f"o{number}.jpg", jpeg, Expected(COLOURS, LOSSY))
        whole = saved(stored, "TIFF", tiffinfo={274: number})
        add("EXIF and TIFF orientation", f"o{number}.tif", whole, Expected(COLOURS))
    for number in (0, 9, 65535):
        content = saved(COLOURS, "TIFF", tiffinfo={274: number})
        add("an orientation that there is not", f"x{number}.tif", content, Expected(COLOURS))
    text = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x05\0\0\0abcd" + bytes(30)
    for name, exif_bytes in (("text", text), ("garbage", b"Exif\0\0garbage")):
        content = saved(COLOURS, "PNG", exif=exif_bytes)
        add("an orientation that there is not", f"x{name}.png", content, Expected(COLOURS))


def _levels(values: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """What a range of values must show, from its definition."""
    finite = np.where(np.isfinite(values), values, low).astype(np.float64)
    return 255 * (np.clip(finite, low, high) - low) / (high - low)


def _add_depths(add: Add) -> None:
    kind = "more than 8 bits"

    def deep(name: str, content: bytes, values: NDArray[Any], low: float, high: float) -> None:
        shown = _levels(values, low, high)
        shown = np.repeat(shown[..., None], 3, -1) if shown.ndim == 2 else shown
        # A range found in the values is rounded outwards by up to a hundredth.
        add(kind, name, content, Expected(shown, 3.0, "shown as black to white"))

    grey = GREY[..., 0]
    for bits in (10, 12, 16):
        values = np.rint(grey * (2**bits - 1)).astype(np.uint16)
        deep(f"{bits} in 16.png", png(values), values, 0, 2**bits - 1)
        deep(f"{bits} in 16, little.tif", tiff(values), values, 0, 2**bits - 1)
        deep(f"{bits} in 16, big.tif", tiff(values, ">"), values, 0, 2**bits - 1)
        colours = np.repeat(values[..., None], 3, -1)
        deep(f"{bits} in 16, colour.png", png(colours), colours, 0, 2**bits - 1)
    values = np.rint(grey * 4095).astype(np.uint16)
    stated = png(values, (b"sBIT", b"\x0c"))
    deep("sBIT 12.png", stated, values, 0, 4095)
    pgm = b"P5 %d %d 4095\n" % (COLUMNS, ROWS) + values.astype(">u2").tobytes()
    deep("12 bits.pgm", pgm, values, 0, 4095)
    for dtype, low, high in (
        (np.int16, -1024, 3071),
        (np.int32, -1024, 3071),
        (np.int32, 0, 2_000_000_000),
        (np.uint32, 0, 100_000),
        (np.int8, -128, 127),
        (np.float32, 0, 1),
        (np.float32, 0, 255),
        (np.float32, -1024, 3071),
        (np.float32, 0, 1e30),
    ):
        numbers = (low + grey * (high - low)).astype(dtype)
        name = f"{np.dtype(dtype).name} {low:g} to {high:g}.tif"
        deep(name, tiff(numbers), numbers, low, high)
    for value in (np.inf, -np.inf, np.nan):
        numbers = grey.astype(np.float32).copy()
        numbers[5, 5] = value
        deep(f"one {value}.tif", tiff(numbers), numbers, 0, 1)
    nothing = np.full((ROWS, COLUMNS), np.nan, np.float32)
    deep("all NaN.tif", tiff(nothing), nothing, 0, 1)
    wide = np.rint(GREY * 65535).astype(np.uint16)
    add(kind, "planes.tif", planes(wide), None)
    add(kind, "float64.tif", tiff(grey.astype(np.float64)), None)


def _add_modes(add: Add) -> None:
    kind = "modes"
    grey = np.rint(GREY * 255).astype(np.uint8)
    one = np.where(grey > 127, 255, 0).astype(np.uint8)
    half = np.dstack([COLOURS, np.full((ROWS, COLUMNS), 128, np.uint8)])
    on_white = COLOURS * (128 / 255) + 255 * (127 / 255)
    add(kind, "grey.png", saved(grey[..., 0], "PNG"), Expected(grey))
    add(kind, "one bit.png", saved(one[..., 0], "PNG", "1"), Expected(one))
    add(kind, "one bit.tif", saved(one[..., 0], "TIFF", "1", compression="group4"), Expected(one))
    add(kind, "grey and opacity.png", saved(grey, "PNG", "LA"), Expected(grey, 1.0))
    add(kind, "opacity.png", saved(half, "PNG"), Expected(on_white, 1.0))
    add(kind, "opacity.webp", saved(half, "WEBP", lossless=True, exact=True),
        Expected(on_white, 1.0))  # fmt: skip
    add(kind, "opacity.tif", saved(half, "TIFF"), Expected(on_white, 1.0))
    clear = COLOURS.copy()
    clear[:8, :8] = (1, 2, 3)
    seen = clear.copy()
    seen[:8, :8] = 255
    add(kind, "clear colour.png", saved(clear, "PNG", transparency=(1, 2, 3)), Expected(seen))
    few = Image.fromarray(COLOURS).quantize(64)
    exact = np.asarray(few.convert("RGB"))
    for name, form in (("palette.png", "PNG"), ("palette.gif", "GIF"), ("palette.bmp", "BMP")):
        buffer = io.BytesIO()
        few.save(buffer, form)
        add(kind, name, buffer.getvalue(), Expected(exact))
    inks = saved(COLOURS, "TIFF", "CMYK")
    add(kind, "inks.tif", inks, Expected(COLOURS, 2.0))
    printed = saved(COLOURS, "JPEG", "CMYK", quality=95)
    add(kind, "inks.jpg", printed, Expected(COLOURS, LOSSY))
    add(kind, "luma.tif", saved(COLOURS, "TIFF", "YCbCr"), Expected(COLOURS, 2.0))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    add(kind, "sRGB.png", saved(COLOURS, "PNG", icc_profile=srgb), Expected(COLOURS))
    other = srgb.replace(b"sRGB", b"xxxx").replace("sRGB".encode("utf-16-be"), b"\0x" * 4)
    words = "colour profile is not applied"
    for form, suffix in (("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif")):
        content = saved(COLOURS, form, icc_profile=other)
        add(kind, f"other profile.{suffix}", content, Expected(COLOURS, LOSSY, words))
    broken = saved(COLOURS, "PNG", icc_profile=b"garbage")
    add(kind, "broken profile.png", broken, Expected(COLOURS, words=words))


def _add_formats(add: Add) -> None:
    kind = "formats"
    for name, form, how in (
        ("progressive.jpg", "JPEG", {"progressive": True, "quality": 95}),
        ("lossy.webp", "WEBP", {"quality": 95}),
        ("lossy.avif", "AVIF", {"quality": 95}),
        ("whole.webp", "WEBP", {"lossless": True}),
        ("whole.jp2", "JPEG2000", {}),
        ("whole.bmp", "BMP", {}),
        ("whole.ppm", "PPM", {}),
        ("interlaced.gif", "GIF", {"interlace": 1}),
        ("lzw.tif", "TIFF", {"compression": "tiff_lzw"}),
        ("deflate.tif", "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("zstd.tif", "TIFF", {"compression": "zstd"}),
        ("jpeg.tif", "TIFF", {"compression": "jpeg", "quality": 95}),
        # An ending that belongs to another format.
        ("really a png.jpg", "PNG", {}),
        ("really a webp.png", "WEBP", {"lossless": True}),
        ("really a jpeg.tif", "JPEG", {"quality": 95}),
        ("no ending", "PNG", {}),
    ):
        add(kind, name, saved(COLOURS, form, **how), Expected(COLOURS, LOSSY))
    numbers = b" ".join(b"%d" % value for value in COLOURS.ravel())
    add(kind, "ascii.ppm", b"P3 %d %d 255\n" % (COLUMNS, ROWS) + numbers, Expected(COLOURS))


def _add_frames(add: Add) -> None:
    others = [Image.fromarray(255 - COLOURS), Image.fromarray(COLOURS[::-1])]
    for name, form, how in (
        ("frames.gif", "GIF", {}),
        ("frames.webp", "WEBP", {"lossless": True}),
        ("frames.png", "PNG", {}),
        ("pages.tif", "TIFF", {}),
        ("frames.avif", "AVIF", {"quality": 95}),
    ):
        content = saved(COLOURS, form, save_all=True, append_images=others, **how)
        expected = Expected(COLOURS, LOSSY, "the first of several frames")
        add("several frames", name, content, expected)
    phone = saved(COLOURS, "MPO", save_all=True, append_images=others, quality=95)
    add("several frames", "phone.jpg", phone, Expected(COLOURS, LOSSY))


def _add_damaged(add: Add) -> None:
    for form, how in (
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("JPEG2000", {}),
        ("AVIF", {}),
        ("BMP", {}),
        ("PPM", {}),
    ):
        whole = saved(COLOURS, form, **how)
        for share in (1, 5, 9):
            name = f"cut {share} {form} {'_'.join(how)}.img"
            add("cut off", name, whole[: len(whole) * share // 10])
    png_file = saved(COLOURS, "PNG")
    for number, at in enumerate((20, 45, len(png_file) // 2, len(png_file) - 20)):
        flipped = bytearray(png_file)
        flipped[at] ^= 4
        add("a bit flipped", f"flipped {number}.png", bytes(flipped))


def _png_header(
    width: int, height: int, pixels: bytes = b"", *before: tuple[bytes, bytes]
) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    chunks = b"".join(chunk(kind, data) for kind, data in before)
    return b"\x89PNG\r\n\x1a\n" + header + chunks + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _add_sizes(add: Add) -> None:
    kind = "very small and very long"
    for width, height in ((1, 1), (1, 500), (500, 1), (3, 10_000), (60_000, 1), (40_000, 20)):
        red = np.zeros((height, width, 3), np.uint8)
        red[..., 0] = 200
        add(kind, f"{width}x{height}.png", saved(red, "PNG"), Expected(red))
    kind = "claims of gigabytes"
    bomb = zlib.compress(bytes(100_000_000))
    small = zlib.compress((b"\0" + bytes(12)) * 4)
    black = Expected(np.zeros((4, 4, 3), np.uint8))
    add(kind, "huge.png", _png_header(2**31 - 1, 2**31 - 1))
    add(kind, "large.png", _png_header(20_000, 20_000, bomb))
    add(kind, "nothing in it.png", _png_header(9_999, 9_999, zlib.compress(b"")))
    add(kind, "none.png", _png_header(0, 0))
    text = _png_header(4, 4, small, (b"zTXt", b"k\0\0" + bomb))
    add(kind, "text.png", text, black, MESSAGE)
    profile = _png_header(4, 4, small, (b"iCCP", b"k\0\0" + bomb))
    add(kind, "profile.png", profile, black, MESSAGE)
    bmp = struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, *[0] * 6)
    add(kind, "huge.bmp", b"BM" + bmp)
    add(kind, "huge.ppm", b"P6 99999999 99999999 255\n")
    add(kind, "below zero.ppm", b"P6 -5 7 255\n" + bytes(200))
    screen = b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + bytes(6)
    frame = b"," + struct.pack("<HHHH", 0, 0, 65535, 65535) + b"\0\x02\x02\x44\x01\0;"
    add(kind, "huge.gif", screen + frame)
    large = tiff(np.zeros((4, 4), np.uint16))
    for tag in (256, 257):
        wrong, right = struct.pack("<HHLL", tag, 4, 1, 4), struct.pack("<HHLL", tag, 4, 1, 10**6)
        large = large.replace(wrong, right)
    add(kind, "huge.tif", large)


def _add_others(add: Add) -> None:
    for name, content in {
        "nothing.jpg": b"",
        "one byte.png": b"\x89",
        "signature.png": b"\x89PNG\r\n\x1a\n",
        "zeros.jpg": bytes(1000),
        "text.jpg": b"hello world\n" * 20,
        "page.jpg": b"<html><script>alert(1)</script></html>",
        "drawing.jpg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        "document.png": b"%PDF-1.4\n%%EOF",
        "photo.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000),
        "photo.jxl": b"\xff\x0a" + bytes(200),
        "scan.dcm": bytes(128) + b"DICM" + bytes(200),
        "array.png": b"\x93NUMPY\x01\0" + bytes(200),
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\n",
        "archive.png": b"PK\x03\x04" + bytes(100),
    }.items():
        add("no images", name, content)


def _add_no_files(cases: list[Case], folder: Path) -> None:
    """What a name may lead to beside files."""
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "circle.png").symlink_to(folder / "circle.png")
    for name in (
        *("folder.png", "pipe.png", "device.png", "circle.png"),
        *("missing.png", "x" * 300 + ".png", "nul\0.png"),
    ):
        cases.append(Case("no files", folder / name, (MESSAGE,)))
