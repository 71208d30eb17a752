"""From a checkpoint file to a network, and back."""

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from simviz_core.checkpoints.matching import WeightsMatch, backbone_weights, load_weights
from simviz_core.checkpoints.reading import read_checkpoint
from simviz_core.files import write_atomically
from simviz_core.networks import NETWORKS, SimilarityNetwork, load_network


def load_checkpoint(
    path: Path | str, network: str, pooling: str | None, size: int
) -> tuple[SimilarityNetwork, WeightsMatch]:
    """Load a network with the weights of a checkpoint.

    Args:
        path: The file; see `read_checkpoint`.
        network: The name of its architecture, one of `NETWORKS`.
        pooling: One of `POOLINGS`; None takes the network's own.
        size: One of `SIZES`, in pixels.

    Returns:
        The network, ready for inference, and how the weights fitted. What the checkpoint lacks
        is random, but the same every time.

    Raises:
        SettingsError: A name or a size that is not on offer.
        CheckpointError: The file cannot be read, or does not fit the architecture.
    """
    weights = read_checkpoint(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loaded = load_network(network, pooling, size, pretrained=False)
    return loaded, load_weights(loaded.trunk, weights, f"{path} for {NETWORKS[network].title}")


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
