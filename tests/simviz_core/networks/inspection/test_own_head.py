"""A head that is not used is named, with how far what is shown agrees with it."""

import re

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from simviz_core.decomposition import unit_norm
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
