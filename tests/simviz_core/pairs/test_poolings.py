import json
import math

import numpy as np
import pytest
import torch

from simviz_core.decomposition import decompose, similarity_map
from simviz_core.map_measures import map_spread, mean_spread
from simviz_core.networks import POOLINGS
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import COMPARED, compare_poolings, explain_pair, poolings_as_json

SETTINGS = NetworkSettings("example", "average", 224)


@pytest.fixture
def features() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.rand(5, 7, 16), torch.rand(4, 4, 16)


def test_each_pooling_is_explained_as_it_is_alone(
    features: tuple[torch.Tensor, torch.Tensor],
) -> None:
    pairs = compare_poolings(*features, SETTINGS)
    assert [pair.settings.pooling for pair in pairs] == list(COMPARED) == ["average", "max", "gem"]
    for pair in pairs:
        alone = explain_pair(
            *(decompose(F, POOLINGS[pair.settings.pooling]) for F in features), pair.settings
        )
        assert pair.similarity == alone.similarity
        np.testing.assert_array_equal(pair.query_map, alone.query_map)
        assert pair.residual < 1e-5


def test_sum_pooling_is_left_out_because_it_is_the_average(
    features: tuple[torch.Tensor, torch.Tensor],
) -> None:
    maps = [
        similarity_map(*(decompose(F, POOLINGS[name]) for F in features))
        for name in ("average", "sum")
    ]
    torch.testing.assert_close(*maps)


def test_max_pooling_concentrates_a_map(features: tuple[torch.Tensor, torch.Tensor]) -> None:
    average, most, gem = (
        map_spread(pair.query_map) for pair in compare_poolings(*features, SETTINGS)
    )
    assert most.entropy < gem.entropy < average.entropy
    assert most.carrying_cells <= gem.carrying_cells <= average.carrying_cells


def test_spread_counts_cells_and_bits() -> None:
    values = np.array([[4, -4], [0, 0]], dtype=np.float32)
    spread = map_spread(values)
    assert (spread.cells, spread.entropy, spread.relative_entropy) == (4, 1, 0.5)
    assert (spread.carrying_cells, spread.carrying_share) == (2, 0.5)
    assert str(spread) == "entropy 1.00 bits, 50% of an even map · 90% in 2 of 4 cells"


def test_a_map_of_zeros_has_no_spread() -> None:
    nothing = map_spread(np.zeros((3, 3), dtype=np.float32))
    assert nothing.entropy is nothing.carrying_cells is None
    assert str(nothing) == mean_spread([nothing]) == "no cell contributes anything"


def test_the_mean_leaves_maps_of_zeros_out() -> None:
    spreads = [
        map_spread(np.array(values, dtype=np.float32))
        for values in ([[1, 1], [1, 1]], [[1, 1], [0, 0]], [[0, 0], [0, 0]])
    ]
    assert mean_spread(spreads) == "entropy 1.50 bits · 90% in 75% of the cells"


def test_json_holds_maps_and_spread(features: tuple[torch.Tensor, torch.Tensor]) -> None:
    pairs = compare_poolings(*features, SETTINGS)
    values = json.loads(json.dumps(poolings_as_json(pairs), allow_nan=False))
    assert [value["pooling"] for value in values] == list(COMPARED)
    for value, pair in zip(values, pairs, strict=True):
        np.testing.assert_array_equal(np.float32(value["query_map"]), pair.query_map)
        assert value["query_spread"]["cells"] == 35
        assert 0 < value["match_spread"]["entropy"] <= math.log2(16)
