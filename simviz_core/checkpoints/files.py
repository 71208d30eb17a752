"""From a checkpoint file to a network, and back."""

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from simviz_core.checkpoints.matching import (
    WeightsMatch,
    backbone_weights,
    load_network_weights,
    load_weights,
)
from simviz_core.checkpoints.reading import read_checkpoint
from simviz_core.files import write_atomically
from simviz_core.networks import (
    NETWORKS,
    OWN_POOLING,
    InputSize,
    NetworkChoices,
    SimilarityNetwork,
    build_network,
    catalogue_network,
    known_of,
    similarity_network,
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
    weights = read_checkpoint(path)
    pooling = None if pooling == OWN_POOLING else pooling
    title, _, _ = known_of(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = build_network(network, size, pretrained=False)
    choices = NetworkChoices(pooling, tail, layer)
    if network in NETWORKS:
        match = load_weights(built, weights, f"{path} for {title}")
        if choices == NetworkChoices(pooling):
            return catalogue_network(network, built, pooling, size), match
    else:
        match = load_network_weights(built, weights, f"{path} for {title}")
    return similarity_network(network, built, size, choices), match


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
