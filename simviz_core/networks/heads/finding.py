"""Finding the feature maps that a network's own pooling begins with, and what it does to them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from simviz_core.networks.inspection.layout import Layout, layouts
from simviz_core.networks.inspection.tails import agree
from simviz_core.networks.inspection.tracing import Call, Node, Trace, values_at

FEWEST_CHANNELS = 4
"""Of a feature map; one vector for each image can look like cells of a single channel."""
MOST_STEPS = 400
"""After the feature maps: where there are more, they begin too early in the network."""
UNNAMED = (*MOVING, "stack", "setitem")
"""What moves numbers about, or puts them together, is not named."""


@dataclass(frozen=True)
class Composed:
    """A pooling that a network puts together itself.

    Attributes:
        pooling: The pooling.
        calls: The operations whose results are the feature maps.
        layouts: How those hold them.
        result: The operation whose result is the embedding.
        left_out: What follows but cannot be carried, in the network's words; None for nothing.
    """

    pooling: ComposedPooling
    calls: tuple[Call, ...]
    layouts: tuple[Layout, ...]
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
    for number in _waists(two, size):
        cells = prod(_layout(two.nodes[number], size).grid)
        if best and cells <= prod(best.layouts[0].grid):
            continue
        found = _begun_at(network, pixels, two, three, size, [number])
        if best and not found:
            break
        # Of several (one may be the windows over another) the one with the most cells.
        best = found or best
    if best is None and len(ends := _last_maps(two, size)) > 1:
        best = _begun_at(network, pixels, two, three, size, ends)
    return best


def _waists(run: Trace, size: tuple[int, int]) -> Iterator[int]:
    """Feature maps that all ways from the pixels to the output lead through, the last first."""
    tried = set[tuple[int, int]]()
    for number in sorted(_needed(run, run.output), reverse=True):
        if not _is_feature_map(run.nodes[number], size):
            continue
        grid = _layout(run.nodes[number], size).grid
        if grid not in tried and not _reaches_pixels(run, run.output, {number}):
            tried.add(grid)
            yield number


def _last_maps(run: Trace, size: tuple[int, int]) -> list[int]:
    """The last feature map on every way from the output back; none where a way has none."""
    found, seen, wanted = set[int](), set[int](), [run.output]
    while wanted:
        number = wanted.pop()
        if number in seen:
            continue
        seen.add(number)
        if _is_feature_map(run.nodes[number], size):
            found.add(number)
        elif run.nodes[number].call is None:
            return []
        else:
            wanted.extend(run.nodes[number].inputs)
    # One that another is made of comes on another way.
    return sorted(found)


def _needed(run: Trace, output: int) -> set[int]:
    needed, wanted = set[int](), [output]
    while wanted:
        number = wanted.pop()
        if number not in needed:
            needed.add(number)
            wanted.extend(run.nodes[number].inputs)
    return needed


def _reaches_pixels(run: Trace, output: int, without: set[int]) -> bool:
    seen, wanted = set(without), [output]
    while wanted:
        number = wanted.pop()
        if number in seen:
            continue
        seen.add(number)
        if run.nodes[number].call is None:
            return True
        wanted.extend(run.nodes[number].inputs)
    return False


def _layout(node: Node, size: tuple[int, int]) -> Layout:
    return next(layouts(node.shape, size))


def _is_feature_map(node: Node, size: tuple[int, int]) -> bool:
    if node.call is None or node.name.strip("_") in SLICING or not node.shape or node.shape[0] != 2:
        return False
    layout = next(layouts(node.shape, size), None)
    return (
        layout is not None
        and layout.prefix == 0
        and node.shape[1:][layout.order.index("C")] >= FEWEST_CHANNELS
    )


def _begun_at(
    network: nn.Module,
    pixels: Tensor,
    two: Trace,
    three: Trace,
    size: tuple[int, int],
    numbers: Sequence[int],
) -> Composed | None:
    """The pooling that begins with some feature maps; None where it cannot be carried."""
    shapes = [_layout(two.nodes[number], size) for number in numbers]
    finest = max((layout.grid for layout in shapes), key=prod)
    if any(finest[0] % layout.grid[0] or finest[1] % layout.grid[1] for layout in shapes):
        return None
    try:
        program = program_between(two, three, numbers, two.output)
        if len(program.steps) > MOST_STEPS:
            return None
        calls = [call for number in numbers if (call := two.nodes[number].call)]
        maps = values_at(network, pixels, calls)
        with torch.inference_mode():
            rules = find_rules(program, [source_of(layout) for layout in shapes], maps)
    except (NetworkError, RuntimeError, ValueError, IndexError):
        return None
    output = _last_vector(two, program, rules)
    if output is None:
        return None
    whole, program = program, program.up_to(output)
    with torch.inference_mode():
        one, other = program.run(maps, 2).movedim(program.batches[output], 0)
    if agree(
        one, other
    ):  # a dead network's embedding is the same for all images, and tells nothing
        return None
    parts, begin = [], 0
    for number, layout in zip(numbers, shapes, strict=True):
        channels = two.nodes[number].shape[1:][layout.order.index("C")]
        parts.append(Part(layout, begin, channels))
        begin += channels
    kept = {number: rules[number] for number in (*numbers, *(s.number for s in program.steps))}
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
            step.name.strip("_")
            for step in whole.steps
            if step.number > output and rules[step.number].kind == WEIGHT
        ),
        None,
    )
    return Composed(pooling, tuple(calls), tuple(shapes), result, left_out)


def _last_vector(run: Trace, program: Program, rules: Rules) -> int | None:
    """The last vector that all of the output is made of, and that is a sum over cells."""
    for step in reversed(program.steps):
        others = [side for i, side in enumerate(step.shape) if i != step.batch]
        is_vector = step.shape[step.batch] == 2 and prod(others) == max(others, default=0)
        if (
            is_vector
            and prod(others) > 1
            and rules[step.number].kind not in (WEIGHT, LOCAL)
            and not _reaches_pixels(run, run.output, {step.number})
        ):
            return step.number
    return None


def _operations(program: Program, rules: Rules) -> tuple[str, ...]:
    named = [
        step.name.strip("_")
        for step in program.steps
        if rules[step.number].kind != LOCAL and step.name.strip("_") not in UNNAMED
    ]
    return tuple(dict.fromkeys(named))


def _frozen(program: Program, rules: Rules) -> tuple[str, ...]:
    """What is taken as it is in the image: lengths that are divided by, and weights."""
    names = dict[int, str]()
    for step in program.steps:  # what only moves numbers about is called by what it moves
        moved = step.name.strip("_") in UNNAMED and step.inputs and step.inputs[0] in names
        names[step.number] = names[step.inputs[0]] if moved else step.name.strip("_")
    # A length that the whole embedding is divided by is no matter: the cosine does so, too.
    last = {program.output}
    for step in reversed(program.steps):
        if step.number in last and step.name.strip("_") in UNNAMED:
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
