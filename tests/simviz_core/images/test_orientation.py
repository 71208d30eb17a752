"""Every orientation in every format that carries one, against the definition of the tag."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from simviz_core.images import WHOLE, WORKING_SIDE, load_image
from simviz_core.retrieval import Region, weights_on

ROWS, COLUMNS = 24, 40
UPRIGHT = np.random.default_rng(0).integers(0, 256, (ROWS // 8, COLUMNS // 8, 3), dtype=np.uint8)
UPRIGHT = UPRIGHT.repeat(8, 0).repeat(8, 1)
"""Blocks of 8 × 8, so that lossy formats keep them apart."""
EDGES = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "lt", 6: "rt", 7: "rb", 8: "lb"}
"""Where the stored 0th row and 0th column are in the picture as seen; TIFF 6.0, tag Orientation."""


def stored_as(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """What a file of this orientation holds of a picture, pixel by pixel."""
    first, second = EDGES[orientation]
    rows, columns = upright.shape[:2]
    is_turned = first in "lr"
    shape = (columns, rows) if is_turned else (rows, columns)
    stored = np.zeros((*shape, *upright.shape[2:]), dtype=upright.dtype)
    for row in range(shape[0]):
        for column in range(shape[1]):
            # The stored rows run away from the edge `first`, the stored columns from `second`.
            along = {first: row, second: column}
            y = along["t"] if "t" in along else rows - 1 - along["b"]
            x = along["l"] if "l" in along else columns - 1 - along["r"]
            stored[row, column] = upright[y, x]
    return stored


def file_of(pixels: NDArray[np.uint8], format: str, orientation: object) -> bytes:
    image = Image.fromarray(pixels)
    options: dict[str, object] = {}
    if format.startswith("TIFF"):
        options["tiffinfo"] = {274: orientation}
        if format != "TIFF":
            options["compression"] = format.split()[1]
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    name = format.split()[0]
    if name == "WEBP":
        options["lossless"] = True
    if name in ("JPEG", "MPO"):
        options |= {"quality": 100, "subsampling": 0}
    if name == "AVIF":
        options |= {"quality": 100, "subsampling": "4:4:4"}
    if name == "MPO":
        options |= {"save_all": True, "append_images": [image.rotate(90)]}
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


FORMATS = ["JPEG", "MPO", "PNG", "WEBP", "AVIF", "TIFF", "TIFF tiff_lzw", "TIFF jpeg"]


@pytest.mark.parametrize("orientation", EDGES)
@pytest.mark.parametrize("format", FORMATS)
def test_every_orientation_in_every_format(format: str, orientation: int) -> None:
    loaded = load_image(file_of(stored_as(UPRIGHT, orientation), format, orientation))
    assert (loaded.width, loaded.height) == (COLUMNS, ROWS)
    assert loaded.pixels.size == (COLUMNS, ROWS)
    error = np.abs(np.asarray(loaded.pixels, dtype=int) - UPRIGHT)
    assert np.median(error) <= 8
    assert error.mean() < 16


@pytest.mark.parametrize("orientation", EDGES)
@pytest.mark.parametrize("depth", ["uint16", "float32"])
def test_pictures_of_more_than_8_bits(depth: str, orientation: int) -> None:
    grey = UPRIGHT[..., 0].astype(np.float64) / 255
    values = (grey * 65535).astype(np.uint16) if depth == "uint16" else grey.astype(np.float32)
    buffer = io.BytesIO()
    image = Image.fromarray(stored_as(values, orientation))  # type: ignore[arg-type]
    image.save(buffer, "TIFF", tiffinfo={274: orientation})
    loaded = load_image(buffer.getvalue())
    assert (loaded.width, loaded.height) == (COLUMNS, ROWS)
    np.testing.assert_array_equal(np.asarray(loaded.pixels)[..., 0], UPRIGHT[..., 0])


@pytest.mark.parametrize("orientation", EDGES)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_reduced_pictures(format: str, orientation: int) -> None:
    tall = np.zeros((2 * WORKING_SIDE, 3 * WORKING_SIDE, 3), dtype=np.uint8)
    tall[: WORKING_SIDE // 2, : WORKING_SIDE // 2] = 255
    image = Image.fromarray(tall)
    steps = {1: [], 2: ["x"], 3: ["x", "y"], 4: ["y"], 5: ["t"], 6: ["x", "t"]}
    steps |= {7: ["x", "y", "t"], 8: ["y", "t"]}
    stored = tall
    for step in steps[orientation]:
        stored = {"x": stored[:, ::-1], "y": stored[::-1], "t": stored.transpose(1, 0, 2)}[step]
    small = stored_as(np.asarray(image.reduce(256)), orientation)
    np.testing.assert_array_equal(np.asarray(Image.fromarray(stored.copy()).reduce(256)), small)
    loaded = load_image(file_of(stored.copy(), format, orientation))
    assert (loaded.width, loaded.height) == (3 * WORKING_SIDE, 2 * WORKING_SIDE)
    assert loaded.pixels.size == (3 * WORKING_SIDE // 2, WORKING_SIDE)
    pixels = np.asarray(loaded.pixels)
    assert pixels[10:200, 10:200].min() > 240
    assert pixels[300:, 300:].max() < 15


@pytest.mark.parametrize("orientation", [0, 9, 255])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_an_orientation_that_there_is_not_is_none(format: str, orientation: int) -> None:
    loaded = load_image(file_of(UPRIGHT, format, orientation))
    assert (loaded.width, loaded.height) == (COLUMNS, ROWS)
    assert np.abs(np.asarray(loaded.pixels, dtype=int) - UPRIGHT).mean() < 16


def test_damaged_exif_leaves_the_pixels() -> None:
    buffer = io.BytesIO()
    Image.fromarray(UPRIGHT).save(buffer, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(20))
    assert load_image(buffer.getvalue()).width == COLUMNS


@pytest.mark.parametrize("orientation", [1, 6])
def test_regions_of_a_turned_tiff_are_those_of_the_upright_picture(orientation: int) -> None:
    loaded = load_image(file_of(stored_as(UPRIGHT, orientation), "TIFF", orientation))
    corner = Region(include=((30.0, 0.0, 40.0, 12.0),))  # outside, if width and height were swapped
    weights = weights_on(corner, loaded, (2, 4), WHOLE)
    np.testing.assert_allclose(weights.numpy(), [[0, 0, 0, 1], [0, 0, 0, 0]])
