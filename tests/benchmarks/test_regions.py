"""What counts as drawn, as right and as chance when region search is measured."""

from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from benchmarks.regions import box_of, boxes_of, chance_precision, mask_weights, right_and_wrong
from simviz_core.decomposition.regions import region_weights
from simviz_core.images import WHOLE


def two_lamps() -> np.ndarray:
    """Two rectangles of 4 × 2 and 2 × 3 pixels, and one stray pixel."""
    mask = np.zeros((10, 20), dtype=bool)
    mask[2:4, 1:5] = True
    mask[5:8, 12:14] = True
    mask[9, 19] = True
    return mask


def test_the_box_holds_all_pixels_of_the_mask_wholly() -> None:
    mask = two_lamps()
    mask[9, 19] = False
    assert box_of(mask) == (1, 2, 14, 8)


def test_each_part_has_its_own_box_unless_it_is_a_crumb() -> None:
    mask = two_lamps()
    assert boxes_of(mask) == ((1, 2, 5, 4), (12, 5, 14, 8), (19, 9, 20, 10))
    mask[0:4, 1:5] = True  # 16 pixels: the stray one is now less than a tenth
    assert boxes_of(mask) == ((1, 0, 5, 4), (12, 5, 14, 8))


@pytest.mark.parametrize("grid", [(7, 7), (3, 5), (20, 40)])
def test_a_rectangular_mask_weighs_as_its_rectangle_does(grid: tuple[int, int]) -> None:
    mask = np.zeros((24, 32), dtype=bool)
    mask[5:17, 3:30] = True
    expected = region_weights([box_of(mask)], grid, (32, 24))
    torch.testing.assert_close(mask_weights(mask, grid, WHOLE), expected)


def test_right_are_visible_objects_of_that_design_in_other_hotels() -> None:
    hotels = np.array(["a", "a", "b", "b", "c", "c"])
    designs = np.array(["x", "x", "x", "x", "y", "y"])
    is_visible = np.array([True, True, True, False, True, False])
    right, wrong = right_and_wrong(0, hotels, designs, is_visible)
    assert right.tolist() == [False, False, True, False, False, False]
    # The fourth image is neither; the last one is wrong whether its object is visible or not.
    assert wrong.tolist() == [False, False, False, False, True, True]


@pytest.mark.parametrize(("right", "wrong"), [(1, 5), (2, 4), (3, 1), (4, 4)])
def test_chance_is_the_average_over_all_orders(right: int, wrong: int) -> None:
    count = right + wrong
    precisions = []
    for places in combinations(range(count), right):
        is_right = np.isin(np.arange(count), places)
        precisions.append(average_precision_score(is_right, -np.arange(count)))
    assert chance_precision(right, wrong) == pytest.approx(np.mean(precisions))
