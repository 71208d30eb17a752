"""Fixtures of the core: networks and galleries, real ones and ones that train in a test."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from simviz_core.gallery import Gallery, open_gallery
from simviz_core.networks import (
    NETWORKS,
    NetworkEntry,
    Preprocessing,
    SimilarityNetwork,
    load_network,
)
from simviz_core.retrieval import GalleryIndex, embedding_table, index_gallery, load_index


@pytest.fixture(scope="session")
def network() -> SimilarityNetwork:
    """The default network, with average pooling at 224 pixels."""
    return load_network("efficientnet_lite0")


@pytest.fixture(scope="session")
def rooms(demo_rooms: Path, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Four hotels of the demo gallery with six views each; not to be written to."""
    folder = tmp_path_factory.mktemp("rooms")
    for number in range(4):
        shutil.copytree(demo_rooms / f"hotel_0{number}", folder / f"hotel_0{number}")
    return open_gallery(folder)


@pytest.fixture(scope="session")
def rooms_index(rooms: Gallery, network: SimilarityNetwork) -> GalleryIndex:
    """The embeddings of `rooms` by `network`."""
    table = embedding_table(rooms, network.fingerprint)
    index_gallery(rooms, network, table)
    return load_index(rooms, table)


def build_tiny_trunk(pretrained: bool) -> nn.Module:
    """Two convolutions with batch norm: (N, 3, 224, 224) to (N, 16, 7, 7)."""
    with torch.random.fork_rng(devices=[], enabled=pretrained):
        if pretrained:
            torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(3, 8, 7, stride=16, padding=3),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        )


@pytest.fixture
def tiny_network(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a network that trains in milliseconds."""
    entry = NetworkEntry("tiny", "Tiny", "", "average", Preprocessing(), build_tiny_trunk)
    monkeypatch.setitem(NETWORKS, "tiny", entry)
    return "tiny"


@pytest.fixture
def colour_gallery(tmp_path: Path) -> Path:
    """Six classes, each of one colour, with four noisy images."""
    chance = np.random.default_rng(0)
    root = tmp_path / "colours"
    for label in ("amber", "blue", "cyan", "dun", "emerald", "fawn"):
        colour = chance.uniform(60, 200, 3)
        folder = root / label
        folder.mkdir(parents=True)
        for number in range(4):
            pixels = colour + chance.normal(0, 40, (48, 64, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return root
