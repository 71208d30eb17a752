"""Finding a network's own pooling: watch it run on probe images, and match what was seen.

From the output the chain of operations is followed back, as long as each has a single input. On
it lie the embedding, the layers before it, the pooling and the last feature map. Which pooling it
is, is found by its numbers: the rule whose result is the vector that the network went on with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor, nn

from simviz_core.errors import NetworkError
from simviz_core.networks.heads.finding import find_composed
from simviz_core.networks.heads.program import THREE
from simviz_core.networks.inspection.attention import (
    is_attention_pooling,
    read_attention,
)
from simviz_core.networks.inspection.class_tokens.reading import read_class_token
from simviz_core.networks.inspection.layout import layouts
from simviz_core.networks.inspection.own_pooling import (
    FeatureMap,
    OwnPooling,
    call_of,
    channels_of,
    feature_map_of,
    match_pooling,
    own_pooling,
    tells_and_agrees,
)
from simviz_core.networks.inspection.tails import DIVISIONS, TailReading
from simviz_core.networks.inspection.tracing import Node, Trace, trace, values_at

CLASS_TOKEN_ALONE = "its embedding is the class token, whose way cannot be followed"
LONGEST_CHAIN = 60


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


def detect(network: nn.Module, size: tuple[int, int], run: Trace) -> Detection:
    """Find a network's last feature map, its pooling and the layers after it.

    Args:
        network: In evaluation mode, on any device; its output is its embedding.
        size: Height and width of the images to try it on, in pixels.
        run: Of it with the first random images; see `Calling.run`.

    Returns:
        What was found.
    """
    pixels = probe_images(size, seed=0).to(device_of(network))
    if run.nodes[run.output].call is None:
        return _opaque(run.nodes[run.output], size)
    chain = list(_chain(run))
    values = values_at(network, pixels, [node.call for node in chain if node.call])
    if by_attention := _by_attention(run, chain, values, size):
        return by_attention
    if ending := _ending_in_feature_map(chain, values, size):
        return Detection(None, "it ends in a feature map, which it does not pool", ending, True)
    start = _first_vector(values)
    own = match_pooling(chain, values, start, size) if start else None
    if own:
        return Detection(own, None, own.feature_map)
    reason, last = _why_none(chain, values, start), _last_feature_map(run, size)
    if chain and last is not None:
        try:
            return Detection(read_class_token(network, run, chain, pixels, last), None, last)
        except NetworkError as error:
            reason = f"{reason}: {error}" if reason == CLASS_TOKEN_ALONE else reason
    if own := _composed(network, pixels, run, size):
        return Detection(own, None, own.feature_map)
    return Detection(None, reason, last)


def _composed(
    network: nn.Module, pixels: Tensor, run: Trace, size: tuple[int, int]
) -> OwnPooling | None:
    """A pooling that the network puts together itself."""
    more = probe_images(size, seed=0, count=THREE).to(pixels)
    found = find_composed(network, pixels, run, trace(network, more), size)
    if found is None:
        return None
    where = replace(found.maps[0], joined=found.maps if len(found.maps) > 1 else ())
    nothing = TailReading((), ())
    return OwnPooling(where, found.pooling, (), found.result, nothing, (), found.left_out)


def _opaque(output: Node, size: tuple[int, int]) -> Detection:
    """A compiled program shows its output alone."""
    layout = next(layouts(output.shape, size), None)
    if layout is not None:
        where = FeatureMap(None, layout, channels_of(output.shape, layout))
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
    return is_vector_shape(tuple(value.shape))


def is_vector_shape(shape: tuple[int, ...]) -> bool:
    """Whether a shape is that of one vector for each image."""
    return len(shape) > 1 and prod(shape[1:]) == max(shape[1:])


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
    return feature_map_of(chain[-1], size)


def _last_feature_map(run: Trace, size: tuple[int, int]) -> FeatureMap | None:
    """The last result that looks like a feature map among all that the output depends on."""
    needed = sorted(run.leading_to(run.output), reverse=True)
    found = (feature_map_of(run.nodes[number], size) for number in needed)
    return next(filter(None, found), None)


def _by_attention(
    run: Trace, chain: Sequence[Node], values: Sequence[Tensor], size: tuple[int, int]
) -> Detection | None:
    """The pooling of an attention layer whose output lies on the chain."""
    places = {node.number: place for place, node in enumerate(chain)}
    for done in run.modules:
        if not is_attention_pooling(done.module) or done.result not in places:
            continue
        where = None if done.source is None else feature_map_of(run.nodes[done.source], size)
        if where is None:
            continue
        if where.layout.prefix:
            reason = "its attention pooling attends to a class token, too, which is no cell"
            return Detection(None, reason, where)
        try:
            read = read_attention(done.module, where.layout.grid)
        except NetworkError as error:
            return Detection(None, str(error), where)
        place, result = places[done.result], call_of(chain[places[done.result]])
        own = own_pooling(where, read.pooling, (), chain, values, place)
        if read.left_out:
            own = OwnPooling(where, read.pooling, (), result, TailReading((), ()), ())
        for part in run.modules:
            if part.module is read.projected_by and read.projected_by is not None:
                result = call_of(run.nodes[part.result])
        always = () if read.projection is None else (read.projection,)
        found = OwnPooling(where, read.pooling, always, result, own.tail, own.ends, read.left_out)
        return Detection(found, None, where)
    return None


def _why_none(chain: Sequence[Node], values: Sequence[Tensor], start: int | None) -> str:
    """Why no rule matched, in words."""
    if not start:
        names = f" (its last step is {chain[0].name!r})" if chain else ""
        return f"its embedding is put together from several vectors{names}, which is no pooling"
    first, before = values[start].flatten(1), values[start - 1]
    if before.dim() == 3 and before.shape[2] == first.shape[1]:
        if tells_and_agrees(before[:, 0], first):
            return CLASS_TOKEN_ALONE
        if tells_and_agrees(before.mean(1), first):
            return "its embedding is a mean that class or register tokens are part of"
    return f"none of the poolings is what it does (its own is {chain[start].name.strip('_')!r})"
