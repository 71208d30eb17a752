"""From settings, as a page or a command has them, to the network that they ask for."""

from dataclasses import replace

import torch

from simviz_core.checkpoints.files import load_checkpoint
from simviz_core.errors import SettingsError
from simviz_core.networks import EnsembleNetwork, SimilarityNetwork, load_network
from simviz_core.networks.settings import NetworkSettings


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
    network = _loaded(settings)
    if settings.preprocessing is None:
        return network
    if isinstance(network, EnsembleNetwork):
        raise SettingsError("the networks of an ensemble keep their own preprocessing")
    return replace(network, preprocessing=settings.preprocessing)


def _loaded(settings: NetworkSettings) -> SimilarityNetwork:
    asked = (settings.pooling, settings.size)
    if settings.checkpoint is not None:
        loaded, _ = load_checkpoint(
            settings.checkpoint,
            settings.network,
            *asked,
            settings.tail,
            settings.layer,
            settings.part,
        )
        return loaded
    if not settings.is_random:
        return load_network(settings.network, *asked, True, settings.tail, settings.layer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return load_network(settings.network, *asked, False, settings.tail, settings.layer)
