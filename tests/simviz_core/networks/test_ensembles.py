import pytest
import torch
from PIL import Image

from simviz_core.decomposition import similarity, similarity_map
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks import EnsembleNetwork, load_network, network_reading
from simviz_core.networks.ensembles import ensemble

NAME = "efficientnet_lite0+timm/test_resnet"


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [Image.effect_noise(size, 80).convert("RGB") for size in ((320, 240), (200, 300))]


@pytest.fixture(scope="module")
def joined() -> EnsembleNetwork:
    torch.manual_seed(0)
    network = load_network(NAME, pretrained=False)
    assert isinstance(network, EnsembleNetwork)
    return network


def test_the_maps_of_its_networks_add_up(
    joined: EnsembleNetwork, pictures: list[Image.Image]
) -> None:
    images = [joined.decompose([picture])[0] for picture in pictures]
    cosines = []
    for member in joined.members:
        one, other = (member.decompose([picture])[0] for picture in pictures)
        cosines.append(similarity(one, other))
    score = similarity(*images)
    torch.testing.assert_close(score, sum(cosines) / 2, atol=2e-3, rtol=0)
    torch.testing.assert_close(similarity_map(*images).sum(), score)


def test_images_are_embedded_as_they_are_decomposed(
    joined: EnsembleNetwork, pictures: list[Image.Image]
) -> None:
    units = joined.unit_embeddings(joined.pixels(pictures))
    torch.testing.assert_close(units, joined.decompose(pictures).unit_embedding)
    torch.testing.assert_close(units.norm(dim=1), torch.ones(2))


def test_what_is_known_of_it(joined: EnsembleNetwork) -> None:
    reading = network_reading(joined)
    assert reading.line == (
        "EfficientNet-Lite0 + timm test_resnet · 1,376 channels, 7 × 7 at 224 · average pooling · "
        "exact"
    )
    assert joined.pooling.name == "average"


def test_its_networks_decide_its_fingerprint(joined: EnsembleNetwork) -> None:
    torch.manual_seed(0)
    assert load_network(NAME, pretrained=False).fingerprint == joined.fingerprint
    torch.manual_seed(1)
    assert load_network(NAME, pretrained=False).fingerprint != joined.fingerprint


def test_networks_of_different_kinds() -> None:
    torch.manual_seed(0)
    network = load_network("timm/test_resnet+torchvision/alexnet", size=224, pretrained=False)
    assert network.pooling.name == "own"
    assert "each its own pooling · exact" in network_reading(network).line


def test_sizes_and_names_have_to_fit(joined: EnsembleNetwork) -> None:
    other = load_network("timm/test_resnet", size=96, pretrained=False)
    with pytest.raises(NetworkError, match="one input size"):
        ensemble("both", [joined.members[0], other])
    with pytest.raises(SettingsError, match="unknown network 'nothing'"):
        load_network("efficientnet_lite0+nothing", pretrained=False)
