"""What is costly to make and is shared between reruns and sessions: networks, images, maps."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st
from torch import Tensor, nn

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import CLASS_TOKEN, DecomposedImage, decompose
from simviz_core.errors import ImageError
from simviz_core.gallery import GalleryImage
from simviz_core.images import LoadedImage
from simviz_core.networks import (
    DEFAULT_SIZE,
    NETWORKS,
    OWN_POOLING,
    POOLINGS,
    ClassTokenNetwork,
    InputSize,
    NetworkChoices,
    NetworkReading,
    Preprocessing,
    SimilarityNetwork,
    adapt_network,
    network_reading,
)
from simviz_core.networks.engines.in_use import EngineInUse
from simviz_core.networks.settings import NetworkSettings
from simviz_core.networks.weights import WeightsInUse
from simviz_core.pairs import (
    CellPairs,
    PairExplanation,
    cell_pairs,
    compare_poolings,
    compared_with,
    explain_pair,
)
from simviz_core.retrieval import Match
from simviz_ui.serving.kept import kept
from simviz_ui.serving.turns import network_turn

AT_ONCE = 8
"""Images that enter the network together: few, so that a page has something to show soon."""

Weights = tuple[str, str | None, str | None, int, bool]
"""A network's name, its checkpoint and the part of it, when that was last changed, and whether it
is untrained."""
MapKey = tuple[str, Weights, InputSize, str | None, str | None, bool, Preprocessing | None, str]
"""What a feature map depends on, after its kind: the weights, the input size, the layer, the
output, whether it is that of a class token, what becomes of pixels on their way in, the image's
digest."""


def gallery_picture(image: GalleryImage) -> LoadedImage:
    """Load an image of a gallery; a file that changed on disk is loaded again.

    Raises:
        ImageError: The file cannot be read as an image.
    """
    ranges = tuple(shown.key for shown in image.value_ranges)
    key = "picture", image.path, ranges, changed_at(image.path)
    return kept().get(key, lambda: image.load(image.path.name), picture_bytes)


def picture_bytes(picture: LoadedImage) -> int:
    """What a picture takes of the memory."""
    return picture.pixels.width * picture.pixels.height * len(picture.pixels.getbands())


def changed_at(path: Path) -> int:
    """When a file was last changed, in nanoseconds; 0 if there is none. Part of caches' keys."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def network_of(settings: NetworkSettings) -> SimilarityNetwork:
    """The network of these settings.

    Raises:
        CheckpointError: Its checkpoint cannot be read, or does not fit.
        NetworkError: Its weights cannot be had.
    """
    settings = _as_key(settings)
    if not _is_plain(settings):
        return _loaded(_canonical(settings), _weights(settings))
    plain = _plain_network(*_weights(settings))
    choices = NetworkChoices(settings.pooling)
    adapted = adapt_network(settings.network, plain.trunk, settings.size, choices)
    found = replace(adapted, weights=plain.weights, engine=plain.engine)
    return found.with_fit(settings.fit)


def network_reading_of(settings: NetworkSettings) -> NetworkReading:
    """What is known of the network of these settings.

    Raises:
        CheckpointError: Its checkpoint cannot be read, or does not fit.
        RefusedNetwork: It cannot be decomposed.
        NetworkError: Its weights cannot be had.
    """
    settings = _as_key(settings)
    reading = _reading(settings, _weights(settings))
    if settings.pooling == OWN_POOLING and reading.pooling is not None:
        _own_poolings()[settings] = reading.pooling
    return reading


@st.cache_data(max_entries=256, show_spinner=False)
def _reading(settings: NetworkSettings, weights: Weights) -> NetworkReading:
    return network_reading(network_of(settings))


def network_fingerprint(settings: NetworkSettings) -> str:
    """The fingerprint of the network of these settings, which need not be loaded for it again.

    Raises:
        CheckpointError: Its checkpoint cannot be read, or does not fit.
        NetworkError: Its weights cannot be had.
    """
    settings = _as_key(settings)
    return _fingerprint(settings, _weights(settings))


@st.cache_data(max_entries=256, show_spinner=False)
def _fingerprint(settings: NetworkSettings, weights: Weights) -> str:
    return network_of(settings).fingerprint


def with_weights_and_engine(settings: NetworkSettings) -> NetworkSettings:
    """The settings with what is used of a checkpoint and what runs the network, to be named.

    Whether a checkpoint's embedder is used depends on the pooling, so that settings with another
    pooling have to be asked for again.

    Raises:
        CheckpointError: Its checkpoint cannot be read, or does not fit.
        NetworkError: Its weights cannot be had.
    """
    engine = engine_of(settings).line
    if settings.checkpoint is None:
        return replace(settings, engine=engine)  # what its weights are they say themselves
    key = _as_key(settings)
    found = _weights_in_use(key, _weights(key))
    if found is not None and settings.weights is not None:
        found = replace(found, source=settings.weights.source)  # of an upload, its own name
    return replace(settings, weights=found, engine=engine)


@st.cache_data(max_entries=256, show_spinner=False)
def _weights_in_use(settings: NetworkSettings, weights: Weights) -> WeightsInUse | None:
    return network_of(settings).weights


def engine_of(settings: NetworkSettings) -> EngineInUse:
    """What runs the network of these settings.

    Raises:
        CheckpointError: Its checkpoint cannot be read, or does not fit.
        NetworkError: Its weights cannot be had.
    """
    key = _as_key(settings)
    return _engine(key, _weights(key))


@st.cache_data(max_entries=256, show_spinner="Preparing the network …", show_time=True)
def _engine(settings: NetworkSettings, weights: Weights) -> EngineInUse:
    return network_of(settings).engine_in_use


def _as_key(settings: NetworkSettings) -> NetworkSettings:
    """The settings as a key: without what was found out, by which two do not differ."""
    return replace(settings, weights=None, checkpoint_name=None, engine=None)


def _weights(settings: NetworkSettings) -> Weights:
    checkpoint = settings.checkpoint
    changed = changed_at(Path(checkpoint)) if checkpoint else 0
    return settings.network, checkpoint, settings.part, changed, settings.is_random


def _is_plain(settings: NetworkSettings) -> bool:
    """Whether the trunk of a network of the catalogue will do, for whatever pooling and size."""
    is_whole = (settings.tail, settings.layer, settings.output) == ("auto", None, None)
    if settings.network not in NETWORKS or not is_whole or settings.pooling not in POOLINGS:
        return False
    own, asked = NETWORKS[settings.network].preprocessing, settings.preprocessing
    if asked is not None and not asked.scales_as(own):
        return False
    return settings.checkpoint is None or not _has_embedder(_weights(settings))


@st.cache_data(max_entries=256, show_spinner=False)
def _has_embedder(weights: Weights) -> bool:
    """Whether a checkpoint has layers for what comes after the pooling."""
    return bool(_plain_network(*weights).tail)


def _canonical(settings: NetworkSettings) -> NetworkSettings:
    """The same network, one way to ask for it: its own pooling may be named, or called its own."""
    asked = replace(settings, pooling=OWN_POOLING)
    return asked if _own_poolings().get(asked) == settings.pooling else settings


@st.cache_resource(show_spinner=False)
def _own_poolings() -> dict[NetworkSettings, str]:
    """The poolings that were found, by settings that ask for a network's own."""
    return {}


def _plain_network(
    name: str, checkpoint: str | None, part: str | None, changed: int, is_random: bool
) -> SimilarityNetwork:
    pooling = NETWORKS[name].pooling
    asked = NetworkSettings(name, pooling, DEFAULT_SIZE, checkpoint, is_random=is_random, part=part)
    return _loaded(asked, (name, checkpoint, part, changed, is_random))


def _loaded(settings: NetworkSettings, weights: Weights) -> SimilarityNetwork:
    checkpoint = Path(settings.checkpoint) if settings.checkpoint else None
    return kept().get(
        ("network", settings, weights, checkpoint),
        lambda: load_for_settings(settings),
        _network_bytes,
        "Loading the network …",
    )


def _network_bytes(network: SimilarityNetwork) -> int:
    """What a network takes of the memory, at most: an engine has a copy of its weights."""
    parts = network.trunk, *(layer for layer in network.tail if isinstance(layer, nn.Module))
    values = [each for part in parts for each in (*part.parameters(), *part.buffers())]
    return 2 * sum(each.nbytes for each in values)


def explain(query: LoadedImage, match: LoadedImage, settings: NetworkSettings) -> PairExplanation:
    """Explain a pair; the network runs only for what it has not seen at these settings.

    Raises:
        NetworkError: The network cannot be had.
    """
    i, j = decomposed([query, match], settings)
    return explain_pair(i, j, settings)


def pairs_of_cells(query: LoadedImage, match: LoadedImage, settings: NetworkSettings) -> CellPairs:
    """Split a pair's similarity over its pairs of cells; the network runs as for `explain`.

    Raises:
        NetworkError: The network cannot be had.
    """
    i, j = decomposed([query, match], settings)
    return cell_pairs(i, j)


def compared_poolings(
    query: LoadedImage, match: LoadedImage, settings: NetworkSettings
) -> list[PairExplanation]:
    """Explain a pair under each pooling that is compared; the network runs as for `explain`.

    Raises:
        NetworkError: The network cannot be had.
    """
    if settings.pooling == CLASS_TOKEN:  # the others pool another map, which is kept apart
        each = [replace(settings, pooling=name) for name in compared_with(settings.pooling)]
        images = {own: decomposed([query, match], own) for own in each}
        pairs = [explain_pair(i, j, own) for own, (i, j) in images.items()]
        return [replace(pair, settings=with_weights_and_engine(pair.settings)) for pair in pairs]
    decomposed([query, match], settings)  # so that both are there, after one run of the network
    network = None if _is_plain(settings) else network_of(settings)
    maps = (_feature_map(query, settings), _feature_map(match, settings))
    pairs = compare_poolings(*maps, settings, network)
    return [replace(pair, settings=with_weights_and_engine(pair.settings)) for pair in pairs]


def decomposed(images: Sequence[LoadedImage], settings: NetworkSettings) -> list[DecomposedImage]:
    """Decompose images; the network runs only for those that it has not seen at these settings.

    Raises:
        NetworkError: The network cannot be had.
    """
    missing = not_run_yet(images, settings)
    if missing:
        with st.spinner("Running the network …"):
            for start in range(0, len(missing), AT_ONCE):
                run_network(missing[start : start + AT_ONCE], settings)
    maps = [_feature_map(image, settings) for image in images]
    if _is_plain(settings):
        # The network need not be in memory for it.
        return [decompose(F, POOLINGS[settings.pooling]) for F in maps]
    network = network_of(settings)
    return [network.decompose_feature_map(F) for F in maps]


def not_run_yet(images: Sequence[LoadedImage], settings: NetworkSettings) -> list[LoadedImage]:
    """Those of the images that the network has not seen at these settings, each once."""
    missing = [i for i in images if kept().find(_key(i, settings)) is None]
    return list({image.digest: image for image in missing}.values())


def run_network(images: Sequence[LoadedImage], settings: NetworkSettings) -> None:
    """Run the network on a few images and keep their feature maps.

    Raises:
        NetworkError: The network cannot be had.
    """
    network = network_of(settings)
    with network_turn():
        maps = network.feature_map([image.pixels for image in images])
    for image, feature_map in zip(images, maps.unbind(), strict=True):
        # A copy, since a part of a batch would keep the whole batch in memory.
        kept().keep(_key(image, settings), feature_map.clone(), feature_map.nbytes)


def _feature_map(image: LoadedImage, settings: NetworkSettings) -> Tensor:
    """The feature map (H, W, C) of an image; pooling comes after it and costs next to nothing."""
    found: Tensor | None = kept().find(_key(image, settings))
    if found is None:  # it has made room for others since
        network = network_of(settings)
        with network_turn():
            return network.feature_map([image.pixels])[0]
    return found


def _key(image: LoadedImage, settings: NetworkSettings) -> MapKey:
    is_token = settings.pooling not in POOLINGS and _is_class_token(settings)
    where = settings.layer, settings.output, is_token, settings.preprocessing
    return "feature map", _weights(settings), settings.size, *where, image.digest


def _is_class_token(settings: NetworkSettings) -> bool:
    """Whether a network embeds by its class token, whose map is not the one that it pools."""
    if settings.pooling == OWN_POOLING:
        return isinstance(network_of(settings), ClassTokenNetwork)
    return settings.pooling == CLASS_TOKEN


def open_picture(match: Match) -> LoadedImage | None:
    """A match's picture; None where its file cannot be read any more."""
    try:
        return gallery_picture(match.image)
    except ImageError:
        return None


def run_missing(pictures: Sequence[LoadedImage | None], settings: NetworkSettings) -> bool:
    """Run the network for the maps that are still missing, a few images at a time.

    Returns:
        Whether there were any.

    Raises:
        NetworkError: The network cannot be had.
    """
    missing = not_run_yet([picture for picture in pictures if picture], settings)
    if not missing:
        return False
    place = st.empty()
    for start in range(0, len(missing), AT_ONCE):
        # Streamlit stops the run at a call like this once the page has changed in the meantime.
        place.caption(f"Computing maps: {start} of {len(missing)} …")
        run_network(missing[start : start + AT_ONCE], settings)
    place.empty()
    return True
