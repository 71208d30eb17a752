"""Layers read from weights alone: which kind each is, and the tail that it makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from torch import Tensor

from simviz_core.checkpoints.formats.stored import StoredTensor
from simviz_core.checkpoints.matching import is_counter
from simviz_core.decomposition import AffineTail, LayerNormTail, Tail, normalising_tail
from simviz_core.errors import CheckpointError
from simviz_core.networks.weights import shape_text

NORM_EPS = 1e-5
"""PyTorch's, of layer norm; a state_dict does not hold it."""


class LayerKind(Enum):
    """What a layer is, as far as its weights tell."""

    LINEAR = "fully connected"
    BATCH_NORM = "batch norm"
    NORM = "layer norm, or a scale"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Layer:
    """A layer in a checkpoint.

    Attributes:
        name: Its name, "head.fc.0".
        parts: The checkpoint's names of its tensors by their last part, "weight".
        tensors: The tensors by their last part, still in the file.
        kind: What it is.
        inputs: Numbers that it takes; 0 where it is not known.
        outputs: Numbers that it makes.
    """

    name: str
    parts: Mapping[str, str]
    tensors: Mapping[str, StoredTensor]
    kind: LayerKind
    inputs: int
    outputs: int

    @property
    def number(self) -> int | None:
        """Its place among the layers of an `nn.Sequential`; None where it is in none."""
        last = self.name.rpartition(".")[2]
        return int(last) if last.isdecimal() and len(last) < 6 else None

    @property
    def group(self) -> str:
        """What it is a part of, "head.fc"; its place is left away."""
        return self.name.rpartition(".")[0]

    @property
    def text(self) -> str:
        """What it makes of what, "512 → 128"."""
        if self.kind is LayerKind.LINEAR:
            return f"{self.inputs:,} → {self.outputs:,}"
        if self.kind is LayerKind.UNKNOWN:
            return shape_text(tuple(next(iter(self.tensors.values())).shape))
        return f"{self.kind.value}, {self.inputs:,}"

    def check(self, path: Path) -> None:
        """Refuse a layer whose tensors do not fit one another.

        Raises:
            CheckpointError: They do not.
        """
        shapes = {part: tuple(tensor.shape) for part, tensor in self.tensors.items()}
        others = [shape for part, shape in shapes.items() if part != "weight"]
        is_whole = (
            self.kind is not LayerKind.UNKNOWN
            and self.outputs > 0
            and self.inputs > 0
            and all(shape == (self.outputs,) for shape in others)
            and ("running_mean" in shapes) == ("running_var" in shapes)
        )
        if not is_whole:
            found = ", ".join(f"{part} {shape_text(shape)}" for part, shape in shapes.items())
            raise CheckpointError(
                f"the embedder of {path} cannot be read: {self.name} ({found[:200]}) is neither a "
                "fully connected layer nor a batch norm; drop the layers after the pooling "
                "(--tail drop)"
            )


def layers_of(weights: Mapping[str, StoredTensor]) -> list[Layer]:
    """Group tensors to layers by the names before their last part, in order."""
    grouped: dict[str, dict[str, str]] = {}
    for key in weights:
        name, _, part = key.rpartition(".")
        if not is_counter(key):
            grouped.setdefault(name, {})[part] = key
    first: dict[str, int] = {}
    for place, name in enumerate(grouped):
        first.setdefault(name.rpartition(".")[0], place)

    def order(name: str) -> tuple[int, int]:
        group, _, last = name.rpartition(".")
        return first[group], int(last) if last.isdecimal() and len(last) < 6 else 0

    layers = []
    # The numbered layers of a group by their numbers; some formats sort by name.
    for name, parts in sorted(grouped.items(), key=lambda item: order(item[0])):
        tensors = {part: weights[key] for part, key in parts.items()}
        layers.append(Layer(name, parts, tensors, *_read(tensors)))
    return layers


def tail_of(kind: LayerKind, parts: Mapping[str, Tensor]) -> Tail:
    """The tail of a layer that was checked.

    Args:
        kind: What it is.
        parts: Its tensors by their last part, as float32.
    """
    if kind is LayerKind.BATCH_NORM:
        mean, variance = parts["running_mean"], parts["running_var"]
        return normalising_tail(mean, variance, parts.get("weight"), parts.get("bias"))
    weight = parts["weight"]
    offset = parts.get("bias", weight.new_zeros(len(weight)))
    if kind is LayerKind.NORM:
        return LayerNormTail(weight, offset, NORM_EPS)
    return AffineTail(weight.flatten(1), offset)


def _read(tensors: Mapping[str, StoredTensor]) -> tuple[LayerKind, int, int]:
    shapes = {part: tuple(tensor.shape) for part, tensor in tensors.items()}
    weight = shapes.get("weight")
    known = {"weight", "bias", "running_mean", "running_var"}
    if not shapes.keys() <= known:
        return LayerKind.UNKNOWN, 0, 0
    if "running_mean" in shapes or "running_var" in shapes:
        sizes = set(shapes.values())
        if len(sizes) == 1 and len(next(iter(sizes))) == 1 and len(shapes) != 1:
            (length,) = sizes.pop()
            return LayerKind.BATCH_NORM, length, length
        return LayerKind.UNKNOWN, 0, 0
    if weight is not None and len(weight) == 1:
        return LayerKind.NORM, weight[0], weight[0]
    is_linear = weight is not None and (len(weight) == 2 or weight[2:] == (1, 1))
    if weight is not None and is_linear and len(weight) > 1:
        return LayerKind.LINEAR, weight[1], weight[0]
    return LayerKind.UNKNOWN, 0, 0
