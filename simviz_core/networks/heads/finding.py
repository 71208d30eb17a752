"""Finding the feature maps that a network's own pooling begins with, and what it does to them."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from simviz_core.errors import NetworkError
from simviz_core.networks.heads.carrying import (
    AFFINE,
    LOCAL,
    MOVING,
    RATIO,
    ROOTS,
    SLICING,
    WEIGHT,
    Rules,
    find_rules,
)
from simviz_core.networks.heads.composed import ComposedPooling, Part, source_of
from simviz_core.networks.heads.program import Program, program_between
from simviz_core.networks.inspection.own_pooling import FeatureMap, feature_map_of
from simviz_core.networks.inspection.tails import agree
from simviz_core.networks.inspection.tracing import Call, Node, Trace, values_at

MOST_STEPS = 400
"""After the feature maps: where there are more, they begin too early in the network."""
UNNAMED = (*MOVING, "stack", "setitem")
"""What moves numbers about, or puts them together, is not named."""


@dataclass(frozen=True)
class Composed:
    """A pooling that a network puts together itself.

    Attributes:
        pooling: The pooling.
        maps: The feature maps that it begins with.
        result: The operation whose result is the embedding.
        left_out: What follows but cannot be carried, in the network's words; None for nothing.
    """

    pooling: ComposedPooling
    maps: tuple[FeatureMap, ...]
    result: Call
    left_out: str | None


def find_composed(
    network: nn.Module, pixels: Tensor, two: Trace, three: Trace, size: tuple[int, int]
) -> Composed | None:
    """Find what a network does to its last feature map, or maps, operation by operation.

    Args:
        network: In evaluation mode.
        pixels: (2, 3, height, width), the random images of `two`.
        two: Its run with two images.
        three: Its run with three.
        size: Height and width of the images, in pixels.

    Returns:
        The pooling; None where its embedding cannot be carried.
    """
    best: Composed | None = None
    for number, where in _waists(two, size):
        if best and prod(where.layout.grid) <= prod(best.maps[0].layout.grid):
            continue
        found = _begun_at(network, pixels, two, three, {number: where})
        if best and not found:
            break
        # Of several (one may be the windows over another) the one with the most cells.
        best = found or best
    if best is None and len(ends := _last_maps(two, size)) > 1:
        best = _begun_at(network, pixels, two, three, ends)
    return best


def _waists(run: Trace, size: tuple[int, int]) -> Iterator[tuple[int, FeatureMap]]:
    """Feature maps that all ways from the pixels to the output lead through, the last first."""
    tried = set[tuple[int, int]]()
    for number in sorted(run.leading_to(run.output), reverse=True):
        where = _whole_map(run.nodes[number], size)
        if where is None or where.layout.grid in tried:
            continue
        if run.leads_through(run.output, {number}):
            tried.add(where.layout.grid)
            yield number, where


def _last_maps(run: Trace, size: tuple[int, int]) -> dict[int, FeatureMap]:
    """The last feature map on every way from the output back; none where a way has none."""
    maps = {
        number: where
        for number in sorted(run.leading_to(run.output))
        if (where := _whole_map(run.nodes[number], size))
    }
    reached = run.leading_to(run.output, maps)
    ends = {number: where for number, where in maps.items() if number in reached}
    return ends if run.leads_through(run.output, ends) else {}


def _whole_map(node: Node, size: tuple[int, int]) -> FeatureMap | None:
    """The feature map of the whole image that an operation puts out, cells alone; None for none."""
    if node.name.strip("_") in SLICING:
        return None  # where a piece lies on the image is not known
    where = feature_map_of(node, size)
    return where if where is not None and where.layout.prefix == 0 else None


def _begun_at(
    network: nn.Module, pixels: Tensor, two: Trace, three: Trace, begins: Mapping[int, FeatureMap]
) -> Composed | None:
    """The pooling that begins with some feature maps; None where it cannot be carried."""
    where = tuple(begins.values())
    finest = max((part.layout.grid for part in where), key=prod)
    if any(
        side % own for part in where for side, own in zip(finest, part.layout.grid, strict=True)
    ):
        return None
    try:
        program = program_between(two, three, list(begins), two.output)
        if len(program.steps) > MOST_STEPS:
            return None
        maps = values_at(network, pixels, [part.call for part in where if part.call])
        with torch.inference_mode():
            rules = find_rules(program, [source_of(part.layout) for part in where], maps)
    except (NetworkError, RuntimeError, ValueError, IndexError):
        return None
    output = _last_vector(two, program, rules)
    if output is None:
        return None
    whole, program = program, program.up_to(output)
    with torch.inference_mode():
        one, other = program.run(maps, 2).movedim(program.batches[output], 0)
    if agree(one, other):
        return None  # of a dead network, whose embedding is the same for all images
    ends = accumulate((part.channels for part in where), initial=0)
    parts = [
        Part(part.layout, begin, part.channels) for part, begin in zip(where, ends, strict=False)
    ]
    kept = {number: rules[number] for number in (*begins, *(s.number for s in program.steps))}
    pooling = ComposedPooling(
        _key(program, parts),
        _operations(program, kept),
        _frozen(program, kept),
        program,
        kept,
        tuple(parts),
    )
    result = two.nodes[output].call
    assert result is not None
    left_out = next(
        (
            step.name
            for step in whole.steps
            if step.number > output and rules[step.number].kind == WEIGHT
        ),
        None,
    )
    return Composed(pooling, where, result, left_out)


def _last_vector(run: Trace, program: Program, rules: Rules) -> int | None:
    """The last vector that all of the output is made of, and that is a sum over cells."""
    for step in reversed(program.steps):
        others = [side for i, side in enumerate(step.shape) if i != step.batch]
        is_vector = step.shape[step.batch] == 2 and prod(others) == max(others, default=0)
        if (
            is_vector
            and prod(others) > 1
            and rules[step.number].kind not in (WEIGHT, LOCAL)
            and run.leads_through(run.output, {step.number})
        ):
            return step.number
    return None


def _operations(program: Program, rules: Rules) -> tuple[str, ...]:
    named = [
        step.name
        for step in program.steps
        if rules[step.number].kind != LOCAL and step.name not in UNNAMED
    ]
    return tuple(dict.fromkeys(named))


def _frozen(program: Program, rules: Rules) -> tuple[str, ...]:
    """What is taken as it is in the image: lengths that are divided by, and weights."""
    names = dict[int, str]()
    for step in program.steps:  # what only moves numbers about is called by what it moves
        moved = step.name in UNNAMED and step.inputs and step.inputs[0] in names
        names[step.number] = names[step.inputs[0]] if moved else step.name
    # A length that the whole embedding is divided by is no matter: the cosine does so, too.
    last = {program.output}
    for step in reversed(program.steps):
        if step.number in last and step.name in UNNAMED:
            last.update(step.inputs)
    found = []
    for step in program.steps:
        rule = rules[step.number]
        if rule.kind == RATIO and step.name not in ROOTS and step.number not in last:
            found.append(step.name)
        elif rule.kind == AFFINE and step.number not in last:
            found.extend(names.get(number, "feature map") for number in rule.fixed)
        elif rule.kind == LOCAL:
            found.extend(names[n] for n in step.inputs if rules[n].kind == WEIGHT and n in names)
    return tuple(dict.fromkeys(found))


def _key(program: Program, parts: Iterable[Part]) -> str:
    digest = hashlib.sha256(repr(list(parts)).encode())
    for step in program.steps:
        digest.update(f"{step.name} {step.part} {step.inputs};".encode())
        leaves, structure = tree_flatten((step.arguments, dict(step.keywords)))
        digest.update(str(structure).encode())
        for leaf in leaves:
            if isinstance(leaf, Tensor):
                # Its numbers are in the digest of the network's weights.
                digest.update(f"{leaf.dtype} {tuple(leaf.shape)};".encode())
            else:
                digest.update(f"{leaf!r};".encode())
    return digest.hexdigest()
