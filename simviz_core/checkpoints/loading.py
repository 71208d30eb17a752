"""From settings, as a page or a command has them, to the network that they ask for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

import torch
from cachetools import LRUCache

from simviz_core.checkpoints.files import load_checkpoint
from simviz_core.errors import SettingsError
from simviz_core.networks import (
    EnsembleNetwork,
    SimilarityNetwork,
    is_program_name,
    load_network,
    network_facts,
)
from simviz_core.networks.settings import NetworkSettings

KEPT_BYTES = 2_000_000_000
"""Of the weights that `keeping_networks` holds at most; those not used for longest make room."""

_Key = tuple[NetworkSettings, tuple[int, int] | None]
_kept: "ContextVar[LRUCache[_Key, SimilarityNetwork] | None]" = ContextVar("kept", default=None)


@contextmanager
def keeping_networks() -> Iterator[None]:
    """Have each distinct network be loaded once, as long as this lasts.

    For many questions to few networks, as a report asks them. A file that has changed is loaded
    again, and a network that is a program of the user's each time, since it has to be allowed
    each time.
    """
    before = _kept.set(LRUCache(KEPT_BYTES, getsizeof=lambda network: network.weights_bytes))
    try:
        yield
    finally:
        _kept.reset(before)


def load_for_settings(settings: NetworkSettings) -> SimilarityNetwork:
    """Load the network that settings ask for.

    Args:
        settings: The network, its weights, pooling, size and tail.

    Returns:
        The network, ready for inference. Random weights are the same every time.

    Raises:
        SettingsError: A setting that is not on offer.
        CheckpointError: The checkpoint cannot be read, or does not fit.
        NetworkError: The weights cannot be had, or the network cannot be decomposed.
    """
    kept = _kept.get()
    if kept is None or is_program_name(settings.network):
        return _with_preprocessing(settings)
    key = settings, _state(settings.checkpoint)
    if key not in kept:
        network = _with_preprocessing(settings)
        if network.weights_bytes > kept.maxsize:
            return network
        kept[key] = network
    return kept[key]


def settings_in_use(settings: NetworkSettings, network: SimilarityNetwork) -> NetworkSettings:
    """The settings that `load_for_settings` made a network of, with what it turned out to have.

    Args:
        settings: What was asked for; the pooling may be "own".
        network: What was loaded.

    Returns:
        The same with the name of its pooling, its size, and where its weights come from, as titles
        and exports say them.
    """
    return replace(
        settings,
        pooling=network.pooling.name,
        size=network.size,
        weights=network.weights,
        engine=network.engine_in_use.line,
    )


def _state(checkpoint: str | None) -> tuple[int, int] | None:
    """By which it is seen that a file has changed."""
    try:
        found = Path(checkpoint).stat() if checkpoint is not None else None
    except OSError:
        return None  # whoever loads it says why
    return None if found is None else (found.st_mtime_ns, found.st_size)


def _with_preprocessing(settings: NetworkSettings) -> SimilarityNetwork:
    network = _loaded(settings)
    if settings.preprocessing is None:
        return network
    if isinstance(network, EnsembleNetwork):
        if not settings.preprocessing.scales_as(network_facts(settings.network).preprocessing):
            raise SettingsError("the networks of an ensemble keep their own preprocessing")
        return network.with_fit(settings.fit)
    return replace(network, preprocessing=settings.preprocessing)


def _loaded(settings: NetworkSettings) -> SimilarityNetwork:
    asked = (settings.pooling, settings.size)
    tail, layer, output = settings.tail, settings.layer, settings.output
    if settings.checkpoint is not None:
        loaded, _ = load_checkpoint(
            settings.checkpoint, settings.network, *asked, tail, layer, settings.part, output
        )
        return loaded
    if not settings.is_random:
        return load_network(settings.network, *asked, True, tail, layer, output)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return load_network(settings.network, *asked, False, tail, layer, output)
