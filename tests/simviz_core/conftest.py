"""Fixtures of the core: a network, and a small gallery of real pictures with its index."""

import shutil
from pathlib import Path

import pytest

from simviz_core.gallery import Gallery, open_gallery
from simviz_core.indexing import index_gallery
from simviz_core.networks import SimilarityNetwork, load_network
from simviz_core.retrieval import GalleryIndex, load_index
from simviz_core.store import embedding_table


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
