"""The spread of a map: bounds, invariances, and a slow count of the cells."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from simviz_core.decomposition import cells_carrying, map_entropy

VALUES = st.floats(-8, 8, width=32)


def signed_maps(values: st.SearchStrategy[float] = VALUES) -> st.SearchStrategy[np.ndarray]:
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
    return arrays.arrays(np.float32, shapes, elements=values)


def slow_entropy(values: np.ndarray) -> float:
    total = math.fsum(abs(float(value)) for value in values.flat)
    shares = (abs(float(value)) / total for value in values.flat)
    return -math.fsum(p * math.log2(p) for p in shares if p > 0)


@given(signed_maps())
def test_entropy_is_that_of_the_definition(values: np.ndarray) -> None:
    assume(np.any(values))
    entropy = map_entropy(torch.from_numpy(values)).item()
    assert entropy == pytest.approx(slow_entropy(values), abs=1e-9)
    assert -1e-12 <= entropy <= math.log2(values.size) + 1e-9
    relative = map_entropy(torch.from_numpy(values), relative=True).item()
    assert relative * math.log2(values.size) == pytest.approx(entropy, abs=1e-9)


@given(signed_maps(), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_the_cells_carry_the_share_and_one_fewer_does_not(values: np.ndarray, share: float) -> None:
    assume(np.any(values))
    needed = cells_carrying(torch.from_numpy(values), share).item() * values.size
    assert needed == pytest.approx(round(needed))
    magnitudes = np.sort(np.abs(values.astype(float)).ravel())[::-1]
    carried = np.cumsum(magnitudes / magnitudes.sum())
    assert carried[round(needed) - 1] >= share - 1e-8
    assert needed == 1 or carried[round(needed) - 2] < share


@given(signed_maps(), st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_neither_scale_nor_sign_nor_place_matters(
    values: np.ndarray, factor: float, chance: object
) -> None:
    assume(np.abs(values).max() > 1e-3)
    flat = list(values.ravel().astype(float))
    chance.shuffle(flat)  # type: ignore[attr-defined]
    other = -factor * np.array(flat).reshape(values.shape)
    maps = torch.from_numpy(values), torch.from_numpy(other)
    assert map_entropy(maps[0]).item() == pytest.approx(map_entropy(maps[1]).item(), abs=1e-6)
    # Ties at the very edge of the share are decided by rounding; by at most one cell.
    counts = [cells_carrying(values).item() * values.numel() for values in maps]
    assert abs(counts[0] - counts[1]) < 1 + 1e-9


@pytest.mark.parametrize("cells", [2, 7, 10, 14, 20])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_an_even_map_is_spread_as_widely_as_can_be(cells: int, dtype: torch.dtype) -> None:
    even = torch.full((cells, cells), -0.37, dtype=dtype)
    assert map_entropy(even).item() == pytest.approx(2 * math.log2(cells))
    assert map_entropy(even, relative=True).item() == pytest.approx(1)
    assert cells_carrying(even).item() == math.ceil(round(0.9 * cells**2, 6)) / cells**2


def test_one_cell_carries_a_map_that_is_zero_elsewhere() -> None:
    single = torch.zeros(7, 7)
    single[3, 4] = -2.0
    assert map_entropy(single).item() == map_entropy(single, relative=True).item() == 0
    assert cells_carrying(single).item() == 1 / 49
    assert map_entropy(torch.ones(1, 1), relative=True).item() == 0


def test_a_batch_is_measured_map_by_map() -> None:
    maps = torch.rand(2, 3, 4, 5) - 0.3

    def each(figure: Tensor) -> list[float]:
        return figure.flatten().tolist()

    singles = maps.flatten(0, 1)
    assert map_entropy(maps).shape == cells_carrying(maps).shape == (2, 3)
    assert each(map_entropy(maps)) == [map_entropy(one).item() for one in singles]
    assert each(cells_carrying(maps)) == [cells_carrying(one).item() for one in singles]


def test_a_map_of_zeros_has_no_spread() -> None:
    maps = torch.stack([torch.zeros(3, 3), torch.ones(3, 3)])
    for figure in (map_entropy(maps), map_entropy(maps, relative=True), cells_carrying(maps)):
        assert figure.isnan().tolist() == [True, False]


@pytest.mark.parametrize("share", [0, -0.1, 1.01, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        cells_carrying(torch.ones(2, 2), share)
