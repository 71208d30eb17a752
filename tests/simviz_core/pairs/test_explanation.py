import io
import json

import numpy as np
import pytest
import torch

from simviz_core.decomposition import (
    AveragePooling,
    DecomposedImage,
    MaxPooling,
    apply_tail,
    decompose,
    linear_tail,
    similarity,
)
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import cell_pairs, explain_pair, pair_as_json, save_pair_arrays

SETTINGS = NetworkSettings("example", "average", 224)


def decomposed(pooling: AveragePooling | MaxPooling, with_bias: bool) -> list[DecomposedImage]:
    torch.manual_seed(0)
    images = [decompose(torch.rand(shape), pooling) for shape in ((5, 7, 16), (4, 4, 16))]
    tail = linear_tail(torch.nn.Linear(16, 12))
    return [apply_tail(image, tail) for image in images] if with_bias else images


@pytest.mark.parametrize("pooling", [AveragePooling(), MaxPooling()])
@pytest.mark.parametrize("with_bias", [True, False])
def test_both_maps_and_their_bias_add_up(pooling: AveragePooling, with_bias: bool) -> None:
    query, match = decomposed(pooling, with_bias)
    pair = explain_pair(query, match, SETTINGS)
    assert pair.similarity == pytest.approx(similarity(query, match).item())
    assert pair.query_map.sum() + pair.bias == pytest.approx(pair.similarity, abs=1e-5)
    assert pair.match_map.sum() + pair.match_bias == pytest.approx(pair.similarity, abs=1e-5)
    assert (pair.bias != 0) is with_bias
    assert 0 <= pair.residual < 1e-5
    assert pair.features.sum() == pytest.approx(pair.similarity, abs=1e-5)


def test_residual_tells_when_the_map_does_not_add_up() -> None:
    query, match = decomposed(AveragePooling(), with_bias=False)
    wrong = DecomposedImage(query.contributions * 1.1, query.embedding, query.constant)
    pair = explain_pair(wrong, match, SETTINGS)
    assert pair.residual == pytest.approx(0.1 * pair.similarity, rel=1e-3)
    assert explain_pair(match, wrong, SETTINGS).residual == pytest.approx(pair.residual)


def test_top_features_are_the_largest_in_order() -> None:
    pair = explain_pair(*decomposed(AveragePooling(), with_bias=True), SETTINGS)
    values = [contribution for _, contribution in pair.top_features]
    assert values == sorted(pair.features.tolist(), reverse=True)[:10]
    assert all(pair.features[channel] == value for channel, value in pair.top_features)


def test_json_and_arrays_hold_the_same_numbers() -> None:
    images = decomposed(MaxPooling(), with_bias=True)
    pair, cells = explain_pair(*images, SETTINGS), cell_pairs(*images)
    values = json.loads(json.dumps(pair_as_json(pair, "a.jpg", "b.jpg"), allow_nan=False))
    buffer = io.BytesIO()
    save_pair_arrays(pair, cells, buffer)
    buffer.seek(0)
    arrays = np.load(buffer, allow_pickle=False)
    assert (values["query"], values["match"]) == ("a.jpg", "b.jpg")
    np.testing.assert_array_equal(np.float32(values["query_map"]), arrays["query_map"])
    np.testing.assert_array_equal(np.float32(values["match_map"]), arrays["match_map"])
    np.testing.assert_array_equal(arrays["cell_pairs"], cells.values)
    for name in ("similarity", "bias", "match_bias", "residual", "network", "pooling", "size"):
        assert values[name] == arrays[name]
    assert np.shape(values["query_map"]) == (5, 7)
