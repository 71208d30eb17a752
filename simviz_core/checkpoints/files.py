"""From a checkpoint file to a network, and back."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from simviz_core.checkpoints.embedder import embedder_tails, embedder_weights
from simviz_core.checkpoints.matching import (
    WeightsMatch,
    backbone_weights,
    load_network_weights,
    load_weights,
)
from simviz_core.checkpoints.reading import read_checkpoint
from simviz_core.errors import SettingsError
from simviz_core.files import write_atomically
from simviz_core.networks import (
    BETWEEN,
    NETWORKS,
    OWN_POOLING,
    InputSize,
    NetworkChoices,
    SimilarityNetwork,
    adapt_network,
    build_network,
    network_facts,
    network_reading,
)


def load_checkpoint(
    path: Path | str,
    network: str,
    pooling: str | None = None,
    size: InputSize | None = None,
    tail: str = "auto",
    layer: str | None = None,
) -> tuple[SimilarityNetwork, WeightsMatch]:
    """Load a network with the weights of a checkpoint.

    Args:
        path: The file; see `read_checkpoint`.
        network: The name of its architecture, as for `load_network`.
        pooling: As for `load_network`, like the rest.
        size: In pixels.
        tail: Of the layers after the pooling.
        layer: Whose output is pooled.

    Returns:
        The network, ready for inference, and how the weights fitted. What the checkpoint lacks
        is random, but the same every time.

    Raises:
        SettingsError: A name or a size that is not on offer.
        CheckpointError: The file cannot be read, or does not fit the architecture.
        NetworkError: The network cannot be decomposed.
    """
    if BETWEEN in network:
        raise SettingsError("a checkpoint holds the weights of one network, not of an ensemble")
    weights = read_checkpoint(path)
    pooling = None if pooling == OWN_POOLING else pooling
    title = network_facts(network).title
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = build_network(network, size, pretrained=False)
    load = load_weights if network in NETWORKS else load_network_weights
    match = load(built, weights, f"{path} for {title}")
    loaded = adapt_network(network, built, size, NetworkChoices(pooling, tail, layer))
    return (loaded if tail == "drop" else _with_embedder(loaded, path, weights, match)), match


def _with_embedder(
    network: SimilarityNetwork, path: Path | str, weights: Mapping[str, Tensor], match: WeightsMatch
) -> SimilarityNetwork:
    """The network with the embedder that its checkpoint has, if it was learnt for its pooling."""
    others = {name: weights[name] for name in match.unexpected}
    found = embedder_weights(Path(path), others)
    if not found:
        return network
    reading = network_reading(network)
    if reading.own_pooling not in (None, network.pooling.name):
        return network
    tails = embedder_tails(found, reading.dimension, str(path))
    titles = (*reading.tail, *(tail.title for tail in tails))
    reading = replace(reading, tail=titles, dimension=len(tails[-1].weight))
    return replace(network, tail=(*network.tail, *tails), reading=reading)


def save_checkpoint(trunk: nn.Module, path: Path) -> None:
    """Write the weights that a trunk's feature map depends on, in half precision.

    Args:
        trunk: A network's, on any device.
        path: The file, `.safetensors`; it appears whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    write_atomically(
        path, save({name: _halved(tensor) for name, tensor in backbone_weights(trunk).items()})
    )


def _halved(tensor: Tensor) -> Tensor:
    """The tensor as float16 on the CPU; as float32 where a value is too large for that."""
    tensor = tensor.detach().cpu().contiguous()
    half = tensor.to(torch.float16)
    return half if half.isfinite().all() else tensor
