"""Networks of the optional libraries, small and with random weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.images import CentreCrop
from simviz_core.networks import (
    NetworkFacts,
    adapt_network,
    load_network,
    network_facts,
    network_reading,
)
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.sources.extra_sources import ImageEncoder
from simviz_core.networks.sources.policy import (
    SourcePolicy,
    reached_folder,
    under_source_policy,
)
from simviz_core.networks.sources.registry import source_names

transformers = pytest.importorskip("transformers")
open_clip = pytest.importorskip("open_clip")

SMALL = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 64}
CONFIGS: dict[str, Callable[[], Any]] = {
    "dinov2": lambda: transformers.Dinov2Config(**SMALL, patch_size=16),
    "clip": lambda: transformers.CLIPVisionConfig(**SMALL, intermediate_size=128, patch_size=16),
    "siglip": lambda: transformers.SiglipVisionConfig(
        **SMALL, intermediate_size=128, patch_size=16
    ),
    "resnet": lambda: transformers.ResNetConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], embedding_size=8
    ),
}


def saved(name: str, folder: Path) -> str:
    """A network of transformers in a folder, as whoever trains one keeps it."""
    torch.manual_seed(0)
    transformers.AutoModel.from_config(CONFIGS[name]()).save_pretrained(folder)
    return f"transformers/{folder}"


@pytest.mark.parametrize(
    ("name", "pooling", "line"),
    [
        (
            "dinov2",
            None,
            "4 × 4 tokens at 64 · class token, layer norm · exact, attention as it is",
        ),
        ("dinov2", "average", "64 channels, 4 × 4 tokens at 64 · average pooling · exact"),
        ("clip", None, "4 × 4 tokens at 64 · class token, layer norm · exact, attention"),
        ("clip", "max", "64 channels, 4 × 4 tokens at 64 · max pooling · exact"),
        ("siglip", None, "4 × 4 tokens at 64 · attention pooling, linear · exact, attention"),
        ("resnet", None, "32 channels, 7 × 7 at 224 · average pooling · exact"),
    ],
)
def test_vision_towers_are_loaded_from_disk(
    name: str, pooling: str | None, line: str, tmp_path: Path
) -> None:
    network = load_network(saved(name, tmp_path), pooling)
    assert line in network_reading(network).line
    again = load_network(f"transformers/{tmp_path}", pooling)
    assert again.fingerprint == network.fingerprint, "the weights are those in the folder"


def test_a_processor_beside_the_network_says_how_pixels_are_scaled(tmp_path: Path) -> None:
    name = saved("clip", tmp_path)
    assert network_facts(name).preprocessing == Preprocessing()
    transformers.CLIPImageProcessor(
        image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6], resample=2
    ).save_pretrained(tmp_path)
    # Its own defaults: the shorter side to 224 pixels, and the middle 224 of the longer one.
    crop = CentreCrop(1.0)
    expected = Preprocessing((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bilinear", crop=crop)
    assert network_facts(name).preprocessing == expected


def test_a_folder_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="there is no folder"):
        load_network(f"transformers/{tmp_path / 'nothing'}")
    (tmp_path / "config.json").write_text('{"model_type": "dinov2", "hidden_size": 64}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"no pickle")
    with pytest.raises(NetworkError, match="cannot be loaded from its folder"):
        load_network(f"transformers/{tmp_path}")
    with pytest.raises(NetworkError, match="there is no folder ~nosuchuser/x"):
        load_network("transformers/~nosuchuser/x")


def test_code_in_a_folder_is_never_run_nor_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "harm"
    auto = {"AutoConfig": "mine.Mine", "AutoModel": "mine.Mine"}
    config = {"model_type": "mine", "auto_map": auto}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "mine.py").write_text(f"open({str(target)!r}, 'w')\nclass Mine: pass\n")
    with pytest.raises(NetworkError, match="cannot be loaded from its folder"):
        load_network(f"transformers/{tmp_path}")
    assert not target.exists()


def test_a_policy_bounds_folders_and_repositories(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    name = saved("resnet", inside / "mine")
    saved("resnet", outside)
    policy = SourcePolicy(lambda: [inside], lambda: ["someone/allowed"])
    with under_source_policy(policy):
        assert load_network(name).name == name
        refusals = []
        for path in (outside, tmp_path / "none", "../x", "~/x", "~nosuchuser/x", "a/b", "plain"):
            with pytest.raises(NetworkError, match="neither inside the folders") as caught:
                load_network(f"transformers/{path}")
            refusals.append(str(caught.value).replace(str(path), ""))
        assert len(set(refusals)) == 1, "nobody learns from the message what exists"
        assert reached_folder("someone/allowed") is None
    for path in (f"local-dir:{outside}", "hf-hub:someone/thing"):
        with pytest.raises(SettingsError, match="not by"):
            load_network(f"open_clip/{path}")


def test_open_clip_is_listed_and_unknown_names_are_refused() -> None:
    assert "open_clip/ViT-B-32.openai" in source_names("open_clip vit-b-32")
    with pytest.raises(SettingsError, match="open_clip has no network 'nothing'"):
        load_network("open_clip/nothing")
    with pytest.raises(SettingsError, match="no weights 'nothing'"):
        load_network("open_clip/ViT-B-32.nothing")


@pytest.mark.parametrize("size", [64, 128])
def test_attention_pooling_of_open_clips_resnets(size: int) -> None:
    from open_clip.modified_resnet import ModifiedResNet

    torch.manual_seed(0)
    tower = ModifiedResNet((1, 1, 1, 1), output_dim=32, heads=4, image_size=size, width=8).eval()
    for parameter in tower.attnpool.parameters():
        nn.init.normal_(parameter, std=0.1)
    holder = type("Holder", (), {"visual": tower})()
    facts = NetworkFacts("mine", Preprocessing(), size)
    network = adapt_network("mine", ImageEncoder(holder).eval(), facts=facts)
    reading = network_reading(network)
    assert (reading.pooling, reading.dimension, reading.verdict) == ("attention", 32, "frozen")
    assert reading.grid == (size // 32, size // 32)
