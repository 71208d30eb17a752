"""Fitting the weights of a checkpoint to a trunk, by name and shape.

A checkpoint may hold more than the trunk (a classifier, say) and may keep the trunk's tensors
under a prefix (`module.`, `backbone.`, `model.encoder.`). The prefix is found, not configured: it
is the one under which most of the trunk lies. Where names differ altogether, `ordering` goes by
order and shape. What fits only in part is refused: see `choosing`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from simviz_core.networks.catalogue import TimmTrunk
from simviz_core.networks.inspection.trunk import CutTrunk

HEADS = frozenset({"classifier", "fc", "head", "heads", "last_linear"})
"""Names of what follows the pooling; the embedding does not depend on it."""
WRAPPING = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Names that training programs put anywhere between the others; they are overlooked."""
COUNTERS = frozenset({"num_batches_tracked", "total_ops", "total_params", "n_averaged"})
"""Last names of tensors that count something, and are no weights."""
UNUSED = ("aux", "AuxLogits")
"""What blocks begin with that only training runs; a checkpoint may lack them."""
MOST_PREFIXES = 50
"""Copies of a network in one dictionary that are looked at."""


class Shaped(Protocol):
    """A tensor, here or still in its file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        ...

    def numel(self) -> int:
        """How many numbers it has."""
        ...


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
        keys: The checkpoint's name for each tensor of the trunk that it holds in its shape.
        matched: Numbers of the trunk, counted singly, that the checkpoint holds.
        total: Numbers of the trunk, and of what the checkpoint has in its place beyond them: a
            ResNet-101 holds every tensor of a ResNet-50, and is none.
        missing: Names of the trunk that the checkpoint lacks.
        beyond: Names in the checkpoint, inside the trunk's blocks, that the trunk lacks.
        unexpected: All other names in the checkpoint that the trunk lacks.
        wrong_shape: What is in both, but differs in shape.
        is_by_order: Whether it was matched by order and shape, since the names differ.
    """

    prefix: str
    keys: Mapping[str, str]
    matched: int
    total: int
    missing: tuple[str, ...]
    beyond: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[WrongShape, ...]
    is_by_order: bool = False

    @property
    def share(self) -> float:
        """The share that fits, 0..1."""
        return self.matched / self.total

    @property
    def is_complete(self) -> bool:
        """Whether every tensor of the trunk was found, in its shape, and nothing beyond."""
        return not self.missing and not self.wrong_shape and not self.beyond


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
        for name, tensor in network_weights(network).items()
        if name.split(".")[0] not in heads
    }


def network_weights(network: nn.Module) -> dict[str, Tensor]:
    """All tensors of a network without its classifier that its embedding may depend on."""
    return {
        name: tensor
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point() and not is_counter(name)
    }


def is_counter(name: str) -> bool:
    """Whether a tensor counts something, and is no weight."""
    return name.rpartition(".")[2] in COUNTERS


def match_weights(
    expected: Mapping[str, Tensor], weights: Mapping[str, Shaped], prefix: str | None = None
) -> WeightsMatch:
    """Compare the weights of a checkpoint with those of a trunk, by name and shape.

    Args:
        expected: The trunk's, as `backbone_weights` returns them.
        weights: The checkpoint's, here or still in their file.
        prefix: Before the trunk's names; None for the one under which most of it lies.

    Returns:
        What matches and what does not.
    """
    names = plain_names(weights)
    own = {name: plain_name(name) for name in expected}
    if prefix is None:
        prefix = next(iter(prefixes(expected, weights)), "")
    found = {name: names[prefix + plain] for name, plain in own.items() if prefix + plain in names}
    wrong_shape = tuple(
        WrongShape(name, tuple(weights[key].shape), tuple(expected[name].shape))
        for name, key in found.items()
        if tuple(weights[key].shape) != tuple(expected[name].shape)
    )
    used = set(found.values())
    plain_of = {key: plain for plain, key in names.items()}
    left = [key for key in weights if key not in used and not is_counter(key)]
    blocks = tuple({f"{prefix}{plain.split('.')[0]}." for plain in own.values()})
    beyond = [
        key
        for key in left
        if plain_of[key].startswith(blocks) and not _is_of_head(plain_of[key], prefix)
    ]
    are_beyond = set(beyond)
    wrong = {shape.name for shape in wrong_shape}
    absent = [name for name in expected if name not in found]
    return WeightsMatch(
        prefix=prefix,
        keys={name: key for name, key in found.items() if name not in wrong},
        matched=sum(expected[name].numel() for name in found if name not in wrong),
        total=sum(tensor.numel() for tensor in expected.values())
        + sum(weights[key].numel() for key in beyond),
        missing=tuple(name for name in absent if not name.startswith(UNUSED)),
        beyond=tuple(beyond),
        unexpected=tuple(key for key in left if key not in are_beyond),
        wrong_shape=wrong_shape,
    )


def prefixes(expected: Mapping[str, Tensor], weights: Mapping[str, Shaped]) -> list[str]:
    """The prefixes under which at least half of the trunk lies in the checkpoint, most first.

    Returns:
        Prefixes of plain names, each "" or with a dot at its end, `MOST_PREFIXES` at the most; the
        best one alone where no half lies anywhere; none where not even a name is the same.
    """
    own = {plain_name(name): tensor for name, tensor in expected.items()}
    depth = 1 + max(name.count(".") for name in own)
    found: Counter[str] = Counter()
    for plain, key in plain_names(weights).items():
        parts = plain.split(".")
        for start in range(max(0, len(parts) - depth), len(parts)):
            name = ".".join(parts[start:])
            if name in own:
                tensor = weights[key]
                fits = tuple(tensor.shape) == tuple(own[name].shape)
                found[plain.removesuffix(name)] += tensor.numel() if fits else 0
    ordered = [prefix for prefix, _ in found.most_common(MOST_PREFIXES)]
    half = sum(tensor.numel() for tensor in own.values()) / 2
    return [prefix for prefix in ordered if found[prefix] >= half] or ordered[:1]


def plain_name(name: str) -> str:
    """A name without what training programs put between its parts."""
    return ".".join(part for part in name.split(".") if part not in WRAPPING)


def plain_names(weights: Mapping[str, object]) -> dict[str, str]:
    """The names of a checkpoint by what is left of them without `WRAPPING`."""
    names: dict[str, str] = {}
    for key in weights:
        plain = plain_name(key)
        names[key if plain in names or not plain else plain] = key
    return names


def put_weights(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Copy weights into a trunk, as float32.

    Args:
        expected: The trunk's own tensors, changed in place.
        found: By the same names, in the same shapes.
    """
    with torch.no_grad():
        for name, tensor in found.items():
            expected[name].copy_(tensor)


def _is_of_head(plain: str, prefix: str) -> bool:
    return not HEADS.isdisjoint(plain.removeprefix(prefix).split("."))
