import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simviz_core.decomposition.regions import Rectangle
from simviz_core.errors import SettingsError
from simviz_core.images import WHOLE, LoadedImage
from simviz_core.retrieval import Region, crop_to, weights_on

sides = st.integers(1, 3000)
shares = st.floats(0, 1)


def loaded(width: int, height: int, reduced_by: int = 1) -> LoadedImage:
    """An image whose red tells the column and whose green tells the row of its pixels."""
    y, x = np.mgrid[0 : height // reduced_by, 0 : width // reduced_by]
    pixels = np.stack([x % 256, y % 256, 0 * x], -1).astype(np.uint8)
    return LoadedImage(Image.fromarray(pixels), width, height, "room.jpg", "")


def corner_pixels(image: Image.Image) -> tuple[int, int, int, int]:
    """The columns and rows that a crop begins and ends with, in the image it was cut from."""
    first, last = image.getpixel((0, 0)), image.getpixel((image.width - 1, image.height - 1))
    return first[0], first[1], last[0], last[1]


def test_nothing_drawn_is_the_whole_image() -> None:
    assert not Region().is_drawn
    assert Region(((0, 0, 1, 1),)).is_drawn
    assert Region(exclude=((0, 0, 1, 1),)).is_drawn
    image = loaded(30, 20)
    assert torch.all(weights_on(Region(), image, (2, 3), WHOLE) == 1)
    assert crop_to(Region(), image) is image.pixels


@settings(deadline=None, max_examples=100)
@given(
    size=st.tuples(sides, sides),
    grid=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    corners=st.tuples(shares, shares, shares, shares),
)
def test_cells_count_by_the_share_that_is_covered(
    size: tuple[int, int], grid: tuple[int, int], corners: Rectangle
) -> None:
    (width, height), (rows, columns) = size, grid
    x0, y0, x1, y1 = corners
    image = LoadedImage(Image.new("RGB", (1, 1)), width, height, "room.jpg", "")
    region = Region(((x0 * width, y0 * height, x1 * width, y1 * height),))
    in_cells = (
        min(x0, x1) * columns,
        min(y0, y1) * rows,
        max(x0, x1) * columns,
        max(y0, y1) * rows,
    )
    expected = np.array(
        [[reference.covered_share(in_cells, y, x) for x in range(columns)] for y in range(rows)]
    )
    if expected.max() > 1e-9:
        found = weights_on(region, image, grid, WHOLE)
        np.testing.assert_allclose(found, expected, atol=1e-9)
        turned = Region(((x1 * width, y0 * height, x0 * width, y1 * height),))
        torch.testing.assert_close(weights_on(turned, image, grid, WHOLE), found)


def test_what_lies_outside_is_cut_off() -> None:
    image = loaded(70, 70)
    inside = weights_on(Region(((0, 20, 35, 70),)), image, (7, 7), WHOLE)
    beyond = weights_on(Region(((-50, 20, 35, 1e9),)), image, (7, 7), WHOLE)
    torch.testing.assert_close(beyond, inside)
    assert inside.sum() == pytest.approx(5 * 3.5)


def test_exclusion_wins_over_inclusion() -> None:
    image = loaded(70, 70)
    region = Region(((0, 0, 40, 40), (30, 30, 70, 70)), exclude=((30, 30, 40, 40),))
    assert weights_on(region, image, (7, 7), WHOLE).sum() == pytest.approx(16 + 16 - 2)
    only_excluded = Region(exclude=((0, 0, 70, 10),))
    assert weights_on(only_excluded, image, (7, 7), WHOLE).sum() == pytest.approx(42)


@pytest.mark.parametrize(
    "region",
    [
        Region(((10, 10, 10, 10),)),
        Region(((10, 10, 10, 60),)),
        Region(((10, 10, 60, 10), (5, 5, 5, 5))),
        Region(((64, 0, 80, 48),)),
        Region(((-20, -20, 0, 0), (10, 48, 20, 90))),
        Region(((10, 10, 20, 20),), exclude=((0, 0, 64, 48),)),
        Region(exclude=((-1, -1, 65, 49),)),
    ],
)
def test_a_region_that_covers_nothing_says_so(region: Region) -> None:
    with pytest.raises(SettingsError, match=r"nothing of room\.jpg \(64 × 48 pixels\)"):
        weights_on(region, loaded(64, 48), (7, 7), WHOLE)


@pytest.mark.parametrize("corner", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", range(4))
def test_corners_must_be_numbers(corner: float, place: int) -> None:
    corners = [0.0, 0.0, 10.0, 10.0]
    corners[place] = corner
    drawn = (1, 1, 2, 2), tuple(corners)
    with pytest.raises(SettingsError, match="finite"):
        weights_on(Region(drawn), loaded(64, 48), (7, 7), WHOLE)
    with pytest.raises(SettingsError, match="finite"):
        crop_to(Region(drawn), loaded(64, 48))


@pytest.mark.parametrize(
    ("rectangles", "expected"),
    [
        ([(10, 5, 20, 15)], (10, 5, 19, 14)),
        ([(20, 15, 10, 5)], (10, 5, 19, 14)),
        ([(10.4, 5.9, 19.6, 14.6)], (10, 5, 19, 14)),
        ([(10, 5, 20, 15), (40, 1, 50, 3)], (10, 1, 49, 14)),
        ([(-9, -9, 5, 5)], (0, 0, 4, 4)),
        ([(60, 40, 90, 90)], (60, 40, 63, 47)),
        ([(-1, -1, 99, 99)], (0, 0, 63, 47)),
        ([(63.9, 47.9, 64, 48)], (63, 47, 63, 47)),
        ([(63, 0, 64, 48)], (63, 0, 63, 47)),
        ([(0, 0, 0.01, 0.01)], (0, 0, 0, 0)),
        ([(30.2, 20.2, 30.3, 20.3)], (30, 20, 30, 20)),
        ([(10, 5, 20, 15), (70, 5, 80, 15)], (10, 5, 19, 14)),
        ([(10, 5, 20, 15), (0, 0, 0, 0), (5, 40, 60, 40)], (10, 5, 19, 14)),
    ],
)
def test_the_crop_is_what_the_rectangles_span(
    rectangles: list[Rectangle], expected: tuple[int, int, int, int]
) -> None:
    """Columns and rows that it begins and ends with; what covers nothing spans nothing."""
    region = Region(tuple(rectangles), exclude=((0, 0, 30, 30),))
    assert corner_pixels(crop_to(region, loaded(64, 48))) == expected


def test_the_crop_of_an_image_that_was_reduced_while_loading() -> None:
    image = loaded(640, 480, reduced_by=4)
    cropped = crop_to(Region(((100, 40, 300, 240),)), image)
    assert cropped.size == (50, 50)
    assert corner_pixels(cropped) == (25, 10, 74, 59)
    assert crop_to(Region(((639.5, 479.5, 640, 480),)), image).size == (1, 1)


@settings(deadline=None, max_examples=200)
@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    reduced_by=st.integers(1, 5),
    corners=st.tuples(*[st.floats(-0.5, 1.5)] * 4),
)
def test_a_crop_is_never_empty_and_never_beyond_the_image(
    size: tuple[int, int], reduced_by: int, corners: Rectangle
) -> None:
    width, height = (side * reduced_by for side in size)
    image = loaded(width, height, reduced_by)
    x0, y0, x1, y1 = corners
    region = Region(((x0 * width, y0 * height, x1 * width, y1 * height),))
    try:
        weights_on(region, image, (7, 7), WHOLE)
    except SettingsError:
        return
    cropped = crop_to(region, image)
    assert 1 <= cropped.width <= image.pixels.width
    assert 1 <= cropped.height <= image.pixels.height
    left, top, right, bottom = corner_pixels(cropped)
    assert right < image.pixels.width
    assert bottom < image.pixels.height
    assert (left, top) <= (right, bottom)


@pytest.mark.parametrize(
    "rectangle", [(64, 0, 80, 48), (-9, 0, 0, 48), (0, 48, 64, 90), (9, 9, 9, 20), (9, 9, 20, 9)]
)
def test_a_crop_of_nothing_says_so(rectangle: Rectangle) -> None:
    with pytest.raises(SettingsError, match=r"covers nothing of room\.jpg"):
        crop_to(Region((rectangle,)), loaded(64, 48))
