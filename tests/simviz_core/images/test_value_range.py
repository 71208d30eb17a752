"""Pictures of more than 8 bits: what becomes black and white, and that it is said."""

import io

import numpy as np
import pytest
from images_testing import planes, png, tiff
from numpy.typing import NDArray
from PIL import Image

from simviz_core.errors import ImageError
from simviz_core.images import LoadedImage, ValueRange, given_range, load_image

RAMP = np.linspace(0, 1, 64 * 48).reshape(48, 64)
COLOURS = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], -1)


def levels(loaded: LoadedImage) -> NDArray[np.uint8]:
    return np.asarray(loaded.pixels)


def expected(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    """Written from the sentence: low is black, high is white, in between in proportion."""
    shares = (values.astype(np.float64) - low) / (high - low)
    return np.round(np.minimum(np.maximum(shares, 0), 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("shape", ["grey", "colour"])
def test_few_bits_in_16(shape: str, order: str, bits: int) -> None:
    values = np.rint((RAMP if shape == "grey" else COLOURS) * (2**bits - 1)).astype(np.uint16)
    for content in (tiff(values, order), png(values), png(values, filter=1)):
        loaded = load_image(content)
        wanted = expected(values, 0, 2**bits - 1)
        found = levels(loaded)
        np.testing.assert_array_equal(found if shape == "colour" else found[..., 0], wanted)
        assert loaded.value_range is not None
        assert (loaded.value_range.low, loaded.value_range.high) == (0, 2**bits - 1)
        assert f"the {bits} bits that hold 99.9% of the values" in loaded.values_note


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(compression: str) -> None:
    values = np.rint(RAMP * 4095).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", compression=compression)
    loaded = load_image(buffer.getvalue())
    np.testing.assert_array_equal(levels(loaded)[..., 0], expected(values, 0, 4095))


def test_signed_values_of_a_scanner() -> None:
    values = np.rint(RAMP * 4095 - 1024).astype(np.int16)
    for order in "<>":
        loaded = load_image(tiff(values, order))
        shown = loaded.value_range
        assert shown is not None
        assert -1040 < shown.low < -1010
        assert 3050 < shown.high < 3090
        np.testing.assert_array_equal(
            levels(loaded)[..., 0], expected(values, shown.low, shown.high)
        )
        assert "the 0.1 and 99.9 percentiles of the values" in loaded.values_note


@pytest.mark.parametrize("top", [1.5, 5000.0, 1e-6 + 1.0, 1e30, 3e38])
def test_floats_beyond_1(top: float) -> None:
    values = (RAMP * top).astype(np.float32)
    loaded = load_image(tiff(values))
    assert loaded.value_range is not None
    assert np.unique(levels(loaded)[..., 0]).size > 250
    np.testing.assert_array_equal(
        levels(loaded)[..., 0],
        expected(values.astype(np.float64), loaded.value_range.low, loaded.value_range.high),
    )


def test_values_that_are_not_finite_are_counted_and_leave_the_others_alone() -> None:
    values = RAMP.astype(np.float32)
    plain = levels(load_image(tiff(values)))
    values[0, :3] = np.inf, -np.inf, np.nan
    loaded = load_image(tiff(values))
    assert loaded.not_finite == 3
    assert "3 not finite" in loaded.values_note
    np.testing.assert_array_equal(levels(loaded)[1:], plain[1:])
    assert levels(loaded)[0, :3].max() == 0
    nothing = load_image(tiff(np.full((8, 8), np.inf, dtype=np.float32)))
    assert nothing.not_finite == 64
    assert "no value is finite" in nothing.values_note
    assert levels(nothing).max() == 0


def test_a_hot_pixel_does_not_make_the_picture_black() -> None:
    values = np.rint(RAMP * 4095).astype(np.uint16)
    values[5, 5] = 65535
    loaded = load_image(tiff(values))
    assert loaded.outside == 1
    assert "1 outside" in loaded.values_note
    assert np.median(levels(loaded)) == pytest.approx(127, abs=2)


def test_constant_pictures() -> None:
    for value in (-7, 0, 300):
        loaded = load_image(tiff(np.full((8, 8), value, dtype=np.int16)))
        assert loaded.value_range is not None
        assert np.unique(levels(loaded)).size == 1


def test_what_the_file_states_comes_first() -> None:
    values = np.rint(RAMP * 700).astype(np.uint16)
    stated = tiff(values, low=(280, "H", 100), high=(281, "H", 600))
    loaded = load_image(stated)
    assert loaded.value_range is not None
    assert (loaded.value_range.low, loaded.value_range.high) == (100, 600)
    assert "stated by the file" in loaded.values_note
    assert loaded.outside == int(((values < 100) | (values > 600)).sum())
    floats = tiff((RAMP * 9).astype(np.float32), low=(340, "f", 2.0), high=(341, "f", 8.0))
    shown = load_image(floats).value_range
    assert shown is not None
    assert (shown.low, shown.high) == (2, 8)
    whole = tiff(values, low=(280, "H", 0), high=(281, "H", 65535))
    shown = load_image(whole).value_range
    assert shown is not None
    assert shown.high == 1023  # the whole of 16 bits is no statement


def test_significant_bits_of_a_png() -> None:
    low = np.rint(RAMP * 4095).astype(np.uint16)
    for values, top in ((low, 4095), (low << 4, 65535), ((low >> 3) << 4, 65535)):
        loaded = load_image(png(values, (b"sBIT", bytes([12]))))
        assert loaded.value_range is not None
        assert loaded.value_range.high == top
        assert "12 bits that the file states" in loaded.values_note
        np.testing.assert_array_equal(levels(loaded)[..., 0], expected(values, 0, top))


@pytest.mark.parametrize("highest", [300, 1023, 4095, 65535])
def test_portable_grey_maps_state_their_highest_value(highest: int) -> None:
    values = np.rint(RAMP * highest / 2).astype(np.uint16)
    content = b"P5 64 48 %d\n" % highest + values.astype(">u2").tobytes()
    loaded = load_image(content)
    np.testing.assert_array_equal(levels(loaded)[..., 0], expected(values, 0, highest))
    given = load_image(content, value_ranges=given_range(0, highest / 2))
    np.testing.assert_array_equal(levels(given)[..., 0], expected(values, 0, highest / 2))


def test_jpeg_2000_of_16_bits() -> None:
    buffer = io.BytesIO()
    values = np.rint(RAMP * 65535).astype(np.uint16)
    Image.fromarray(values).save(buffer, "JPEG2000")
    loaded = load_image(buffer.getvalue())
    assert "stated by the JPEG2000 file" in loaded.values_note
    np.testing.assert_array_equal(levels(loaded)[..., 0], expected(values, 0, 65535))


@pytest.mark.parametrize("order", ["<", ">"])
def test_white_is_zero(order: str) -> None:
    values = np.rint(RAMP * 65535).astype(np.uint16)
    content = tiff(values, "<", photometric=(262, "H", 0))
    np.testing.assert_array_equal(
        levels(load_image(content))[..., 0], 255 - expected(values, 0, 65535)
    )
    floats = tiff(RAMP.astype(np.float32), order, photometric=(262, "H", 0))
    np.testing.assert_array_equal(levels(load_image(floats))[..., 0], 255 - expected(RAMP, 0, 1))


def test_opacity_of_16_bits_is_laid_on_white() -> None:
    colours = np.rint(COLOURS * 65535).astype(np.uint16)
    half = np.full((48, 64, 1), 32768, dtype=np.uint16)
    wanted = 255 - (255 - expected(colours, 0, 65535).astype(int)) / 2
    for content in (
        png(np.concatenate([colours, half], -1)),
        tiff(np.concatenate([colours, half], -1)),
        tiff(np.concatenate([colours // 2, half], -1), kind=(338, "H", 1)),
    ):
        assert np.abs(levels(load_image(content)) - wanted).max() <= 1.5
    grey = png(np.concatenate([colours[..., :1], half], -1))
    assert np.abs(levels(load_image(grey))[..., 0] - wanted[..., 0]).max() <= 1.5
    clear = png(colours[..., 0], (b"tRNS", (0).to_bytes(2, "big")))
    assert levels(load_image(clear))[0, 0, 0] == 255
    assert levels(load_image(clear))[-1, 0, 0] == expected(colours[..., 0], 0, 65535)[-1, 0]


def test_a_given_range_holds_for_every_picture_but_those_of_8_bits() -> None:
    values = np.rint(RAMP * 4095).astype(np.uint16)
    given = given_range(1000, 2000)
    loaded = load_image(tiff(values), value_ranges=given)
    np.testing.assert_array_equal(levels(loaded)[..., 0], expected(values, 1000, 2000))
    assert "given" in loaded.values_note
    assert loaded.values_as_json() == {
        "low": 1000.0,
        "high": 2000.0,
        "how": "given",
        "kind": None,
        "outside": int(((values < 1000) | (values > 2000)).sum()),
        "not_finite": 0,
    }
    buffer = io.BytesIO()
    Image.fromarray(np.rint(COLOURS * 255).astype(np.uint8)).save(buffer, "PNG")
    eight = load_image(buffer.getvalue(), value_ranges=given)
    np.testing.assert_array_equal(levels(eight), np.rint(COLOURS * 255).astype(np.uint8))
    assert (eight.value_range, eight.values_note, eight.values_as_json()) == (None, "", None)
    of_floats = (ValueRange(0, 9, "test", "floating-point numbers"),)
    other_kind = load_image(tiff(values), value_ranges=of_floats)
    assert other_kind.value_range is not None
    assert other_kind.value_range.high == 4095


def test_other_pixels_have_another_digest() -> None:
    content = tiff(np.rint(RAMP * 4095).astype(np.uint16))
    ranges = [(), given_range(0, 4095), given_range(0, 2000)]
    own, same, other = (load_image(content, value_ranges=one).digest for one in ranges)
    assert own == same != other


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_ranges_without_extent(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="range of values"):
        given_range(low, high)


def test_signed_bytes() -> None:
    values = np.rint(RAMP * 200 - 100).astype(np.int8)
    loaded = load_image(tiff(values))
    assert loaded.value_range is not None
    assert loaded.value_range.low == -100
    assert np.unique(levels(loaded)).size > 190


def test_colours_of_16_bits_in_planes_are_refused_and_those_of_8_are_not() -> None:
    colours = np.rint(COLOURS * 255).astype(np.uint8)
    np.testing.assert_array_equal(levels(load_image(planes(colours))), colours)
    with pytest.raises(ImageError, match="separate planes; save them interleaved"):
        load_image(planes(colours.astype(np.uint16) * 257))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tiff(RAMP), "a TIFF of a kind"),
        (tiff(COLOURS.astype(np.float32)), "a TIFF of a kind"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "HEIC"),
        (b"\0" * 128 + b"DICM" + bytes(99), "DICOM"),
        (b"%PDF-1.4 ...", "a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
    ],
)
def test_what_cannot_be_read_is_called_by_its_name(content: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        load_image(content, name="file")
