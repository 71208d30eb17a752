"""A network's own pooling, found by its numbers among the operations that lead to its output."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simviz_core.decomposition import (
    AffineTail,
    AveragePooling,
    DepthwisePooling,
    GeMPooling,
    MaxPooling,
    PerCellLinear,
    Pooling,
    SumPooling,
    Tail,
)
from simviz_core.decomposition.pooling import at_least_float32
from simviz_core.networks.inspection.layout import Layout, layouts
from simviz_core.networks.inspection.tails import TailReading, agree, read_tails
from simviz_core.networks.inspection.tracing import Call, Node

PLAIN_RULES: tuple[Pooling, ...] = (AveragePooling(), MaxPooling(), SumPooling())

FEWEST_CHANNELS = 4
"""Of a feature map; one vector for each image can look like cells of a single channel."""


@dataclass(frozen=True)
class FeatureMap:
    """Where a network's last feature map is.

    Attributes:
        call: The operation whose result it is; None for the network's output itself.
        layout: How that holds it.
        channels: C.
        joined: Where several are pooled together, all of them; the first is this one.
    """

    call: Call | None
    layout: Layout
    channels: int
    joined: tuple["FeatureMap", ...] = ()


def feature_map_of(node: Node, size: tuple[int, int]) -> FeatureMap | None:
    """The feature map that an operation puts out for two images; None where it is none."""
    layout = next(layouts(node.shape, size), None)
    if layout is None or node.call is None or node.shape[0] != 2:
        return None
    channels = channels_of(node.shape, layout)
    return FeatureMap(node.call, layout, channels) if channels >= FEWEST_CHANNELS else None


def channels_of(shape: tuple[int, ...], layout: Layout) -> int:
    """The number of channels of a tensor that holds a feature map."""
    return shape[1:][layout.order.index("C")]


@dataclass(frozen=True)
class OwnPooling:
    """The pooling that a network does itself.

    Attributes:
        feature_map: What it pools.
        pooling: The rule.
        always: Layers that cannot be parted from it: the bias of what follows a flattening, the
            projection of attention heads.
        result: The operation whose result is the pooled vector, those layers applied.
        tail: The layers after it.
        ends: For each of them, the operation that it ends with.
        left_out: What follows the pooling but cannot be kept, in words; None for nothing.
    """

    feature_map: FeatureMap
    pooling: Pooling
    always: tuple[Tail, ...]
    result: Call
    tail: TailReading
    ends: tuple[Call, ...]
    left_out: str | None = None


def match_pooling(
    chain: Sequence[Node], values: Sequence[Tensor], start: int, size: tuple[int, int]
) -> OwnPooling | None:
    """Find the rule that makes the first vector out of a feature map before it.

    Args:
        chain: The operations that lead to the output, each taking the result of the one before.
        values: Their results on probe images.
        start: The place of the first vector.
        size: Height and width of the images, in pixels.

    Returns:
        The pooling, and what follows it; None where no rule is the network's. Of several feature
        maps (one may be the mean over the columns of another) the one with the most cells.
    """
    matches: list[tuple[int, OwnPooling]] = []
    for source in range(start - 1, -1, -1):
        for layout in layouts(tuple(values[source].shape), size):
            F = at_least_float32(layout.cells_first(values[source]))
            for rule, result, always in _candidates(chain, values, source, start, layout, F):
                found = rule.embed(F)
                for layer in always:
                    found = layer.embed(found)
                if tells_and_agrees(found, values[result].flatten(1)):
                    where = FeatureMap(chain[source].call, layout, F.shape[-1])
                    own = own_pooling(where, rule, always, chain, values, result)
                    if isinstance(rule, GeMPooling):
                        return own
                    matches.append((layout.grid[0] * layout.grid[1], own))
    return max(matches, key=lambda match: match[0])[1] if matches else None


def _candidates(
    chain: Sequence[Node],
    values: Sequence[Tensor],
    source: int,
    start: int,
    layout: Layout,
    F: Tensor,
) -> Iterator[tuple[Pooling, int, tuple[Tail, ...]]]:
    """Rules that might be the network's own, with the place of their result."""
    # Where all the cells are alike (an untrained network may be dead), the rules do not differ.
    if F.shape[-1] == values[start][0].numel():
        if exponents := _gem(chain, source, start):
            (p, clamp), result = exponents
            yield GeMPooling(p, clamp), result, ()
        for rule in PLAIN_RULES:
            yield rule, start, ()
    if layout.prefix == 0:
        yield from _flattened(chain, values, source, start, layout)


def _gem(
    chain: Sequence[Node], source: int, start: int
) -> tuple[tuple[float | Tensor, float], int] | None:
    """(p, ε) and the place of the root, for [clamp,] power, mean, root."""
    names = [node.name.strip("_") for node in chain]
    # What is clamped is the feature map, not what comes out of that.
    if names[source + 1] != "clamp" and (names[source + 1] != "pow" or names[source] == "clamp"):
        return None
    before = dict(zip(names[source + 1 : start], chain[source + 1 : start], strict=True))
    roots = [i for i in range(start, len(chain)) if names[i] == "pow"]
    power = before.get("pow")
    if power is None or not roots:
        return None
    p = power.arguments[1] if len(power.arguments) > 1 else power.keywords["exponent"]
    clamp: Any = 1e-12
    if "clamp" in before:
        limits = [*before["clamp"].arguments[1:2], before["clamp"].keywords.get("min")]
        clamp = next((limit for limit in limits if limit is not None), clamp)
    exponent = p.detach().flatten() if isinstance(p, Tensor) else float(p)
    if isinstance(exponent, Tensor) and len(exponent) == 1:
        exponent = exponent.item()
    return (exponent, float(clamp)), roots[0]


def _flattened(
    chain: Sequence[Node], values: Sequence[Tensor], source: int, start: int, layout: Layout
) -> Iterator[tuple[Pooling, int, tuple[Tail, ...]]]:
    """Flattening and a fully connected layer, or a convolution as large as the feature map."""
    first = chain[start]
    if values[source].numel() == values[start].numel():
        rest = read_tails(chain[start:], values[start:])
        layer = rest.tails[0] if rest.tails else None
        if isinstance(layer, AffineTail) and layer.weight.dim() == 2:
            sides = {"C": values[source].shape[1:][layout.order.index("C")]}
            sides |= {"H": layout.grid[0], "W": layout.grid[1]}
            order = layout.order.replace("L", "HW")
            weight = layer.weight.unflatten(1, [sides[side] for side in order])
            weight = weight.permute(0, *(1 + order.index(side) for side in "CHW"))
            bias = AffineTail(torch.ones_like(layer.offset), layer.offset, "")
            yield PerCellLinear(weight), start + rest.ends[0], (bias,)
    elif first.name == "conv2d" and source == start - 1 and layout.order == "CHW":
        weight = first.arguments[1].detach()
        added = first.arguments[2] if len(first.arguments) > 2 else None
        offset = weight.new_zeros(len(weight)) if added is None else added.detach()
        tail = AffineTail(torch.ones_like(offset), offset, "")
        if tuple(weight.shape[1:]) == tuple(values[source].shape[1:]):
            yield PerCellLinear(weight), start, (tail,)
        elif tuple(weight[:, 0].shape) == tuple(values[source].shape[1:]):
            yield DepthwisePooling(weight[:, 0]), start, (tail,)


def own_pooling(
    where: FeatureMap,
    rule: Pooling,
    always: tuple[Tail, ...],
    chain: Sequence[Node],
    values: Sequence[Tensor],
    result: int,
) -> OwnPooling:
    """A pooling with the layers that follow its result, read from the rest of the chain."""
    rest = read_tails(chain[result:], values[result:])
    ends = [call_of(chain[result + end]) for end in rest.ends]
    return OwnPooling(where, rule, always, call_of(chain[result]), rest, tuple(ends))


def call_of(node: Node) -> Call:
    """The call of an operation that is none of the pixels."""
    assert node.call is not None
    return node.call


def tells_and_agrees(found: Tensor, expected: Tensor) -> bool:
    """Whether a rule's result is what the network went on with; zeros would tell nothing."""
    return bool(expected.any()) and agree(found, expected)
