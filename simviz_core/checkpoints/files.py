"""From a checkpoint file to a network, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from simviz_core.checkpoints.choosing import Choice, choose_part, take_weights
from simviz_core.checkpoints.embedder import Embedder, find_embedder, is_plainly_embedder
from simviz_core.checkpoints.formats.safetensors_files import safetensors_note
from simviz_core.checkpoints.matching import (
    WeightsMatch,
    backbone_weights,
    network_weights,
    plain_name,
)
from simviz_core.checkpoints.reading import open_checkpoint, refuse_unusable
from simviz_core.checkpoints.telling import weights_in_use
from simviz_core.errors import CheckpointError, SettingsError
from simviz_core.files import write_atomically
from simviz_core.networks import (
    BETWEEN,
    NETWORKS,
    OWN_POOLING,
    POOLINGS,
    InputSize,
    NetworkChoices,
    SimilarityNetwork,
    adapt_network,
    build_network,
    height_and_width,
    network_facts,
    network_reading,
)
from simviz_core.networks.inspection.adapting import verified_reading
from simviz_core.networks.inspection.detection import probe_images
from simviz_core.networks.inspection.finite import not_finite
from simviz_core.networks.poolings import LEARNT_POOLINGS

LEARNT_FOR = "simviz.pooling"
"""What a file of safetensors calls the pooling that its weights were learnt for."""


@dataclass(frozen=True)
class _Asked:
    """What is loaded, for messages and choices: the file, the network's title, the tail, the
    layer that is pooled, and how many numbers a cell has."""

    path: Path
    title: str
    tail: str
    layer: str | None
    channels: int


def load_checkpoint(
    path: Path | str,
    network: str,
    pooling: str | None = None,
    size: InputSize | None = None,
    tail: str = "auto",
    layer: str | None = None,
    part: str | None = None,
    output: str | None = None,
) -> tuple[SimilarityNetwork, WeightsMatch]:
    """Load a network with the weights of a checkpoint.

    Args:
        path: The file; see `open_checkpoint`.
        network: The name of its architecture, as for `load_network`.
        pooling: As for `load_network`, like the rest.
        size: In pixels.
        tail: Of the layers after the pooling.
        layer: Whose output is pooled.
        part: Which part of the checkpoint to take, where several fit ("model_ema"); None for the
            first by `parts.rank`.
        output: Which of the network's outputs is its embedding.

    Returns:
        The network, ready for inference, with what is used and left out of the checkpoint in
        its `weights`; and how the weights fitted.

    Raises:
        SettingsError: A name or a size that is not on offer.
        CheckpointError: The file cannot be read, or does not hold all of the network.
        NetworkError: The network cannot be decomposed, or its values are not finite.
    """
    if BETWEEN in network:
        raise SettingsError("a checkpoint holds the weights of one network, not of an ensemble")
    path = Path(path)
    contents = open_checkpoint(path)
    pooling = None if pooling == OWN_POOLING else pooling
    facts = network_facts(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = build_network(network, size, pretrained=False)
    is_trunk = network in NETWORKS
    expected = backbone_weights(built) if is_trunk else network_weights(built)
    choice = choose_part(contents, expected, path, facts.title, part)
    take_weights(choice, expected, path, facts.title)
    channels = _try(built, size or facts.size, path)
    # A trunk of the catalogue has no layers after its pooling: what there is, the checkpoint has.
    own_tail = "auto" if is_trunk and layer is None else tail
    loaded = adapt_network(network, built, size, NetworkChoices(pooling, own_tail, layer, output))
    asked = _Asked(path, facts.title, tail, layer, channels)
    loaded, embedder = _with_embedder(loaded, choice, asked)
    weights = weights_in_use(path, contents, choice, embedder, len(expected))
    return replace(loaded, weights=weights), choice.taken.match


def _try(network: nn.Module, size: InputSize, path: Path) -> int:
    """Run a network on a random image; say how many numbers there are for each cell.

    Raises:
        CheckpointError: What comes out is not finite, or zero everywhere.
    """
    pixels = probe_images(height_and_width(size), seed=0)
    with torch.inference_mode():
        made = network(pixels)
    if not isinstance(made, Tensor):
        return 0  # such networks are refused, or understood, by who adapts them
    if not made.isfinite().all():
        raise CheckpointError(f"{path}: {not_finite(network, pixels)}")
    if not made.any():
        raise CheckpointError(
            f"{path}: with its weights the network makes nothing but zeros; choose another file"
        )
    return made.shape[1]


def _with_embedder(
    network: SimilarityNetwork, choice: Choice, asked: _Asked
) -> tuple[SimilarityNetwork, Embedder]:
    """The network with the embedder that its checkpoint has, if it was learnt for its pooling."""
    part, taken = choice.taken.part, choice.taken.match
    others = {
        key: part.tensors[key]
        for key in taken.unexpected
        if not (choice.prefixes and plain_name(key).startswith(choice.prefixes))
    }
    entry, reading = NETWORKS.get(network.name), network.reading
    own = reading.own_pooling if reading else entry.pooling if entry else None
    noted = safetensors_note(asked.path, LEARNT_FOR)
    own = noted if noted in (*POOLINGS, *LEARNT_POOLINGS) else own
    dimension = reading.dimension if reading else asked.channels
    if asked.layer is not None or own not in (None, network.pooling.name):
        found = find_embedder(others, dimension, "drop", asked.path, asked.title)
        reason = f"learnt for {f'{own} pooling' if asked.layer is None else 'another layer'}"
        left_out = tuple(words.replace("as asked", reason) for words in found.left_out)
        return network, replace(found, left_out=left_out)
    if asked.tail != "drop":
        for name in part.unusable:
            if is_plainly_embedder(name):
                raise refuse_unusable(part, asked.path, name)
    found = find_embedder(others, dimension, asked.tail, asked.path, asked.title)
    if not found.tails:
        return network, found
    tails = (*network.tail, *found.tails)
    reading = verified_reading(network.trunk, network.pooling, network_reading(network), tails)
    return replace(network, tail=tails, reading=reading), found


def save_weights(weights: Mapping[str, Tensor], path: Path, pooling: str | None = None) -> None:
    """Write weights in half precision.

    Args:
        weights: A network's, by its names, on any device; those of an embedder beside them.
        path: The file, `.safetensors`; it appears whole or not at all.
        pooling: The name of the pooling that they were learnt for; an embedder among them is used
            with that one.

    Raises:
        OSError: The file cannot be written.
    """
    halved = {name: _halved(tensor) for name, tensor in weights.items()}
    write_atomically(path, save(halved, None if pooling is None else {LEARNT_FOR: pooling}))


def _halved(tensor: Tensor) -> Tensor:
    """The tensor as float16 on the CPU; as float32 where a value is too large for that."""
    tensor = tensor.detach().cpu().contiguous()
    half = tensor.to(torch.float16)
    return half if half.isfinite().all() else tensor
