import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simviz_core.decomposition import region_weights
from simviz_core.decomposition.regions import Rectangle

coordinates = st.floats(-0.5, 1.5, allow_nan=False)
rectangles = st.tuples(coordinates, coordinates, coordinates, coordinates)
grids = st.tuples(st.integers(1, 9), st.integers(1, 9))


@settings(deadline=None, max_examples=200)
@given(rectangle=rectangles, grid=grids, extent=st.tuples(st.floats(1, 5000), st.floats(1, 5000)))
def test_one_rectangle_covers_what_geometry_says(
    rectangle: Rectangle, grid: tuple[int, int], extent: tuple[float, float]
) -> None:
    width, height = extent
    x0, y0, x1, y1 = rectangle
    drawn = (x0 * width, y0 * height, x1 * width, y1 * height)
    weights = region_weights([drawn], grid, extent)
    rows, columns = grid
    in_cells = (
        min(x0, x1) * columns,
        min(y0, y1) * rows,
        max(x0, x1) * columns,
        max(y0, y1) * rows,
    )
    expected = [
        [reference.covered_share(in_cells, y, x) for x in range(columns)] for y in range(rows)
    ]
    np.testing.assert_allclose(weights, expected, atol=1e-9)


@settings(deadline=None, max_examples=200)
@given(
    include=st.lists(st.tuples(*[st.integers(-2, 26)] * 4), max_size=4),
    exclude=st.lists(st.tuples(*[st.integers(-2, 26)] * 4), max_size=3),
)
def test_unions_and_exclusions_count_pixels(
    include: list[Rectangle], exclude: list[Rectangle]
) -> None:
    """Rectangles on whole pixels of a 24 × 24 image, counted pixel by pixel."""

    def paint(drawn: list[Rectangle]) -> np.ndarray:
        pixels = np.zeros((24, 24), dtype=bool)
        for x0, y0, x1, y1 in drawn:
            (left, right), (top, bottom) = sorted((x0, x1)), sorted((y0, y1))
            pixels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
        return pixels

    covered = (paint(include) if include else np.ones((24, 24), dtype=bool)) & ~paint(exclude)
    expected = covered.reshape(4, 6, 3, 8).mean((1, 3))
    found = region_weights(include, (4, 3), (24, 24), exclude)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_whole_image_covers_every_cell_exactly() -> None:
    for grid in ((7, 7), (10, 14), (3, 1)):
        for extent in ((640, 480), (0.1, 0.3), (1 / 3, 7.7)):
            weights = region_weights([(0, 0, *extent)], grid, extent)
            assert weights.shape == grid
            torch.testing.assert_close(weights, torch.ones(grid, dtype=torch.float64))


def test_nothing_drawn_is_the_whole_image() -> None:
    assert torch.all(region_weights([], (2, 3), (30, 20)) == 1)


def test_a_rectangle_without_area_covers_nothing() -> None:
    assert torch.all(region_weights([(5, 5, 5, 9)], (2, 3), (30, 20)) == 0)


@pytest.mark.parametrize("corner", [float("nan"), float("inf")])
def test_corners_must_be_numbers(corner: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        region_weights([(0, 0, corner, 1)], (2, 2), (1, 1))


@pytest.mark.parametrize("extent", [(0, 1), (1, -1), (float("nan"), 1)])
def test_the_extent_must_be_positive(extent: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        region_weights([], (2, 2), extent)
