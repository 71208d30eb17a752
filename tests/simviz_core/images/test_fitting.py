"""Where a network's input lies in a picture: properties, for pictures and inputs of any size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simviz_core.decomposition.regions import Rectangle, region_weights
from simviz_core.gallery.masks import mask_weights
from simviz_core.images import CROP, FITS, PAD, STRETCH, WHOLE, CentreCrop, Fit, Frame
from simviz_core.images.fitting import LONGEST_SHOWN, frame_of, resize_for_network

GREY = (120, 130, 140)
sides = st.integers(1, 300)
sizes = st.tuples(sides, sides)
inputs = st.tuples(st.integers(32, 96), st.integers(32, 96))
grids = st.tuples(st.integers(1, 9), st.integers(1, 9))
crops = st.builds(CentreCrop, st.floats(0.3, 1), st.booleans())
corner = st.floats(-20, 320)
rectangles = st.lists(st.tuples(corner, corner, corner, corner), max_size=2)


def picture_of(size: tuple[int, int]) -> Image.Image:
    """A picture whose red tells the column, and whose green tells the row, of its pixels."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    return Image.fromarray(np.stack([x % 251, y % 251, 0 * x + 9], -1).astype(np.uint8))


@settings(deadline=None, max_examples=60)
@given(size=sizes, target=inputs, crop=crops)
def test_a_crop_is_the_middle_of_the_picture(
    size: tuple[int, int], target: tuple[int, int], crop: CentreCrop
) -> None:
    frame, picture = frame_of(CROP, size, target, crop, GREY), picture_of(size)
    left, top, right, bottom = frame.corners(*size)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    assert abs(left - (size[0] - right)) <= 1
    assert abs(top - (size[1] - bottom)) <= 1
    cut = picture.crop((int(left), int(top), int(right), int(bottom)))
    assert np.array_equal(np.asarray(frame.seen(picture)), np.asarray(cut))
    resized = np.asarray(frame.resized(picture, target))
    assert np.array_equal(resized, np.asarray(resize_for_network(cut, target)))
    assert not frame.is_padded


@settings(deadline=None, max_examples=60)
@given(size=sizes, target=inputs)
def test_a_padded_picture_keeps_its_proportions(
    size: tuple[int, int], target: tuple[int, int]
) -> None:
    frame, picture = frame_of(PAD, size, target, CentreCrop(), GREY), picture_of(size)
    resized = np.asarray(frame.resized(picture, target))
    assert resized.shape[:2] == target[::-1]
    is_fill = (resized == GREY).all(-1)
    across, down = (~is_fill).any(0).sum(), (~is_fill).any(1).sum()
    scale = min(target[0] / size[0], target[1] / size[1])
    assert across == pytest.approx(max(1, size[0] * scale), abs=0.51)
    assert down == pytest.approx(max(1, size[1] * scale), abs=0.51)
    # The frame says the same: so much of the input is no picture.
    weights = frame.picture_weights((1, 1)).item()
    assert weights == pytest.approx(across * down / (target[0] * target[1]))
    assert frame.is_padded == bool(is_fill.any())
    assert not frame.is_cropped


@settings(deadline=None, max_examples=80)
@given(size=sizes, target=inputs, crop=crops, grid=grids, drawn=rectangles, cut=rectangles)
def test_a_region_of_a_crop_is_that_of_the_cropped_picture(
    size: tuple[int, int],
    target: tuple[int, int],
    crop: CentreCrop,
    grid: tuple[int, int],
    drawn: list[Rectangle],
    cut: list[Rectangle],
) -> None:
    frame = frame_of(CROP, size, target, crop, GREY)
    left, top, right, bottom = frame.corners(*size)

    def moved(each: Rectangle) -> Rectangle:
        return each[0] - left, each[1] - top, each[2] - left, each[3] - top

    found = frame.region_weights(drawn, grid, size, cut)
    inside = [moved(each) for each in drawn], [moved(each) for each in cut]
    expected = region_weights(inside[0], grid, (right - left, bottom - top), inside[1])
    torch.testing.assert_close(found, expected)


@settings(deadline=None, max_examples=60)
@given(size=sizes, target=inputs, crop=crops, grid=grids)
def test_nothing_outside_a_crop_has_any_weight(
    size: tuple[int, int], target: tuple[int, int], crop: CentreCrop, grid: tuple[int, int]
) -> None:
    frame = frame_of(CROP, size, target, crop, GREY)
    left, top, right, bottom = frame.corners(*size)
    around = [
        (-9.0, -9.0, left, 999.0),
        (right, -9.0, 999.0, 999.0),
        (-9.0, -9.0, 999.0, top),
        (-9.0, bottom, 999.0, 999.0),
    ]
    assert torch.all(frame.region_weights(around, grid, size) == 0)
    mask = np.ones(size[::-1], bool)
    mask[int(top) : int(bottom), int(left) : int(right)] = False
    assert mask_weights(mask, grid, frame).max() < 1e-9
    torch.testing.assert_close(
        mask_weights(~mask, grid, frame), torch.ones(grid, dtype=torch.float64)
    )


@settings(deadline=None, max_examples=60)
@given(size=sizes, target=inputs, crop=crops, fit=st.sampled_from(FITS), grid=grids)
def test_regions_and_masks_of_the_same_pixels_weigh_the_same(
    size: tuple[int, int],
    target: tuple[int, int],
    crop: CentreCrop,
    fit: Fit,
    grid: tuple[int, int],
) -> None:
    frame = frame_of(fit, size, target, crop, GREY)
    mask = np.zeros(size[::-1], bool)
    x, y = size[0] // 2 + 1, size[1] // 3 + 1
    mask[:y, :x] = True
    drawn = frame.region_weights([(0, 0, x, y)], grid, size)
    torch.testing.assert_close(mask_weights(mask, grid, frame), drawn)


@settings(deadline=None, max_examples=40)
@given(size=sizes, target=inputs, grid=grids)
def test_a_padded_map_lies_on_the_picture_and_in_the_padding(
    size: tuple[int, int], target: tuple[int, int], grid: tuple[int, int]
) -> None:
    frame = frame_of(PAD, size, target, CentreCrop(), GREY)
    values = np.random.default_rng(0).normal(size=grid).astype(np.float32)
    on_picture = (frame.region_weights([(0, 0, *size)], grid, size).numpy() * values).sum()
    assert on_picture + frame.in_padding(values) == pytest.approx(values.sum(), abs=1e-4)
    # Nothing drawn is all of the input.
    whole = torch.ones(grid, dtype=torch.float64)
    torch.testing.assert_close(frame.region_weights([], grid, size), whole)


@given(size=sizes, target=inputs)
def test_a_stretched_picture_is_seen_whole(size: tuple[int, int], target: tuple[int, int]) -> None:
    picture = picture_of(size)
    frame = frame_of(STRETCH, size, target, CentreCrop(0.5), GREY)
    assert frame == WHOLE
    assert frame.seen(picture) is picture
    assert frame.dimmed(picture) is picture
    assert frame.in_padding(np.ones((3, 3), np.float32)) == 0


def test_what_lies_outside_a_crop_is_dark() -> None:
    picture = Image.new("RGB", (60, 30), "white")
    frame = frame_of(CROP, picture.size, (32, 32), CentreCrop(), GREY)
    shown = np.asarray(frame.dimmed(picture))
    assert shown.shape == (30, 60, 3)
    assert (shown[:, 15:45] == 255).all()
    assert (shown[:, :15] < 120).all()
    assert (shown[:, 45:] < 120).all()


def test_a_frame_is_the_same_for_a_reduced_picture() -> None:
    frame = frame_of(CROP, (600, 300), (32, 32), CentreCrop(), GREY)
    assert frame.corners(200, 100) == (50, 0, 150, 100)
    assert frame.seen(Image.new("RGB", (200, 100))).size == (100, 100)
    assert frame.seen(Image.new("RGB", (1, 1))).size == (1, 1)


@pytest.mark.parametrize("size", [(8192, 1), (1, 8192), (5000, 3)])
def test_a_strip_with_its_padding_takes_little_memory(size: tuple[int, int]) -> None:
    frame = frame_of(PAD, size, (224, 224), CentreCrop(), GREY)
    shown = np.asarray(frame.seen(Image.new("RGB", size, "red")))
    assert shown.shape[0] == shown.shape[1] <= LONGEST_SHOWN
    # As thick as the network sees it: at least a pixel of its input.
    share = (shown == (255, 0, 0)).all(-1).mean()
    assert share == pytest.approx(frame.picture_weights((1, 1)).item(), rel=0.1)


@given(fit=st.sampled_from(FITS), end=st.sampled_from([float("nan"), float("inf")]))
def test_corners_are_numbers(fit: Fit, end: float) -> None:
    frame = frame_of(fit, (60, 30), (32, 32), CentreCrop(), GREY)
    with pytest.raises(ValueError, match="finite"):
        frame.region_weights([(0, 0, end, 4)], (3, 3), (60, 30))


def test_a_crop_of_its_own_proportions_is_stretched() -> None:
    frame = frame_of(CROP, (200, 100), (32, 32), CentreCrop(0.5, keeps_proportions=False), GREY)
    assert frame == Frame(50, 25, 150, 75, 200, 100, GREY)
