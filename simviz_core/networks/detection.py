"""Finding a network's own pooling: watch it run on probe images, and match what was seen.

From the output the chain of operations is followed back, as long as each has a single input. On
it lie the embedding, the layers before it, the pooling and the last feature map. Which pooling it
is, is found by its numbers: the rule whose result is the vector that the network went on with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.decomposition import (
    AffineTail,
    AveragePooling,
    GeMPooling,
    MaxPooling,
    PerCellLinear,
    Pooling,
    SumPooling,
    Tail,
)
from simviz_core.decomposition.pooling import at_least_float32
from simviz_core.errors import NetworkError
from simviz_core.networks.attention import attention_parts, is_attention_pooling, read_attention
from simviz_core.networks.layout import Layout, layouts
from simviz_core.networks.tails import DIVISIONS, TailReading, read_tails
from simviz_core.networks.tracing import Call, Node, Trace, trace, values_at

LONGEST_CHAIN = 60
FEWEST_CHANNELS = 4
"""Of a feature map; one vector for each image can look like cells of a single channel."""
MATCHES = 1e-4
"""A rule whose result differs by less, relatively, is the network's own."""
PLAIN_RULES: tuple[Pooling, ...] = (AveragePooling(), MaxPooling(), SumPooling())


@dataclass(frozen=True)
class FeatureMap:
    """Where a network's last feature map is.

    Attributes:
        call: The operation whose result it is; None for the network's output itself.
        layout: How that holds it.
        channels: C.
    """

    call: Call | None
    layout: Layout
    channels: int


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


@dataclass(frozen=True)
class Detection:
    """What was found in a network.

    Attributes:
        own: Its own pooling; None where no rule is it.
        reason: Why none is, in words.
        last: Its last feature map, which can be pooled in other ways; None if there is none.
        ends_in_feature_map: Whether that is the output, for whoever loads the network to pool.
    """

    own: OwnPooling | None
    reason: str | None
    last: FeatureMap | None
    ends_in_feature_map: bool = False


def probe_images(size: tuple[int, int], seed: int, count: int = 2) -> Tensor:
    """Random images for trying a network on: coarse and fine noise of varying strength.

    Args:
        size: Height and width, in pixels.
        seed: Another one gives other images.
        count: N.

    Returns:
        (N, 3, height, width), float32, scaled about as preprocessing leaves images.
    """
    chance = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, 7, 7, generator=chance)
    smooth = nn.functional.interpolate(coarse, size, mode="bilinear")
    fine = torch.randn(count, 3, *size, generator=chance)
    strength = 0.3 + torch.rand(count, 1, 1, 1, generator=chance)
    return strength * (smooth + fine / 2) + torch.randn(count, 3, 1, 1, generator=chance) / 4


def detect(network: nn.Module, size: tuple[int, int]) -> Detection:
    """Find a network's last feature map, its pooling and the layers after it.

    Args:
        network: In evaluation mode, on any device; its output is its embedding.
        size: Height and width of the images to try it on, in pixels.

    Returns:
        What was found.

    Raises:
        NetworkError: It cannot run on such images, or returns no tensor.
    """
    pixels = probe_images(size, seed=0).to(device_of(network))
    run = trace(network, pixels, attention_parts(network))
    if run.nodes[run.output].call is None:
        return _opaque(run.nodes[run.output], size)
    chain = list(_chain(run))
    values = values_at(network, pixels, [node.call for node in chain if node.call])
    if by_attention := _by_attention(run, chain, values, size):
        return by_attention
    if ending := _ending_in_feature_map(chain, values, size):
        return Detection(None, "it ends in a feature map, which it does not pool", ending, True)
    start = _first_vector(values)
    own = _match(chain, values, start, size) if start else None
    if own:
        return Detection(own, None, own.feature_map)
    return Detection(None, _why_none(chain, values, start), _last_feature_map(run, size))


def _opaque(output: Node, size: tuple[int, int]) -> Detection:
    """A compiled program shows its output alone."""
    layout = next(layouts(output.shape, size), None)
    if layout is not None:
        where = FeatureMap(None, layout, _channels(output.shape, layout))
        return Detection(None, None, where, ends_in_feature_map=True)
    return Detection(
        None,
        "what happens inside a compiled program cannot be seen, and it does not put out a feature "
        "map; save the part that ends there, or an exported program (.pt2)",
        None,
    )


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights are; the CPU for one that has none."""
    first = next(network.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _chain(run: Trace) -> Iterator[Node]:
    """The operations that lead to the output, one input each; the first has several or none."""

    def backwards() -> Iterator[Node]:
        node = run.nodes[run.output]
        for _ in range(LONGEST_CHAIN):
            if node.call is None:
                return
            yield node
            inputs = node.inputs
            # Division of a vector by its own length takes it twice.
            if len(inputs) == 2 and node.name.strip("_") in DIVISIONS and len(node.shape) == 2:
                inputs = inputs[:1]
            if len(inputs) != 1:
                return
            node = run.nodes[inputs[0]]

    return reversed(list(backwards()))


def _is_vector(value: Tensor) -> bool:
    """Whether a result holds one vector for each image: (N, D), (N, D, 1, 1) or the like."""
    return value.dim() > 1 and value[0].numel() == max(value.shape[1:])


def _first_vector(values: Sequence[Tensor]) -> int | None:
    """The place from which on all results are vectors; 0 and None say that none was pooled."""
    start = len(values)
    while start and _is_vector(values[start - 1]):
        start -= 1
    return start if start < len(values) else None


def _ending_in_feature_map(
    chain: Sequence[Node], values: Sequence[Tensor], size: tuple[int, int]
) -> FeatureMap | None:
    if not chain or _is_vector(values[-1]):
        return None
    return _feature_map(chain[-1], size)


def _feature_map(node: Node, size: tuple[int, int]) -> FeatureMap | None:
    layout = next(layouts(node.shape, size), None)
    if layout is None or node.call is None or node.shape[0] != 2:
        return None
    channels = _channels(node.shape, layout)
    return FeatureMap(node.call, layout, channels) if channels >= FEWEST_CHANNELS else None


def _channels(shape: tuple[int, ...], layout: Layout) -> int:
    return shape[1:][layout.order.index("C")]


def _last_feature_map(run: Trace, size: tuple[int, int]) -> FeatureMap | None:
    """The last result that looks like a feature map among all that the output depends on."""
    needed = {run.output}
    for node in reversed(run.nodes):
        if node.number in needed:
            if found := _feature_map(node, size):
                return found
            needed.update(node.inputs)
    return None


def _match(
    chain: Sequence[Node], values: Sequence[Tensor], start: int, size: tuple[int, int]
) -> OwnPooling | None:
    """The rule that makes the first vector out of a feature map before it.

    Of several feature maps (one may be the mean over the columns of another) the one with the
    most cells.
    """
    matches: list[tuple[int, OwnPooling]] = []
    for source in range(start - 1, -1, -1):
        for layout in layouts(tuple(values[source].shape), size):
            F = at_least_float32(layout.cells_first(values[source]))
            for rule, result, always in _candidates(chain, values, source, start, layout, F):
                found = rule.embed(F)
                for layer in always:
                    found = layer.embed(found)
                if _agree(found, values[result].flatten(1)):
                    where = FeatureMap(chain[source].call, layout, F.shape[-1])
                    own = _own(where, rule, always, chain, values, result)
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
        weight = first.arguments[1]
        if tuple(weight.shape[1:]) == tuple(values[source].shape[1:]):
            added = first.arguments[2] if len(first.arguments) > 2 else None
            offset = weight.new_zeros(len(weight)) if added is None else added.detach()
            tail = AffineTail(torch.ones_like(offset), offset, "")
            yield PerCellLinear(weight.detach()), start, (tail,)


def _own(
    where: FeatureMap,
    rule: Pooling,
    always: tuple[Tail, ...],
    chain: Sequence[Node],
    values: Sequence[Tensor],
    result: int,
) -> OwnPooling:
    rest = read_tails(chain[result:], values[result:])
    ends = [_call(chain[result + end]) for end in rest.ends]
    return OwnPooling(where, rule, always, _call(chain[result]), rest, tuple(ends))


def _by_attention(
    run: Trace, chain: Sequence[Node], values: Sequence[Tensor], size: tuple[int, int]
) -> Detection | None:
    """The pooling of an attention layer whose output lies on the chain."""
    places = {node.number: place for place, node in enumerate(chain)}
    for done in run.modules:
        if not is_attention_pooling(done.module) or done.result not in places:
            continue
        where = None if done.source is None else _feature_map(run.nodes[done.source], size)
        if where is None:
            continue
        if where.layout.prefix:
            reason = "its attention pooling attends to a class token, too, which is no cell"
            return Detection(None, reason, where)
        try:
            read = read_attention(done.module, where.layout.grid)
        except NetworkError as error:
            return Detection(None, str(error), where)
        place, result = places[done.result], _call(chain[places[done.result]])
        own = _own(where, read.pooling, (), chain, values, place)
        if read.left_out:
            own = OwnPooling(where, read.pooling, (), result, TailReading((), ()), ())
        for part in run.modules:
            if part.module is read.projected_by and read.projected_by is not None:
                result = _call(run.nodes[part.result])
        always = () if read.projection is None else (read.projection,)
        found = OwnPooling(where, read.pooling, always, result, own.tail, own.ends, read.left_out)
        return Detection(found, None, where)
    return None


def _call(node: Node) -> Call:
    assert node.call is not None
    return node.call


def _agree(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    scale = expected.abs().max()
    return bool(scale > 0) and bool((found - expected).abs().max() <= MATCHES * scale)


def _why_none(chain: Sequence[Node], values: Sequence[Tensor], start: int | None) -> str:
    """Why no rule matched, in words."""
    if not start:
        names = f" (its last step is {chain[0].name!r})" if chain else ""
        return f"its embedding is put together from several vectors{names}, which is no pooling"
    first, before = values[start].flatten(1), values[start - 1]
    if before.dim() == 3 and before.shape[2] == first.shape[1]:
        if _agree(before[:, 0], first):
            return "its embedding is the class token, which is no sum over the cells"
        if _agree(before.mean(1), first):
            return "its embedding is a mean that class or register tokens are part of"
    return f"none of the poolings is what it does (its own is {chain[start].name.strip('_')!r})"
