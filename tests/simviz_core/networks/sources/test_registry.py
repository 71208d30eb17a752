"""Networks by name: what is listed, how they are built, and what is said when they cannot be."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from simviz_core.decomposition import bias_term, similarity, similarity_map
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.files import CACHE_VARIABLE
from simviz_core.networks import (
    RefusedNetwork,
    is_source_name,
    load_network,
    network_facts,
    network_reading,
    size_from_text,
    source_names,
)
from simviz_core.networks.inspection.trunk import CutTrunk
from simviz_core.networks.sources import registry
from simviz_core.networks.sources.registry import matching_names, named_source


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [Image.effect_noise(size, 80).convert("RGB") for size in ((320, 240), (200, 300))]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_way_out: None) -> None:
    """Empty caches of weights, and no way out."""
    from huggingface_hub import constants

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def test_both_libraries_are_listed_with_the_tags_of_their_weights() -> None:
    names = source_names()
    assert len(names) > 1500
    assert {"timm/resnet50.a1_in1k", "torchvision/resnet50.IMAGENET1K_V1"} <= set(names)
    assert "timm/test_vit.r160_in1k" in source_names("timm test_vit")
    assert all(is_source_name(name) for name in names)


def test_names_are_listed_once_for_the_versions_that_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    lists = {"there": registry.Library(named_source, lambda: [str(len(asked))], "torch")}
    asked = list[None]()
    monkeypatch.setattr(registry, "LIBRARIES", lists)
    assert source_names() == ["there/0"]
    asked.append(None)
    assert source_names() == ["there/0"]
    monkeypatch.setattr(registry, "version", lambda package: "another")
    assert source_names() == ["there/1"]
    for damaged in ("", "[]", '{"versions": []}'):
        (tmp_path / registry.NAMES_FILE).write_text(damaged)
        asked.append(None)
        assert source_names() == [f"there/{len(asked)}"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["timm/a_b.c", "torchvision/b"]),
        ("timm a", ["timm/a_b.c"]),
        ("TIMM", ["timm/a_b.c"]),
        ("timm/*_b*", ["timm/a_b.c"]),
        ("x", []),
    ],
)
def test_names_are_searched(pattern: str, expected: list[str]) -> None:
    assert matching_names(["timm/a_b.c", "torchvision/b"], pattern) == expected


def test_preprocessing_is_the_networks_own() -> None:
    facts = network_facts("timm/vit_base_patch16_siglip_224.webli")
    preprocessing = facts.preprocessing
    assert facts.title == "timm vit_base_patch16_siglip_224.webli"
    assert (preprocessing.mean, preprocessing.std) == ((0.5,) * 3, (0.5,) * 3)
    assert (preprocessing.interpolation, facts.size) == ("bicubic", 224)
    assert network_facts("torchvision/inception_v3").size == 299
    assert network_facts("torchvision/resnet50").preprocessing.interpolation == "bilinear"
    assert network_facts("timm/test_vit.r160_in1k").size == 160


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm/no_such_thing", "timm has no network 'no_such_thing'"),
        (
            "timm/resnet50.no_such_tag",
            r"timm has no network 'resnet50.no_such_tag'; see resnet50\.",
        ),
        ("torchvision/no_such_thing", "torchvision has no network 'no_such_thing'"),
        ("torchvision/resnet50.V9", "no weights 'V9'; choose one of IMAGENET1K_V1, IMAGENET1K_V2"),
        ("elsewhere/resnet50", "unknown network 'elsewhere/resnet50'"),
        ("timm/", "unknown network 'timm/'"),
        ("alexnet", "unknown network 'alexnet'; choose one of efficientnet_lite0"),
    ],
)
def test_unknown_names_say_what_there_is(name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_network(name, pretrained=False)


@pytest.mark.parametrize(
    ("name", "size", "line"),
    [
        ("timm/test_resnet", 160, "· 96 channels, 5 × 5 at 160 · average pooling · exact"),
        ("timm/test_resnet", (128, 256), "8 × 4 at 128x256 · average pooling · exact"),
        ("timm/test_convnext", 96, "3 × 3 at 96 · average pooling, layer norm · exact, layer"),
        ("timm/vit_tiny_patch16_224", (224, 112), None),
        (
            "timm/test_vit",
            None,
            "tokens at 160 · class token, layer norm · exact, attention",
        ),
        ("torchvision/squeezenet1_1", None, "1,000 channels, 13 × 13 at 224 · average pooling"),
        ("torchvision/mobilenet_v3_small", 128, "576 channels, 4 × 4 at 128 · average pooling"),
    ],
)
def test_networks_are_loaded_by_name(
    name: str, size: Any, line: str | None, pictures: list[Image.Image]
) -> None:
    torch.manual_seed(0)
    network = load_network(name, None if line else "average", size, pretrained=False)
    assert line is None or line in network_reading(network).line
    query, match = network.decompose(pictures)[0], network.decompose(pictures)[1]
    score = similarity(query, match).item()
    for i, j in ((query, match), (match, query)):
        total = similarity_map(i, j).sum() + bias_term(i, j)
        assert total.item() == pytest.approx(score, abs=1e-5)
    units = network.unit_embeddings(network.pixels(pictures))
    torch.testing.assert_close(units, network.decompose(pictures).unit_embedding)


def test_the_embedding_is_the_librarys_own(pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    network = load_network("timm/test_convnext", pretrained=False)
    assert isinstance(network.trunk, CutTrunk)
    with torch.inference_mode():
        own = network.trunk.network(network.pixels(pictures))
    torch.testing.assert_close(network.decompose(pictures).embedding, own)


def test_a_class_token_is_refused_by_name_with_the_way_out() -> None:
    with pytest.raises(RefusedNetwork, match=r"timm pit_ti_224 cannot be.*choose average"):
        load_network("timm/pit_ti_224", pretrained=False)


def test_settings_that_differ_give_other_fingerprints() -> None:
    prints = []
    for changes in ({}, {"pooling": "max"}, {"layer": "stages.1"}, {"tail": "drop"}, {"size": 96}):
        torch.manual_seed(0)
        prints.append(load_network("timm/test_convnext", pretrained=False, **changes).fingerprint)
    assert len(set(prints)) == len(prints)
    torch.manual_seed(0)
    assert load_network("timm/test_convnext", pretrained=False).fingerprint == prints[0]


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["timm/test_resnet.r160_in1k", "torchvision/resnet18"])
def test_being_offline_names_the_ways_out(name: str) -> None:
    message = (
        "could not be downloaded .*load them from a checkpoint file, or use EfficientNet-Lite0"
    )
    with pytest.raises(NetworkError, match=message):
        load_network(name)


def test_a_network_without_weights_says_so() -> None:
    with pytest.raises(NetworkError, match="has no pretrained weights; load a checkpoint"):
        load_network("timm/coatnet_0_224")


def test_extras_name_the_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    for name, package in (
        ("transformers/facebook/dinov2-small", "transformers"),
        ("open_clip/ViT-B-32", "open_clip_torch"),
    ):
        with pytest.raises(NetworkError, match=f"python -m pip install {package}"):
            named_source(name)


@pytest.mark.parametrize("text", ["", "x", "12", "224x", "1x2x3", "-224", "4096", "224.5"])
def test_sizes_that_cannot_be_used_are_named(text: str) -> None:
    with pytest.raises(SettingsError, match="input size"):
        size_from_text(text)


def test_sizes_are_width_by_height() -> None:
    assert size_from_text("224") == 224
    assert size_from_text("128x256") == (128, 256)
    assert size_from_text("128×128") == 128
