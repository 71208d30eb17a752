from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.images import load_image
from simviz_core.networks import NETWORKS, build_network, load_network
from simviz_core.networks.catalogue import _load_in_order, network_entry

JERSEY_OR_T_SHIRT = 610
"""The ImageNet class that a photo of a T-shirt should be taken for."""


@pytest.mark.parametrize(
    ("name", "channels"), [("efficientnet_lite0", 1280), ("resnet50", 2048), ("vgg16", 512)]
)
def test_trunks_end_in_the_last_feature_map(name: str, channels: int) -> None:
    trunk = build_network(name, pretrained=False)
    assert not trunk.training
    assert not any(parameter.requires_grad for parameter in trunk.parameters())
    for size in (224, 320):
        with torch.inference_mode():
            shape = trunk(torch.zeros(1, 3, size, size)).shape
        assert shape == (1, channels, size // 32, size // 32)


def test_default_weights_recognise_real_photos(photos: Path) -> None:
    """Weights that were assigned to the wrong tensors would recognise nothing."""
    network = load_network("efficientnet_lite0")
    shirts = [load_image(path).pixels for path in sorted((photos / "t-shirt").iterdir())[:20]]
    with torch.inference_mode():
        logits = network.trunk.network(network.pixels(shirts))
    is_found = (logits.topk(5).indices == JERSEY_OR_T_SHIRT).any(1)
    assert is_found.float().mean() > 0.6


def test_the_default_network_is_the_one_of_timm() -> None:
    ours = load_network("efficientnet_lite0").trunk.network
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert {name for name, _ in ours.blocks.named_modules()} <= {
        name for name, _ in theirs.blocks.named_modules()
    }
    for height, width in ((224, 224), (97, 130)):
        pixels = torch.randn(2, 3, height, width)
        with torch.inference_mode():
            torch.testing.assert_close(ours(pixels), theirs(pixels), rtol=0, atol=1e-5)


def test_weights_that_do_not_fit_are_refused() -> None:
    network = nn.Linear(3, 4)
    weights = {"a": torch.zeros(4, 3), "b": torch.zeros(5)}
    with pytest.raises(NetworkError, match=r"requirements\.txt"):
        _load_in_order(network, weights)


@pytest.mark.usefixtures("no_way_out")
def test_being_offline_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(NetworkError, match=r"ResNet-50 could not be downloaded.*EfficientNet"):
        build_network("resnet50")


def test_unknown_names_list_what_is_offered() -> None:
    with pytest.raises(SettingsError, match="efficientnet_lite0, resnet50, vgg16"):
        network_entry("alexnet")


def test_every_entry_is_filed_under_its_name() -> None:
    assert all(name == entry.name for name, entry in NETWORKS.items())
