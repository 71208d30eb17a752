"""Weights whose names say nothing: matched by order and shape."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import resnet18, resnet34

from simviz_core.checkpoints import load_checkpoint, network_weights
from simviz_core.checkpoints.ordering import match_by_order
from simviz_core.errors import CheckpointError

NAME = "torchvision/resnet18"


def children_of(network: nn.Module) -> dict[str, Tensor]:
    """The weights of `nn.Sequential(*network.children())` without its last layer."""
    return nn.Sequential(*list(network.children())[:-1]).state_dict()


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same under other names, of which only the last part stays."""
    return {
        f"w{place}.{name.rpartition('.')[2]}": tensor
        for place, (name, tensor) in enumerate(weights.items())
    }


@pytest.mark.parametrize("prefix", ["", "features.", "model.backbone."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_numbered_blocks_are_found_in_any_format(prefix: str, suffix: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = resnet18()
    weights = {prefix + name: tensor for name, tensor in children_of(network).items()}
    path = tmp_path / f"m{suffix}"
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    loaded, match = load_checkpoint(path, NAME, size=64)
    assert match.is_by_order
    assert "matched by order and shape" in loaded.weights.line
    network.fc = nn.Identity()
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network.eval()(pixels)
        torch.testing.assert_close(loaded.embed_feature_map(loaded.run_trunk(pixels)), expected)


def test_other_names_in_the_same_order_fit_where_files_keep_it() -> None:
    network = resnet18()
    expected = network_weights(network)
    weights = {
        f"w{place}.{name.rpartition('.')[2]}": t for place, (name, t) in enumerate(expected.items())
    }
    match = match_by_order(expected, weights, is_ordered=True)
    assert match is not None
    assert list(match.keys.values()) == list(weights)
    assert match_by_order(expected, weights, is_ordered=False) is None


def test_two_ways_are_none() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    expected = network_weights(layers)
    once = {
        f"a{place}.{name.rpartition('.')[2]}": t for place, (name, t) in enumerate(expected.items())
    }
    twice = once | {f"b{name}": tensor for name, tensor in once.items()}
    assert match_by_order(expected, once, is_ordered=True) is not None
    assert match_by_order(expected, twice, is_ordered=True) is None


def test_a_larger_network_is_none(tmp_path: Path) -> None:
    torch.save(children_of(resnet34()), tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match="choose the network that it was trained with"):
        load_checkpoint(tmp_path / "m.pth", NAME, size=64)
