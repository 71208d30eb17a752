"""A network with a pooling of its own, used as any other."""

import numpy as np
import pytest
import torch
from networks_testing import Network
from PIL import Image
from torch import Tensor, nn

from simviz_core.decomposition import similarity, similarity_map
from simviz_core.networks import SimilarityNetwork, adapt_network
from simviz_core.networks.loading import NetworkFacts
from simviz_core.networks.preprocessing import Preprocessing

FACTS = NetworkFacts("mine", Preprocessing(), (96, 64))


class Layered(Network):
    """Two layers, one pooled by average, the other by maximum, together of unit length."""

    def forward(self, pixels: Tensor) -> Tensor:
        fine = self.body[:3](pixels)
        coarse = self.body[3:](fine)
        return nn.functional.normalize(torch.cat([fine.mean((2, 3)), coarse.amax((2, 3))], 1))


@pytest.fixture(scope="module")
def network() -> SimilarityNetwork:
    torch.manual_seed(0)
    module = Layered(lambda F: F).eval().requires_grad_(False)
    return adapt_network("mine", module, facts=FACTS)


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    chance = np.random.default_rng(0)
    small = chance.integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    return [Image.fromarray(values).resize((120, 80)) for values in small]


def test_embedding_alone_is_that_of_the_decomposition(
    network: SimilarityNetwork, images: list[Image.Image]
) -> None:
    found = network.decompose(images)
    torch.testing.assert_close(
        network.unit_embeddings(network.pixels(images)), found.unit_embedding
    )
    own = network.trunk.get_submodule("network")(network.pixels(images))
    torch.testing.assert_close(found.unit_embedding, own)
    assert found.grid == (8, 12)


def test_maps_add_up(network: SimilarityNetwork, images: list[Image.Image]) -> None:
    one, two, _ = (network.decompose([image])[0] for image in images)
    torch.testing.assert_close(similarity_map(one, two).sum(), similarity(one, two))


def test_another_pooling_takes_all_layers(network: SimilarityNetwork) -> None:
    other = network.with_pooling("rmac")
    F = torch.rand(1, 8, 12, 20)
    assert other.embed_feature_map(F).shape == (1, 20)
    assert other.fingerprint != network.fingerprint


def test_the_fingerprint_is_that_of_the_same_network_again(network: SimilarityNetwork) -> None:
    torch.manual_seed(0)
    again = adapt_network("mine", Layered(lambda F: F).eval(), facts=FACTS)
    assert again.fingerprint == network.fingerprint
