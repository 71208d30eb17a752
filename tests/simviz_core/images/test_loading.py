import contextlib
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from simviz_core.errors import ImageError
from simviz_core.images import MAX_PIXELS, WORKING_SIDE, load_image, resize_for_network

CORNERS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def four_corners() -> Image.Image:
    """64 × 32, each quarter in a colour of its own: red, green above; blue, white below."""
    image = Image.new("RGB", (64, 32))
    for colour, box in zip(
        CORNERS, ((0, 0, 32, 16), (32, 0, 64, 16), (0, 16, 32, 32), (32, 16, 64, 32)), strict=True
    ):
        image.paste(colour, box)
    return image


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def photo_like(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = [127 + 100 * np.sin(x / 50 + k) * np.cos(y / 40 - k) for k in range(3)]
    return Image.fromarray(np.stack(waves, -1).astype(np.uint8))


def png_header(width: int, height: int) -> bytes:
    """A PNG file that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    turned = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    stored = four_corners()
    for step in turned:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image(encoded(stored, "PNG", exif=exif))
    assert (loaded.width, loaded.height) == (64, 32)
    assert loaded.pixels.tobytes() == four_corners().tobytes()


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "CMYK", "YCbCr", "LA", "RGBA", "P", "LAB"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = photo_like(80, 60)
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        source = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    else:
        source = image.convert("L").convert("LA") if mode == "LA" else image.convert(mode)
    file_format = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "TIFF")
    loaded = load_image(encoded(source, file_format))
    assert loaded.pixels.mode == "RGB"
    assert loaded.pixels.size == (80, 60)
    if mode != "1":
        grey = np.asarray(image.convert("L"), dtype=float)
        found = np.asarray(loaded.pixels.convert("L"), dtype=float)
        assert np.abs(grey - found).mean() < 12


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_range(format: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (16, 1))
    loaded = load_image(encoded(Image.fromarray(ramp), format))
    np.testing.assert_array_equal(np.asarray(loaded.pixels)[0, :, 0], np.arange(256))


def test_floating_point_values_are_shares_or_levels() -> None:
    for top in (1.0, 255.0):
        ramp = np.tile(np.linspace(0, top, 256, dtype=np.float32), (4, 1))
        loaded = load_image(encoded(Image.fromarray(ramp), "TIFF"))
        np.testing.assert_array_equal(np.asarray(loaded.pixels)[0, :, 0], np.arange(256))
    holes = np.full((4, 4), np.nan, dtype=np.float32)
    assert load_image(encoded(Image.fromarray(holes), "TIFF")).pixels.getextrema()[0] == (0, 0)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_transparency_is_laid_on_white(format: str) -> None:
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (20, 0, 40, 20))
    options = {"lossless": True} if format == "WEBP" else {}
    pixels = load_image(encoded(image, format, **options)).pixels
    assert pixels.getpixel((5, 5)) == (255, 255, 255)
    assert pixels.getpixel((35, 5)) == (200, 0, 0)


def test_half_transparency_is_mixed_with_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert load_image(encoded(image, "PNG")).pixels.getpixel((0, 0)) == (127, 127, 127)


def test_palette_with_alpha() -> None:
    image = Image.new("P", (20, 10), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(1, (10, 0, 20, 10))
    pixels = load_image(encoded(image, "PNG", transparency=0)).pixels
    assert (pixels.getpixel((2, 2)), pixels.getpixel((15, 2))) == ((255,) * 3, (200, 100, 50))


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_of_an_animation_the_first_frame_is_taken(format: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    red, green, blue = load_image(content).pixels.getpixel((20, 15))
    assert red > 240
    assert max(green, blue) < 15


def test_large_jpegs_are_reduced_and_keep_their_size_in_mind() -> None:
    image = photo_like(4400, 2600)
    loaded = load_image(encoded(image, "JPEG", quality=95))
    assert (loaded.width, loaded.height) == (4400, 2600)
    assert WORKING_SIDE <= min(loaded.pixels.size) < 2 * WORKING_SIDE
    assert loaded.pixels.width / loaded.pixels.height == pytest.approx(4400 / 2600, rel=1e-2)
    for size in (224, 448):
        full = np.asarray(resize_for_network(image, size), dtype=float)
        drafted = np.asarray(resize_for_network(loaded.pixels, size), dtype=float)
        assert np.abs(full - drafted).mean() < 1


def test_large_pngs_are_reduced_alike() -> None:
    loaded = load_image(encoded(photo_like(2100, 2050), "PNG", compress_level=1))
    assert (loaded.width, loaded.height) == (2100, 2050)
    assert loaded.pixels.size == (1050, 1025)


def test_very_long_images_stay_small_in_memory() -> None:
    loaded = load_image(encoded(Image.new("RGB", (60_000, 40)), "PNG"))
    assert (loaded.width, loaded.height) == (60_000, 40)
    assert loaded.pixels.size == (7500, 5)


def test_small_images_are_left_alone() -> None:
    image = photo_like(320, 240)
    assert load_image(encoded(image, "PNG")).pixels.tobytes() == image.tobytes()
    assert load_image(encoded(Image.new("RGB", (1, 1)), "PNG")).pixels.size == (1, 1)


def test_the_network_sees_the_whole_image() -> None:
    seen = resize_for_network(four_corners(), 224)
    assert seen.size == (224, 224)
    at = ((20, 20), (200, 20), (20, 200), (200, 200))
    assert [seen.getpixel(place) for place in at] == list(CORNERS.values())


def test_the_same_content_has_the_same_digest(tmp_path: Path) -> None:
    content = encoded(photo_like(30, 20), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert load_image(path).digest == load_image(content, name="b").digest
    assert load_image(path).name == str(path)
    assert load_image(path, name="shown.png").name == "shown.png"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"only text, in spite of the name", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "damaged|not an image"),
        (png_header(20_000, 20_000), "pixels"),
        (png_header(11_000, 11_000), "11,000 × 11,000 pixels"),
        (png_header(2**31 - 1, 2**31 - 1), "pixels"),
        (png_header(500, 500), "damaged"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(content: bytes, reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(ImageError, match=reason) as refusal:
            load_image(content, name="shown.jpg")
    assert "shown.jpg" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_real_image_of_too_many_pixels_is_refused_before_decoding() -> None:
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(ImageError, match="at most 100 million"):
        load_image(encoded(Image.new("1", (side, side)), "PNG"))


def test_what_of_a_file_is_not_shown_is_said() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue", "green")]
    for form, is_said in (("GIF", True), ("TIFF", True), ("WEBP", True), ("MPO", False)):
        buffer = io.BytesIO()
        frames[0].save(buffer, form, save_all=True, append_images=frames[1:])
        assert ("the first of several frames" in load_image(buffer.getvalue()).note) == is_said
    for profile, is_said in ((b"a profile, sRGB", False), (b"a profile, Display P3", True)):
        buffer = io.BytesIO()
        frames[0].save(buffer, "PNG", icc_profile=profile)
        assert ("profile is not applied" in load_image(buffer.getvalue()).note) == is_said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "device.png"):
        with pytest.raises(ImageError, match="is no plain file"):
            load_image(tmp_path / name)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no file"):
        load_image(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="a folder"):
        load_image(tmp_path)
    with pytest.raises(ImageError, match=r"cannot be read|no file"):
        load_image("null\0byte.jpg")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_truncated_files_are_refused(format: str) -> None:
    content = encoded(photo_like(300, 200), format)
    for tenth in range(1, 10):
        with pytest.raises(ImageError):
            load_image(content[: len(content) * tenth // 10])


SEEDS = [encoded(photo_like(40, 30), f) for f in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "JPEG2000")]


@settings(
    deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_files_never_do_anything_else(seed: bytes, edits: list[tuple[int, int]]) -> None:
    content = bytearray(seed)
    for position, value in edits:
        content[position % len(content)] = value
    with contextlib.suppress(ImageError):
        assert load_image(bytes(content)).pixels.mode == "RGB"


def test_real_photos_load(photos: Path) -> None:
    for path in sorted(photos.rglob("*.jpg"))[::30]:
        loaded = load_image(path)
        assert loaded.pixels.mode == "RGB"
        assert min(loaded.width, loaded.height) > 50
