"""What is costly to make and is shared between reruns and sessions: networks, images, maps."""

from pathlib import Path

import streamlit as st
from torch import Tensor, nn

from simviz_core.decomposition import decompose
from simviz_core.gallery import DEMO_GALLERY, Gallery, open_gallery
from simviz_core.images import LoadedImage, load_image
from simviz_core.networks import NETWORKS, SimilarityNetwork, load_trunk, pooling_by_name
from simviz_core.pairs import NetworkSettings, PairExplanation, explain_pair


@st.cache_resource(show_spinner=False)
def demo_gallery() -> Gallery:
    """The gallery that SimViz comes with.

    Raises:
        GalleryError: Its folder is missing or empty.
    """
    return open_gallery(DEMO_GALLERY)


def gallery_picture(path: Path) -> LoadedImage:
    """Load an image of a gallery; a file that changed on disk is loaded again.

    Raises:
        ImageError: The file cannot be read as an image.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    return _load_picture(path, changed)


@st.cache_resource(max_entries=48, show_spinner=False)
def _load_picture(path: Path, changed: int) -> LoadedImage:
    return load_image(path, name=path.name)


def explain(query: LoadedImage, match: LoadedImage, settings: NetworkSettings) -> PairExplanation:
    """Explain a pair; the network runs only for what it has not seen at these settings.

    Raises:
        SimVizError: The network cannot be had.
    """
    pooling = pooling_by_name(settings.pooling)
    decomposed = [
        decompose(_feature_map(settings.network, settings.size, image.digest, image), pooling)
        for image in (query, match)
    ]
    return explain_pair(decomposed[0], decomposed[1], settings)


@st.cache_resource(max_entries=2, show_spinner="Loading the network …", show_time=True)
def _trunk(name: str) -> nn.Module:
    return load_trunk(name)


@st.cache_resource(max_entries=128, show_spinner="Running the network …")
def _feature_map(network: str, size: int, digest: str, _image: LoadedImage) -> Tensor:
    """The feature map (H, W, C) of one image; pooling comes after it and costs next to nothing."""
    entry = NETWORKS[network]
    return SimilarityNetwork(
        network, _trunk(network), entry.preprocessing, pooling_by_name(entry.pooling), size
    ).feature_map([_image.pixels])[0]
