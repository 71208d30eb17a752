"""Embedders beside a trunk: the layers that a checkpoint has for what comes after the pooling.

pytorch-metric-learning keeps a trunk and an embedder, in two files (`trunk_best.pth`,
`embedder_best.pth`) or, as one module, under two prefixes. An embedder of one fully connected
layer, with or without batch norm before or after it, is read from its weights alone. Of several
fully connected layers weights do not tell what stands between them.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from simviz_core.checkpoints.reading import read_checkpoint
from simviz_core.decomposition import AffineTail
from simviz_core.decomposition.pooling import at_least_float32
from simviz_core.errors import CheckpointError

EMBEDDERS = ("embedder", "embedding", "neck", "bottleneck", "projection", "projector", "whiten")
"""What such layers are called."""
TRUNK, EMBEDDER = "trunk", "embedder"
BATCH_NORM_EPS = 1e-5
"""PyTorch's; a state_dict does not hold it."""


def embedder_weights(path: Path, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the embedder that a checkpoint has, or that lies in a file beside it.

    Args:
        path: The checkpoint; for `trunk_best.pth` the embedder may be in `embedder_best.pth`.
        weights: What it holds beside the trunk's own.

    Returns:
        Tensors by name, in order; empty where there is no embedder.

    Raises:
        CheckpointError: The file beside it cannot be read.
    """
    own = {
        name: tensor
        for name, tensor in weights.items()
        if any(part in EMBEDDERS for part in name.split("."))
    }
    beside = path.with_name(path.name.replace(TRUNK, EMBEDDER, 1))
    if own or beside == path or not beside.is_file():
        return own
    return read_checkpoint(beside)


def embedder_tails(
    weights: Mapping[str, Tensor], dimension: int, name: str
) -> tuple[AffineTail, ...]:
    """Read the layers of an embedder from its weights.

    Args:
        weights: As `embedder_weights` returns them.
        dimension: Of the vectors that it takes, D.
        name: The checkpoint's, for messages.

    Returns:
        One fully connected layer, and batch norms.

    Raises:
        CheckpointError: It has several fully connected layers, or does not take such vectors.
    """
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in weights.items():
        prefix, _, part = key.rpartition(".")
        layers.setdefault(prefix, {})[part] = at_least_float32(tensor)
    tails = [_tail(parts) for parts in layers.values() if "weight" in parts]
    if sum(tail.weight.dim() == 2 for tail in tails) > 1:
        raise CheckpointError(
            f"the embedder of {name} has several fully connected layers, and weights do not tell "
            "what stands between them; drop the layers after the pooling, or load the network from "
            "a Python function"
        )
    for tail in tails:
        if tail.weight.shape[-1] != dimension:
            raise CheckpointError(
                f"the embedder of {name} takes {tail.weight.shape[-1]:,} numbers, but the network "
                f"makes {dimension:,}; choose the network that it was trained with"
            )
        dimension = len(tail.weight)
    return tuple(tails)


def _tail(parts: Mapping[str, Tensor]) -> AffineTail:
    weight = parts["weight"]
    offset = parts.get("bias", weight.new_zeros(len(weight)))
    if "running_mean" not in parts:
        return AffineTail(weight, offset)
    scale = weight * torch.rsqrt(parts["running_var"] + BATCH_NORM_EPS)
    return AffineTail(scale, offset - scale * parts["running_mean"], "batch norm")
