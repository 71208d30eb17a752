"""A head that is not used is named, with how far what is shown agrees with it."""

import re

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from simviz_core.decomposition import unit_norm
from simviz_core.networks import load_network, network_reading
from simviz_core.networks.inspection.adapting import Adapted, NetworkChoices, adapt
from simviz_core.networks.inspection.detection import probe_images


class FaceNetwork(nn.Module):
    """As mobile face networks are: a convolution as large as the map, each channel by itself."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*list(resnet18().children())[:-2])
        self.whole = nn.Conv2d(512, 512, (4, 3), groups=512, bias=False)
        self.linear = nn.Conv2d(512, dimension, 1, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.linear(self.whole(self.trunk(pixels))).flatten(1)


def adapted(dimension: int, choices: NetworkChoices) -> tuple[nn.Module, Adapted]:
    torch.manual_seed(0)
    network = FaceNetwork(dimension).eval()
    found = adapt(network, "face", (112, 96), choices)
    assert isinstance(found, Adapted)
    return network, found


def test_the_cosine_with_the_network_s_own_embedding_is_said() -> None:
    network, found = adapted(512, NetworkChoices("average"))
    pixels = probe_images((112, 96), seed=1, count=8)
    with torch.inference_mode():
        shown = network.trunk(pixels).mean((2, 3))
        expected = (unit_norm(shown) * unit_norm(network(pixels))).sum(-1).mean().item()
    (said,) = re.findall(r"head is left out \(cosine of .* shown (-?[\d.]+)", found.reading.line)
    assert abs(float(said) - expected) < 1e-3
    assert found.reading.as_json()["own_head"] in found.reading.line


def test_where_lengths_differ_the_correlation_of_similarities_is_said() -> None:
    _, found = adapted(64, NetworkChoices("average", layer="trunk"))
    assert re.search(r"head is left out .* correlate with r = -?\d\.\d{3}", found.reading.line)


def test_a_head_that_is_used_is_not_spoken_of() -> None:
    network = resnet18().eval()
    network.fc = nn.Identity()
    own = adapt(network, "plain", (64, 64), NetworkChoices())
    other = adapt(network, "plain", (64, 64), NetworkChoices("max"))
    assert isinstance(own, Adapted)
    assert isinstance(other, Adapted)
    assert own.reading.own_head is None
    assert other.reading.own_head is not None


@pytest.mark.parametrize(("pooling", "layer"), [("max", None), (None, "layer3"), ("gem", "layer4")])
def test_the_own_pooling_of_a_network_of_the_catalogue_too(
    pooling: str | None, layer: str | None
) -> None:
    torch.manual_seed(0)
    network = load_network("resnet50", pooling, 224, pretrained=False, layer=layer)
    pixels = probe_images((224, 224), seed=1, count=8)
    with torch.inference_mode():
        whole = network.trunk if layer is None else network.trunk.get_submodule("network")
        own, shown = unit_norm(whole(pixels).mean((2, 3))), network.unit_embeddings(pixels)
    line = network_reading(network).line
    assert "the network's own average pooling" in line
    (said,) = re.findall(r"(?:the one shown |r = )(-?[\d.]+)", line)
    if layer == "layer3":  # 1,024 channels instead of 2,048
        pairs = torch.triu_indices(8, 8, offset=1).unbind()
        similarities = torch.stack([(e @ e.T)[pairs] for e in (own, shown)])
        expected = torch.corrcoef(similarities)[0, 1].item()
    else:
        expected = (own * shown).sum(-1).mean().item()
    assert abs(float(said) - expected) < 1e-3


def test_the_own_pooling_that_is_used_is_not_spoken_of() -> None:
    torch.manual_seed(0)
    network = load_network("resnet50", "average", 224, pretrained=False)
    assert network_reading(network).own_head is None
