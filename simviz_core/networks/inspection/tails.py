"""From the operations after a pooling to the tails that carry a decomposition through them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simviz_core.decomposition import (
    AffineTail,
    ElementwiseTail,
    LayerNormTail,
    Tail,
    affine_tail,
    normalising_tail,
    unit_norm,
)
from simviz_core.decomposition.pooling import at_least_float32
from simviz_core.decomposition.tail import BATCH_NORM_EPS, NONLINEARITIES
from simviz_core.networks.inspection.tracing import Node, Reference

AGREES = 1e-4
"""A rule or a layer whose result differs by less, relative to the largest value, is the operation
that was seen."""
DIVISIONS = ("normalize", "div", "truediv", "true_divide")
"""How networks divide an embedding by its length."""


@dataclass(frozen=True)
class TailReading:
    """What follows a pooling, as far as it is understood.

    Attributes:
        tails: The layers, in order.
        ends: For each of them, the place of the operation that it ends with.
        stopper: The name of the first operation that is not understood; None if all are.
    """

    tails: tuple[Tail, ...]
    ends: tuple[int, ...]
    stopper: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether all is understood, and no layer is an approximation."""
        return self.stopper is None and all(tail.is_exact for tail in self.tails)

    @property
    def first_inexact(self) -> str | None:
        """What keeps it from being exact: the first such layer or operation."""
        return next((tail.title for tail in self.tails if not tail.is_exact), self.stopper)


def read_tails(nodes: Sequence[Node], values: Sequence[Tensor]) -> TailReading:
    """Read the layers that follow a pooled vector.

    Args:
        nodes: The operations after the pooling, in order, each taking the result of the one
            before; the first is the pooling itself.
        values: Their results on probe images.

    Returns:
        The layers, up to the first operation that is not understood.
    """
    tails: list[Tail] = []
    ends: list[int] = []
    is_unit = False
    for place in range(1, len(nodes)):
        before, after = values[place - 1].flatten(1), values[place].flatten(1)
        if torch.equal(before, after):
            continue
        name = nodes[place].name.strip("_")
        tail = None if is_unit else _tail_of(nodes[place], before)
        if tail is not None and agree(tail.embed(before), after):
            tails.append(tail)
            ends.append(place)
        elif name in DIVISIONS and _is_parallel(before, after):
            is_unit = True  # The cosine divides by the length anyway.
        else:
            return TailReading(tuple(tails), tuple(ends), name)
    return TailReading(tuple(tails), tuple(ends))


def agree(found: Tensor, expected: Tensor) -> bool:
    """Whether a result is what the network went on with, within `AGREES`."""
    if found.shape != expected.shape:
        return False
    scale = expected.abs().max().clamp_min(1e-12)
    return bool((found - expected).abs().max() <= AGREES * scale)


def _is_parallel(one: Tensor, other: Tensor) -> bool:
    """Whether two batches of vectors differ, vector by vector, by a factor only."""
    return one.shape == other.shape and agree(unit_norm(one), unit_norm(other))


def _tail_of(node: Node, before: Tensor) -> Tail | None:
    """The layer of one operation, if there is a tail for it."""
    name, arguments = node.name.strip("_"), _by_name(node)
    if name in NONLINEARITIES:
        return ElementwiseTail(name)
    constants = [value for value in arguments.values() if isinstance(value, Tensor)]
    if name in ("linear", "addmm") and constants:
        return _linear(arguments["weight"], arguments.get("bias"))
    if name == "conv2d" and arguments["weight"].shape[2:].numel() == 1 and _has_one_group(node):
        return _linear(arguments["weight"].flatten(1), arguments.get("bias"))
    if name == "matmul" and len(constants) == 1 and constants[0] is node.arguments[1]:
        return affine_tail(constants[0].detach().mT, None) if constants[0].dim() == 2 else None
    if name == "batch_norm" and arguments.get("running_mean") is not None:
        return _batch_norm(arguments)
    if name == "layer_norm":
        weight = arguments.get("weight")
        bias = arguments.get("bias")
        ones = torch.ones_like(before[0])
        return LayerNormTail(
            ones if weight is None else at_least_float32(weight.detach()),
            torch.zeros_like(ones) if bias is None else at_least_float32(bias.detach()),
            arguments.get("eps", 1e-5),
        )
    if name in ("mul", "add", "sub", "div", "truediv"):
        return _scaling(name, node, before)
    return None


NAMES = {
    "linear": ("input", "weight", "bias"),
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "batch_norm": (
        *("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    ),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
}
OPERATOR_NAMES = {
    "batch_norm": (
        *("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps"),
    ),
}
"""Where `torch.ops.aten` and `torch.batch_norm` differ from `torch.nn.functional`."""


def _by_name(node: Node) -> dict[str, Any]:
    """The arguments of an operation by their names in PyTorch."""
    names = NAMES.get(node.name, ())
    function = node.call.function if node.call else None
    if node.name in OPERATOR_NAMES and getattr(function, "__module__", "") != "torch.nn.functional":
        names = OPERATOR_NAMES[node.name]
    positional = dict(zip(names, node.arguments, strict=False))
    unnamed = {f"argument {i}": value for i, value in enumerate(node.arguments[len(names) :])}
    return positional | unnamed | dict(node.keywords)


def _has_one_group(node: Node) -> bool:
    return _by_name(node).get("groups", 1) == 1


def _linear(weight: Tensor, bias: Tensor | None) -> AffineTail:
    return affine_tail(weight.detach(), None if bias is None else bias.detach())


def _batch_norm(arguments: dict[str, Any]) -> AffineTail:
    weight, bias = arguments.get("weight"), arguments.get("bias")
    return normalising_tail(
        arguments["running_mean"],
        arguments["running_var"],
        None if weight is None else weight.detach(),
        None if bias is None else bias.detach(),
        arguments.get("eps", BATCH_NORM_EPS),
    )


def _scaling(name: str, node: Node, before: Tensor) -> Tail | None:
    """e · s, e + s, e − s or e / s, with a number or one number for each component."""
    if len(node.arguments) != 2 or not isinstance(node.arguments[0], Reference):
        return None
    other = node.arguments[1]
    if other == node.arguments[0] and name == "add":  # two heads, both of them identities
        name, other = "mul", 2.0
    if isinstance(other, Reference):
        return None
    values = torch.as_tensor(other, dtype=before.dtype, device=before.device).detach().flatten()
    if len(values) not in (1, before.shape[1]):
        return None
    values = values.expand(before.shape[1]).clone()
    one, zero = torch.ones_like(values), torch.zeros_like(values)
    if name in ("add", "sub"):
        return AffineTail(one, values if name == "add" else -values, "shift")
    return AffineTail(values if name == "mul" else 1 / values, zero, "scale")
