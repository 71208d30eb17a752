"""One match of a query against another: the contrast is the difference, for every pooling."""

import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from simviz_core.decomposition import (
    AttentionPooling,
    AveragePooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    PerCellLinear,
    Pooling,
    SumPooling,
    apply_tail,
    decompose,
    linear_tail,
    similarity,
    similarity_map,
)
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import (
    against_arrays,
    against_as_json,
    cell_pairs,
    explain_against,
    explain_pair,
    save_pair_arrays,
    verdict,
)

SETTINGS = NetworkSettings("example", "average", 224)
poolings = st.sampled_from([AveragePooling(), MaxPooling(), GeMPooling(3.0), SumPooling()])


def three(seed: int, pooling: Pooling, with_bias: bool) -> list[DecomposedImage]:
    """A query and two matches, of different grids."""
    generator = torch.Generator().manual_seed(seed)
    grids = ((3, 4), (5, 2), (4, 4))
    images = [decompose(torch.rand((*g, 12), generator=generator) - 0.2, pooling) for g in grids]
    if not with_bias:
        return images
    torch.manual_seed(seed)
    tail = linear_tail(nn.Linear(12, 9).requires_grad_(False))
    return [apply_tail(image, tail) for image in images]


@settings(deadline=None)
@given(st.integers(0, 2**16), poolings, st.booleans())
def test_the_contrast_is_the_difference_of_the_scores_and_of_the_maps(
    seed: int, pooling: Pooling, with_bias: bool
) -> None:
    i, j, k = three(seed, pooling, with_bias)
    found = explain_against(i, j, k, SETTINGS)
    expected = (similarity(i, j) - similarity(i, k)).item()
    assert found.difference == pytest.approx(expected, abs=1e-6)
    total = found.contrast.values.sum(dtype=np.float64) + found.contrast.bias
    assert total == pytest.approx(expected, abs=1e-5)
    assert found.residual < 1e-5
    assert (found.contrast.bias != 0) is with_bias
    maps = (similarity_map(i, j) - similarity_map(i, k)).numpy()
    np.testing.assert_allclose(found.contrast.values, maps, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_learnt_poolings_add_up_too(seed: int) -> None:
    torch.manual_seed(seed)
    flatten = PerCellLinear(torch.randn(9, 12, 3, 4))
    key, value = ((torch.randn(12, 12), torch.randn(12)) for _ in range(2))
    attention = AttentionPooling(3, key, value, torch.randn(12))
    for pooling in (flatten, attention):
        i, j, k = (decompose(torch.rand(3, 4, 12), pooling) for _ in range(3))
        found = explain_against(i, j, k, SETTINGS)
        expected = (similarity(i, j) - similarity(i, k)).item()
        assert found.difference == pytest.approx(expected, abs=1e-6)
        assert found.residual < 1e-5


@settings(deadline=None)
@given(st.integers(0, 2**16), poolings)
def test_the_other_way_round_it_is_the_opposite(seed: int, pooling: Pooling) -> None:
    i, j, k = three(seed, pooling, True)
    found, turned = explain_against(i, j, k, SETTINGS), explain_against(i, k, j, SETTINGS)
    np.testing.assert_allclose(found.contrast.values, -turned.contrast.values, atol=1e-7)
    assert found.difference == -turned.difference
    alike = explain_against(i, j, j, SETTINGS)
    assert not alike.contrast.values.any()
    assert verdict(alike, "j", "k") == "j and k are equally similar."
    nearer = "j" if found.difference > 0 else "k"
    assert verdict(found, "j", "k").startswith(f"{nearer} is more similar")


def test_json_and_arrays_hold_what_was_found() -> None:
    i, j, k = three(1, AveragePooling(), True)
    found = explain_against(i, j, k, SETTINGS)
    values = json.loads(json.dumps(against_as_json(found, "j.png", "k.png")))
    assert np.sum(values["contrast_map"]) + values["constant"] == pytest.approx(
        values["match_similarity"] - values["against_similarity"], abs=1e-5
    )
    np.testing.assert_allclose(values["against_map"], found.against.match_map)
    file = io.BytesIO()
    pair = explain_pair(i, j, SETTINGS)
    save_pair_arrays(pair, cell_pairs(i, j), file, against_arrays(found))
    file.seek(0)
    arrays = np.load(file)
    np.testing.assert_array_equal(arrays["contrast_map"], found.contrast.values)
    assert arrays["difference"] == pytest.approx(
        arrays["similarity"] - arrays["against_similarity"]
    )
