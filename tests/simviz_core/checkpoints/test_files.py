from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from simviz_core.checkpoints import backbone_weights, load_checkpoint, save_weights
from simviz_core.errors import CheckpointError, SettingsError
from simviz_core.networks import build_network


def test_a_checkpoint_is_half_as_large_and_comes_back(tmp_path: Path) -> None:
    trunk = build_network("efficientnet_lite0")
    file = tmp_path / "c.safetensors"
    save_weights(backbone_weights(trunk), file)
    assert 6_800_000 < file.stat().st_size < 6_900_000
    network, match = load_checkpoint(file, "efficientnet_lite0", "max", 320)
    assert (network.pooling.name, network.size) == ("max", 320)
    assert match.is_complete
    assert not network.trunk.training
    expected = backbone_weights(trunk)
    for name, tensor in backbone_weights(network.trunk).items():
        assert tensor.dtype == torch.float32
        assert not tensor.requires_grad
        assert torch.equal(tensor, expected[name].half().float())


def test_weights_too_large_for_half_precision_keep_their_range(
    tmp_path: Path, tiny_network: str
) -> None:
    trunk = build_network(tiny_network)
    trunk.get_submodule("1").running_var.fill_(1e6)
    save_weights(backbone_weights(trunk), tmp_path / "c.safetensors")
    assert load_file(tmp_path / "c.safetensors")["1.running_var"].dtype == torch.float32
    network, _ = load_checkpoint(tmp_path / "c.safetensors", tiny_network, None, 224)
    assert torch.all(network.trunk.get_submodule("1").running_var == 1e6)


def test_what_a_checkpoint_lacks_is_named(tmp_path: Path, tiny_network: str) -> None:
    weights = dict(backbone_weights(build_network(tiny_network)))
    del weights["3.bias"]
    torch.save(weights, tmp_path / "c.pth")
    with pytest.raises(CheckpointError, match=r"1 tensor missing: 3\.bias"):
        load_checkpoint(tmp_path / "c.pth", tiny_network, None, 224)


def test_what_is_used_and_left_out_is_one_line(tmp_path: Path, tiny_network: str) -> None:
    weights = dict(backbone_weights(build_network(tiny_network)))
    content = {"net": {**weights, "loss.centers": torch.zeros(7, 16)}, "ema": weights, "epoch": 3}
    torch.save(content, tmp_path / "c.pth")
    network, _ = load_checkpoint(tmp_path / "c.pth", tiny_network, None, 224)
    line = network.weights.line
    assert line.startswith(f"weights of {tmp_path}/c.pth, net (ema would fit, too)")
    assert "left out: loss (7 × 16)" in line
    other, _ = load_checkpoint(tmp_path / "c.pth", tiny_network, None, 224, part="ema")
    assert f"{tmp_path}/c.pth, ema (net would fit, too)" in other.weights.line


def test_values_that_overflow_are_one_error_that_names_the_layer(
    tmp_path: Path, tiny_network: str
) -> None:
    weights = {name: t.clone() for name, t in backbone_weights(build_network(tiny_network)).items()}
    weights["3.weight"].fill_(3e38)
    torch.save(weights, tmp_path / "c.pth")
    with pytest.raises(
        CheckpointError, match=r"first in 3 \(Conv2d\); its weights are finite, the"
    ):
        load_checkpoint(tmp_path / "c.pth", tiny_network, None, 224)


def test_a_checkpoint_has_one_fingerprint(tmp_path: Path) -> None:
    """The classifier is not in it, and is still the same each time: its embeddings are stored."""
    save_weights(backbone_weights(build_network("efficientnet_lite0")), tmp_path / "c.safetensors")
    first, second = (
        load_checkpoint(tmp_path / "c.safetensors", "efficientnet_lite0", None, 224)[0]
        for _ in range(2)
    )
    assert first.fingerprint == second.fingerprint


def test_another_architecture_is_refused_by_name(tmp_path: Path, tiny_network: str) -> None:
    save_weights(backbone_weights(build_network(tiny_network)), tmp_path / "c.safetensors")
    reason = r"c\.safetensors for EfficientNet-Lite0 fits only to 0% .* of 3,413,024 numbers"
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(tmp_path / "c.safetensors", "efficientnet_lite0", None, 224)


def test_settings_are_checked(tmp_path: Path, tiny_network: str) -> None:
    save_weights(backbone_weights(build_network(tiny_network)), tmp_path / "c.safetensors")
    with pytest.raises(SettingsError, match="median"):
        load_checkpoint(tmp_path / "c.safetensors", tiny_network, "median", 224)
