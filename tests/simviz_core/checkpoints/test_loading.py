"""Networks that are kept while many questions are asked of them."""

import os
from pathlib import Path

import pytest

from simviz_core.checkpoints import backbone_weights, loading, save_weights
from simviz_core.checkpoints.loading import keeping_networks, load_for_settings
from simviz_core.networks import build_network
from simviz_core.networks.settings import NetworkSettings

AVERAGE = NetworkSettings("timm/test_resnet", "average", 96, is_random=True)
MAX = NetworkSettings("timm/test_resnet", "max", 96, is_random=True)


def test_each_distinct_network_is_loaded_once_and_let_go_of() -> None:
    with keeping_networks():
        first, other = load_for_settings(AVERAGE), load_for_settings(MAX)
        assert load_for_settings(AVERAGE) is first
        assert load_for_settings(MAX) is other is not first
        assert first.fingerprint != other.fingerprint
    again = load_for_settings(AVERAGE)
    assert again is not first
    assert again.fingerprint == first.fingerprint


def test_a_file_that_has_changed_is_loaded_again(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    trunk = build_network("efficientnet_lite0")
    save_weights(backbone_weights(trunk), file)
    settings = NetworkSettings("efficientnet_lite0", "average", 224, str(file))
    with keeping_networks():
        first = load_for_settings(settings)
        assert load_for_settings(settings) is first
        next(trunk.parameters()).data += 1
        save_weights(backbone_weights(trunk), file)
        os.utime(file, (1, 1))
        assert load_for_settings(settings).fingerprint != first.fingerprint


def test_there_is_an_end_to_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "KEPT_BYTES", 1000)
    with keeping_networks():
        assert load_for_settings(AVERAGE) is not load_for_settings(AVERAGE)
