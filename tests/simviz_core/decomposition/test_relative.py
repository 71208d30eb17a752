"""Relative maps and what is lost without a cell, against sums written out cell by cell."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from simviz_core.decomposition import (
    AveragePooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    Pooling,
    apply_tail,
    contrast_map,
    decompose,
    linear_tail,
    lost_map,
    reference_similarity,
    relative_bias,
    relative_map,
    self_reference,
    similarity,
    similarity_lost,
    similarity_map,
    similarity_without,
    unit_norm,
    vector_lost_map,
)

poolings = st.sampled_from([AveragePooling(), MaxPooling(), GeMPooling(3.0)])


def example(seed: int, pooling: Pooling, with_bias: bool, count: int = 3) -> DecomposedImage:
    F = torch.rand((count, 3, 4, 12), generator=torch.Generator().manual_seed(seed)) - 0.2
    images = decompose(F.double(), pooling)
    if with_bias:
        torch.manual_seed(seed)
        images = apply_tail(images, linear_tail(nn.Linear(12, 9).double().requires_grad_(False)))
    return images


@settings(deadline=None)
@given(st.integers(0, 2**16), poolings, st.booleans())
def test_a_relative_map_adds_up_to_the_difference(
    seed: int, pooling: Pooling, with_bias: bool
) -> None:
    i, j, k = (example(seed, pooling, with_bias)[place] for place in range(3))
    r = 0.7 * k.unit_embedding + 0.1
    total = relative_map(i, j.unit_embedding, r).sum() + relative_bias(i, j.unit_embedding, r)
    difference = similarity(i, j) - reference_similarity(i, r)
    assert total.item() == pytest.approx(difference.item(), abs=1e-10)


@settings(deadline=None)
@given(st.integers(0, 2**16), poolings, st.booleans())
def test_relative_to_another_image_is_the_contrast(
    seed: int, pooling: Pooling, with_bias: bool
) -> None:
    i, j, k = (example(seed, pooling, with_bias)[place] for place in range(3))
    relative = relative_map(i, j.unit_embedding, k.unit_embedding)
    torch.testing.assert_close(relative, contrast_map(i, j, k))


@settings(deadline=None)
@given(st.integers(0, 2**16), poolings, st.booleans())
def test_relative_to_itself_adds_up_to_nothing(
    seed: int, pooling: Pooling, with_bias: bool
) -> None:
    images = example(seed, pooling, with_bias)
    i, j = images[0], images[1:]
    r = self_reference(i, j.unit_embedding)
    expected = similarity_map(i, j) - similarity(i, j)[:, None, None] * similarity_map(i, i)
    torch.testing.assert_close(relative_map(i, j.unit_embedding, r), expected)
    totals = relative_map(i, j.unit_embedding, r).sum((-2, -1)) + relative_bias(
        i, j.unit_embedding, r
    )
    assert totals.abs().max() < 1e-10


@settings(deadline=None)
@given(st.integers(0, 2**16))
def test_grad_cam_of_the_cosine_is_the_positive_part_of_it(seed: int) -> None:
    F = torch.rand((2, 3, 4, 12), generator=torch.Generator().manual_seed(seed)).double()
    F_i = F[0].clone().requires_grad_()
    target = unit_norm(F[1].mean((0, 1)))
    (unit_norm(F_i.mean((0, 1))) * target).sum().backward()
    weights = F_i.grad.mean((0, 1))
    grad_cam = (F[0] * weights).sum(-1).clamp_min(0)
    images = decompose(F, AveragePooling())
    vector = images[1].unit_embedding
    relative = relative_map(images[0], vector, self_reference(images[0], vector))
    torch.testing.assert_close(grad_cam, relative.clamp_min(0))


@settings(deadline=None)
@given(st.integers(0, 2**16), poolings, st.booleans())
def test_without_cells_is_the_cosine_of_the_rest(
    seed: int, pooling: Pooling, with_bias: bool
) -> None:
    images = example(seed, pooling, with_bias, count=2)
    i, j = images[0], images[1]
    weights = torch.rand((3, 4), generator=torch.Generator().manual_seed(seed + 1)).double()
    rest = i.embedding.numpy() - (i.contributions.numpy() * weights.numpy()[..., None]).sum((0, 1))
    other = j.embedding.numpy()
    expected = rest @ other / np.linalg.norm(rest) / np.linalg.norm(other)
    assert similarity_without(i, j, weights).item() == pytest.approx(expected, abs=1e-9)
    lost = similarity(i, j).item() - expected
    assert similarity_lost(i, j, weights).item() == pytest.approx(lost, abs=1e-9)


@settings(deadline=None)
@given(st.integers(0, 2**16), poolings, st.booleans())
def test_the_lost_map_has_each_cell_s_loss(seed: int, pooling: Pooling, with_bias: bool) -> None:
    images = example(seed, pooling, with_bias)
    i, j = images[0], images[1:]
    for row, column in np.ndindex(3, 4):
        weights = torch.zeros(3, 4).double()
        weights[row, column] = 1
        expected = similarity_lost(i, j, weights)
        torch.testing.assert_close(lost_map(i, j)[:, row, column], expected)


def test_the_lost_map_of_a_difference_is_the_difference_of_the_lost_maps() -> None:
    i, j, k = (example(5, AveragePooling(), True)[place] for place in range(3))
    lost = vector_lost_map(i, j.unit_embedding - k.unit_embedding)
    torch.testing.assert_close(lost, lost_map(i, j) - lost_map(i, k))


def test_without_all_cells_nothing_is_left() -> None:
    images = decompose(torch.rand(2, 3, 4, 12), AveragePooling())
    assert similarity_without(images[0], images[1], torch.ones(3, 4)).item() == 0


def test_a_contributing_cell_may_hold_the_similarity_down() -> None:
    F = torch.zeros(1, 2, 2)
    F[0, 0] = torch.tensor([1.0, 0.0])
    F[0, 1] = torch.tensor([0.1, 1.0])
    i = decompose(F, AveragePooling())
    j = decompose(torch.tensor([[[1.0, 0.0]]]), AveragePooling())
    assert similarity_map(i, j)[0, 1] > 0
    assert lost_map(i, j)[0, 1] < 0
