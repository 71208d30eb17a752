import copy
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from simviz_core.decomposition import AveragePooling, GeMPooling, MaxPooling, Pooling, SumPooling
from simviz_core.networks import SimilarityNetwork, load_network
from simviz_core.networks.catalogue import Preprocessing
from simviz_core.networks.fingerprint import settings_digest, weights_digest


@pytest.fixture
def tiny() -> SimilarityNetwork:
    """A network that is quick to hash, with weights, buffers and a number of batches seen."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv2d(3, 1280, 4), nn.BatchNorm2d(1280)).eval()
    return SimilarityNetwork("tiny", trunk, Preprocessing(), AveragePooling(), 224)


def with_pooling(network: SimilarityNetwork, pooling: Pooling) -> str:
    return replace(network, pooling=pooling).fingerprint


def test_it_is_the_same_in_two_loads(network: SimilarityNetwork) -> None:
    assert load_network("efficientnet_lite0").fingerprint == network.fingerprint
    assert set(network.fingerprint) <= set("0123456789abcdef")


def test_every_setting_that_is_on_offer_has_its_own(network: SimilarityNetwork) -> None:
    fingerprints = [network.fingerprint, load_network("efficientnet_lite0", size=320).fingerprint]
    fingerprints += [
        load_network("efficientnet_lite0", rule).fingerprint for rule in ("max", "gem", "sum")
    ]
    assert len(set(fingerprints)) == 5


def test_random_weights_are_not_the_pretrained_ones(network: SimilarityNetwork) -> None:
    torch.manual_seed(0)
    untrained = load_network("efficientnet_lite0", pretrained=False)
    assert untrained.fingerprint != network.fingerprint


@pytest.mark.parametrize("name", ["0.weight", "0.bias", "1.running_mean", "1.running_var"])
def test_the_last_bit_of_one_weight_counts(name: str, tiny: SimilarityNetwork) -> None:
    changed = copy.deepcopy(tiny.trunk)
    assert weights_digest(changed) == weights_digest(tiny.trunk)
    values = changed.state_dict()[name].flatten()
    with torch.no_grad():
        values[7] = float(np.nextafter(np.float32(values[7]), np.float32(9)))
    assert replace(tiny, trunk=changed).fingerprint != tiny.fingerprint


def test_names_types_and_shapes_of_weights_count() -> None:
    values = torch.zeros(4)
    trunks = []
    for name, weight in (
        ("a", values),
        ("b", values),
        ("a", values.reshape(2, 2)),
        ("a", values.half().repeat(2)),
        ("a", values.int()),
        ("a", torch.zeros(())),
        ("a", torch.zeros(0)),
    ):
        trunk = nn.Module()
        trunk.register_buffer(name, weight)
        trunks.append(trunk)
    assert len({weights_digest(trunk) for trunk in trunks}) == len(trunks)


def test_poolings_and_their_numbers_count(tiny: SimilarityNetwork) -> None:
    rules = [
        AveragePooling(),
        MaxPooling(),
        SumPooling(),
        GeMPooling(3.0),
        GeMPooling(3.0000001),
        GeMPooling(3.0, clamp=1e-5),
        GeMPooling(torch.tensor(3.0)),
        GeMPooling(torch.full((1280,), 3.0)),
    ]
    fingerprints = [with_pooling(tiny, rule) for rule in rules]
    for (one, first), (two, second) in combinations(zip(rules, fingerprints, strict=True), 2):
        assert first != second, (one, two)


@pytest.mark.parametrize("channel", [0, 640, 1279])
@pytest.mark.parametrize("change", [1e-6, 1.0])
def test_the_exponent_of_every_channel_counts(
    channel: int, change: float, tiny: SimilarityNetwork
) -> None:
    p = torch.full((1280,), 3.0)
    before = with_pooling(tiny, GeMPooling(p))
    assert with_pooling(tiny, GeMPooling(p.clone())) == before
    p[channel] += change
    assert with_pooling(tiny, GeMPooling(p)) != before


def test_size_preprocessing_and_name_count(tiny: SimilarityNetwork) -> None:
    others = [
        replace(tiny, size=320),
        replace(tiny, preprocessing=Preprocessing((0.5, 0.5, 0.5))),
        replace(tiny, preprocessing=Preprocessing(std=(0.5, 0.5, 0.5))),
        replace(tiny, name="another"),
    ]
    assert len({network.fingerprint for network in (tiny, *others)}) == 5


def test_settings_cannot_be_taken_for_one_another() -> None:
    assert settings_digest("a", "b") != settings_digest("ab")
    assert settings_digest("a", "b") != settings_digest("b", "a")
    assert settings_digest(1) != settings_digest("1")
    assert settings_digest(torch.zeros(2)) != settings_digest(torch.zeros(2, 1))
