"""Fitting the weights of a checkpoint to a trunk, by name and shape.

A checkpoint may hold more than the trunk (a classifier, say) and may keep the trunk's tensors
under a prefix (`module.`, `backbone.`, `model.encoder.`). The prefix is found, not configured: it
is the one under which most of the trunk lies.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simviz_core.errors import CheckpointError
from simviz_core.networks.catalogue import TimmTrunk
from simviz_core.networks.inspection.trunk import CutTrunk

HEADS = frozenset({"classifier", "fc", "head", "heads", "last_linear"})
"""Names of what follows the pooling; the embedding does not depend on it."""
SMALLEST_SHARE = 0.9
"""Of a network, that a checkpoint must fit to be taken for the same architecture, 0..1."""


@dataclass(frozen=True)
class WrongShape:
    """A tensor that is in the checkpoint by name, but not in its shape.

    Attributes:
        name: The trunk's name for it.
        found: Its shape in the checkpoint.
        expected: Its shape in the trunk.
    """

    name: str
    found: tuple[int, ...]
    expected: tuple[int, ...]


@dataclass(frozen=True)
class WeightsMatch:
    """How the weights of a checkpoint fit a trunk.

    Attributes:
        prefix: What stands before the trunk's names in the checkpoint, "" for nothing.
        matched: Numbers of the trunk, counted singly, that the checkpoint holds.
        total: Numbers of the trunk, and of what the checkpoint has in its place beyond them: a
            ResNet-101 holds every tensor of a ResNet-50, and is none.
        missing: Names of the trunk that the checkpoint lacks.
        unexpected: Names in the checkpoint that the trunk lacks, heads left out.
        wrong_shape: What is in both, but differs in shape.
    """

    prefix: str
    matched: int
    total: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[WrongShape, ...]

    @property
    def share(self) -> float:
        """The share that fits, 0..1."""
        return self.matched / self.total

    @property
    def is_complete(self) -> bool:
        """Whether every tensor of the trunk was found, in its shape."""
        return not self.missing and not self.wrong_shape


def backbone_weights(trunk: nn.Module) -> dict[str, Tensor]:
    """The tensors that a trunk's feature map depends on.

    Returns:
        The trunk's own tensors (not copies) under the names that the library which built the
        network gives them; without a classifier and without counters of batches.
    """
    network = trunk.network if isinstance(trunk, TimmTrunk | CutTrunk) else trunk
    # Networks that were cut have no classifier any more; what is called a head there may be part
    # of the embedding.
    heads = frozenset() if isinstance(trunk, CutTrunk) else HEADS
    return {
        name: tensor
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point() and name.split(".")[0] not in heads
    }


def match_weights(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> WeightsMatch:
    """Compare the weights of a checkpoint with those of a trunk, by name and shape.

    Args:
        expected: The trunk's, as `backbone_weights` returns them.
        weights: The checkpoint's, as `read_checkpoint` returns them.

    Returns:
        What matches and what does not.
    """
    prefix = _prefix(expected, weights)
    found = {name: weights[prefix + name] for name in expected if prefix + name in weights}
    wrong_shape = tuple(
        WrongShape(name, tuple(tensor.shape), tuple(expected[name].shape))
        for name, tensor in found.items()
        if tensor.shape != expected[name].shape
    )
    used = {prefix + name for name in found}
    unexpected = [key for key in weights if key not in used and not _is_of_head(key)]
    blocks = tuple({f"{prefix}{name.split('.')[0]}." for name in expected})
    beyond = [key for key in unexpected if key.startswith(blocks)]
    total = sum(tensor.numel() for tensor in expected.values())
    wrong = {shape.name for shape in wrong_shape}
    return WeightsMatch(
        prefix=prefix,
        matched=sum(expected[name].numel() for name in found if name not in wrong),
        total=total + sum(weights[key].numel() for key in beyond),
        missing=tuple(name for name in expected if name not in found),
        unexpected=tuple(unexpected),
        wrong_shape=wrong_shape,
    )


def load_weights(trunk: nn.Module, weights: Mapping[str, Tensor], name: str) -> WeightsMatch:
    """Put the weights of a checkpoint into a trunk, as float32.

    What does not match keeps the value that it has in the trunk.

    Args:
        trunk: Is changed in place, or left alone if the weights are refused.
        weights: As `read_checkpoint` returns them, in any floating dtype.
        name: The checkpoint's, for messages.

    Returns:
        What matched and what did not.

    Raises:
        CheckpointError: Less than `SMALLEST_SHARE` fits, or a weight is not a finite number.
    """
    return _load(backbone_weights(trunk), weights, name)


def load_network_weights(
    network: nn.Module, weights: Mapping[str, Tensor], name: str
) -> WeightsMatch:
    """Put the weights of a checkpoint into a whole network without its classifier.

    As `load_weights`, but whatever the network has counts, its head included.
    """
    state = network.state_dict()
    expected = {key: tensor for key, tensor in state.items() if tensor.is_floating_point()}
    return _load(expected, weights, name)


def _load(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], name: str) -> WeightsMatch:
    match = match_weights(expected, weights)
    if match.share < SMALLEST_SHARE:
        raise CheckpointError(_poor_match(match, name))
    unmatched = {*match.missing, *(wrong.name for wrong in match.wrong_shape)}
    found = {key: weights[match.prefix + key] for key in expected if key not in unmatched}
    for key, tensor in found.items():
        if not tensor.to(torch.float32).isfinite().all():
            raise CheckpointError(
                f"{name} holds weights that are not finite numbers, first in {key}; the training "
                "went astray before this checkpoint was written"
            )
    with torch.no_grad():
        for key, tensor in found.items():
            expected[key].copy_(tensor)
    return match


def _prefix(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """The prefix under which most of the trunk lies in the checkpoint."""
    depth = 1 + max(name.count(".") for name in expected)
    found: Counter[str] = Counter()
    for key, tensor in weights.items():
        parts = key.split(".")
        for start in range(max(0, len(parts) - depth), len(parts)):
            name = ".".join(parts[start:])
            if name in expected:
                fits = tensor.shape == expected[name].shape
                found[key.removesuffix(name)] += tensor.numel() if fits else 0
    return max(found, key=found.__getitem__, default="")


def _is_of_head(key: str) -> bool:
    return not HEADS.isdisjoint(key.split("."))


def _poor_match(match: WeightsMatch, name: str) -> str:
    return (
        f"{name} fits only to {match.share:.0%} ({match.matched:,} of {match.total:,} numbers; "
        f"{len(match.missing)} tensors missing, {len(match.unexpected)} unexpected, "
        f"{len(match.wrong_shape)} of another shape); choose the network that it was trained with"
    )
