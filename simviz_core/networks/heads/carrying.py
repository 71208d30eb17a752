"""Carrying the shares of cells through whatever a network does after its feature maps.

Each result T of an operation after the feature maps is a sum over cells and a constant,

    T = Σ_p T_p + T_0,

as long as each operation is one of these:

- *Cells apart*: what comes out at a cell depends on that cell alone. T_p is T there, 0 elsewhere.
- *Affine* in what it takes: T_p = f(…_p) − f(0), T_0 = f(…_0).
- *The largest* over cells: T_p is T where the cell attains it, in equal parts among those that do.
- *A factor*: it divides by a length, or takes a root of a mean of powers (GeM). The factor is
  taken as it is in the image, as the cosine takes the length |e|.

Anything else (a softmax over cells, a sigmoid) can only be a factor of something that is carried:
a weight, as it is in the image. What an operation is, is found by its numbers on random images:
whether the parts make the whole.

Source: the paper's equations 2 and 4 are the first three; that maps may take weights as they are
    is what attention pooling and the paper's cosine do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from simviz_core.networks.heads.program import Program, Step
from simviz_core.networks.inspection.tails import agree

LOCAL = "cells apart"
AFFINE = "affine"
LARGEST = "largest"
RATIO = "factor"
WEIGHT = "as it is"
GROUPS = 5
"""Into so many groups cells are put, by chance, to see whether the parts make the whole."""
CHANGED = 3
"""Cells that are changed, one at a time, to see what depends on them."""
MOST_NUMBERS = 2**24
"""In the parts of one result that are held at a time."""
ROOTS = ("pow", "sqrt")
SLICING = (
    *("getitem", "narrow", "select", "split", "chunk", "unbind", "crop", "index_select", "slice"),
)
"""What cuts a piece out of a tensor."""
MOVING = (
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose"),
    *("contiguous", "expand", "expand_as", "clone", "to", "float", "t", "dropout", "unfold"),
    *("feature_dropout", "movedim", "alias", "detach", "type_as", "repeat", "_to_copy", "identity"),
    *SLICING,
)
"""What only moves numbers about."""


@dataclass(frozen=True)
class Source:
    """A feature map that is carried from.

    Attributes:
        grid: Rows and columns of cells.
        cells: The dimensions of its tensor that they are in: (rows, columns), or one of both.
    """

    grid: tuple[int, int]
    cells: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of cells."""
        return prod(self.grid)


@dataclass(frozen=True)
class Rule:
    """What an operation is.

    Attributes:
        kind: `LOCAL`, `AFFINE`, `LARGEST`, `RATIO`, or `WEIGHT` for one that is not carried.
        owner: Of a local one, the cell that each number comes from, counted through all feature
            maps; broadcast to the result.
        fixed: Of what it takes, the results that are taken as they are in the image.
    """

    kind: str
    owner: Tensor | None = None
    fixed: frozenset[int] = frozenset()


Rules = Mapping[int, Rule]


def find_rules(program: Program, sources: Sequence[Source], maps: Sequence[Tensor]) -> Rules:
    """Find out what each operation of a program is.

    Args:
        program: From feature maps to a vector.
        sources: The feature maps.
        maps: Their values for two random images, as the program takes them.

    Returns:
        The rule of each result, by its number; those of the feature maps among them.
    """
    chance = torch.Generator().manual_seed(0)
    groups = _random_groups(sources, chance)
    lanes = [dict(zip(program.sources, lane, strict=True)) for _, lane in _lanes(sources, maps)]
    where = [cell for cell, _ in _lanes(sources, maps)]  # (feature map, cell)
    rules = {
        number: Rule(LOCAL, _owner(F.dim(), source.cells, place, sources, F.device))
        for place, (number, source, F) in enumerate(
            zip(program.sources, sources, maps, strict=True)
        )
    }
    state = _State(program, sources, rules, dict(zip(program.sources, maps, strict=True)), 2)
    for step in program.steps:
        value = state.value(step)
        changed = [step.run(lane.__getitem__, 2) for lane in lanes]
        rule = _rule(step, value, changed, where, state, groups)
        rules[step.number] = rule
        for lane, found in zip(lanes, changed, strict=True):
            # What is taken as it is does not change with a cell.
            lane[step.number] = value if rule.kind == WEIGHT else found
        state.carry(step, groups)
        if all(rules[number].kind == WEIGHT for number in program.alive_after(step)):
            break  # no share of a cell is carried any further
    return {step.number: Rule(WEIGHT) for step in program.steps} | rules


def carry(
    program: Program, sources: Sequence[Source], rules: Rules, maps: Sequence[Tensor]
) -> tuple[list[Tensor], Tensor]:
    """Carry the shares of all cells to the program's output.

    Args:
        program: From feature maps to a vector.
        sources: The feature maps.
        rules: As `find_rules` found them.
        maps: The feature maps' values, as the program takes them, for N images.

    Returns:
        For each feature map, the contributions of its cells, (N, H, W, D); and the constant that
        belongs to none, (N, D).
    """
    batch = maps[0].shape[program.batches[program.sources[0]]]
    values = program.values(maps, batch)
    state = _State(program, sources, rules, values, batch)
    largest = max(value.numel() for value in values.values())
    size = max(1, MOST_NUMBERS // largest)
    identity = torch.eye(sum(s.count for s in sources), dtype=torch.bool, device=maps[0].device)
    chunks = identity.split(size)
    for step in program.steps:  # how many cells attain each maximum
        if rules[step.number].kind == LARGEST:
            state.ties[step.number] = state.count_ties(step, chunks)
    parts = []
    for chunk in chunks:
        state.begin()
        for step in program.steps:
            state.carry(step, chunk)
        parts.append(_as_vectors(state.parts[program.output], program.batches[program.output] + 1))
    A = torch.cat(parts).movedim(0, 1)  # (N, cells, D)
    shares = A.split([source.count for source in sources], 1)
    constant = _as_vectors(
        state.constants[program.output][None], program.batches[program.output] + 1
    )
    pairs = zip(shares, sources, strict=True)
    return [share.unflatten(1, source.grid) for share, source in pairs], constant[0]


def _as_vectors(values: Tensor, batch: int) -> Tensor:
    """(G, …, N, …) to (G, N, D)."""
    return values.movedim(batch, 1).flatten(2)


class _State:
    """The values, parts and constants of a program's results, for one batch and some groups."""

    def __init__(
        self,
        program: Program,
        sources: Sequence[Source],
        rules: Rules,
        values: dict[int, Tensor],
        batch: int,
    ) -> None:
        self.program, self.sources, self.rules = program, sources, rules
        self.values, self.batch = values, batch
        self.parts: dict[int, Tensor] = {}
        self.constants: dict[int, Tensor] = {}
        self.ties: dict[int, Tensor] = {}
        self.zeros: dict[int, Tensor] = {}

    def begin(self) -> None:
        """Forget the parts of the last groups."""
        self.parts.clear()

    def value(self, step: Step) -> Tensor:
        """The result of an operation, run now if it was not yet."""
        if step.number not in self.values:
            self.values[step.number] = step.run(self.values.__getitem__, self.batch)
        return self.values[step.number]

    def carry(self, step: Step, groups: Tensor) -> None:
        """Make the parts of a result; local ones are made where they are asked for."""
        rule = self.rules[step.number]
        if rule.kind == AFFINE:
            if step.number not in self.zeros:  # which are the same for all groups
                self.zeros[step.number], constant = self.without_cells(step, rule.fixed)
            else:
                constant = self.constants[step.number]
            parts = self.affine(step, groups, rule.fixed) - self.zeros[step.number]
        elif rule.kind == LARGEST:
            parts = self.largest(step, groups)
            constant = torch.zeros_like(self.values[step.number])
        elif rule.kind == RATIO:
            (number,) = step.inputs
            ratio = ratio_of(step, self.values[number], self.values[step.number])
            parts = self.parts_of(number, groups) * ratio
            constant = self.constant_of(number) * ratio
        else:
            return
        self.parts[step.number], self.constants[step.number] = parts, constant

    def parts_of(self, number: int, groups: Tensor) -> Tensor:
        """The parts of a result, (G, …)."""
        rule = self.rules[number]
        if rule.kind != LOCAL:
            return self.parts[number]
        return torch.where(mask_of(rule, groups), self.values[number], 0.0)

    def constant_of(self, number: int) -> Tensor:
        """What belongs to no cell; of a local result, nothing."""
        if self.rules[number].kind == LOCAL:
            return torch.zeros_like(self.values[number])
        return self.constants[number]

    def affine(self, step: Step, groups: Tensor, fixed: frozenset[int]) -> Tensor:
        """f(…_p), (G, …)."""
        count = len(groups)

        def part(number: int) -> Tensor:
            if number in fixed:
                value = self.values[number][None].expand(count, *self.values[number].shape)
            else:
                value = self.parts_of(number, groups)
            return self._merged(value, number)

        found = step.run(part, self.batch * count)
        return found.unflatten(step.batch, (count, -1)).movedim(step.batch, 0)

    def without_cells(self, step: Step, fixed: frozenset[int]) -> tuple[Tensor, Tensor]:
        """f(0) and f(…_0)."""

        def zero(number: int) -> Tensor:
            value = self.values[number]
            return value if number in fixed else torch.zeros_like(value)

        def constant(number: int) -> Tensor:
            return self.values[number] if number in fixed else self.constant_of(number)

        return step.run(zero, self.batch), step.run(constant, self.batch)

    def largest(self, step: Step, groups: Tensor) -> Tensor:
        """The result where a group attains it, in equal parts among those that do."""
        attained = self.attained(step, groups)
        ties = self.ties.get(step.number)
        if ties is None:
            ties = attained.sum(0)
        return torch.where(attained, self.values[step.number] / ties, 0.0)

    def attained(self, step: Step, groups: Tensor) -> Tensor:
        """Where each group attains the result, (G, …)."""
        (number,) = step.inputs
        value = self.values[number]
        alone = torch.where(mask_of(self.rules[number], groups), value, -torch.inf)
        found = step.run(lambda _: self._merged(alone, number), self.batch * len(groups))
        found = found.unflatten(step.batch, (len(groups), -1)).movedim(step.batch, 0)
        return found == self.values[step.number]

    def count_ties(self, step: Step, chunks: Sequence[Tensor]) -> Tensor:
        """How many cells attain each number of a result."""
        counts = [self.attained(step, chunk).sum(0) for chunk in chunks]
        return torch.stack(counts).sum(0)

    def _merged(self, parts: Tensor, number: int) -> Tensor:
        """(G, …, N, …) as the values of a batch of G · N images."""
        batch = self.program.batches[number]
        return parts.movedim(0, batch).flatten(batch, batch + 1)


def mask_of(rule: Rule, groups: Tensor) -> Tensor:
    """Where the cells of each group are in a local result, broadcast to (G, …)."""
    assert rule.owner is not None
    return groups[:, rule.owner]


def ratio_of(step: Step, value: Tensor, result: Tensor) -> Tensor:
    """What an operation multiplies its input with, number by number."""
    if step.name == "normalize":
        ones = torch.where(value == 0, 1e-30, value)
        ratio = torch.where(value == 0, 0.0, result / ones)
        # The length is the same along the normalised dimension: where a number is 0, too.
        dimension = step.keywords.get("dim", step.arguments[2] if len(step.arguments) > 2 else 1)
        return ratio.abs().amax(dimension, keepdim=True).expand_as(value)
    return torch.where(value == 0, 0.0, result / torch.where(value == 0, 1.0, value))


def _rule(
    step: Step,
    value: Tensor,
    changed: Sequence[Tensor],
    where: Sequence[tuple[int, int]],
    state: _State,
    groups: Tensor,
) -> Rule:
    """What one operation is; see the head of this file."""
    carried = [n for n in step.inputs if state.rules[n].kind != WEIGHT]
    if not value.is_floating_point() or not carried:
        return Rule(WEIGHT)
    if (owner := _local(step, value, changed, where, state)) is not None:
        return Rule(LOCAL, owner)
    for fixed in _fixed(step, carried, state):
        try:
            of_zero, constant = state.without_cells(step, fixed)
            parts = state.affine(step, groups, fixed) - of_zero
        except (RuntimeError, IndexError, ValueError):
            continue
        # What is added must be the same for every image: a bias, not a weight as it is.
        rows = of_zero.movedim(step.batch, 0).unflatten(0, (2, -1))
        if agree(parts.sum(0) + constant, value) and agree(rows[0], rows[1]):
            return Rule(AFFINE, fixed=fixed)
    if len(step.inputs) == 1:
        number = step.inputs[0]
        if state.rules[number].kind == LOCAL and _is_largest(step, value, state, groups):
            return Rule(LARGEST)
        if value.shape == state.values[number].shape:
            ratio = ratio_of(step, state.values[number], value)
            is_factor = step.name == "normalize" or step.name in ROOTS
            if is_factor and agree(state.values[number] * ratio, value):
                return Rule(RATIO)
    return Rule(WEIGHT)


def _fixed(step: Step, carried: Sequence[int], state: _State) -> Iterator[frozenset[int]]:
    """Which inputs to take as they are: those that are not carried; then one more, the smallest."""
    weights = frozenset(step.inputs) - frozenset(carried)
    yield weights
    if len(carried) > 1:
        for number in sorted(carried, key=lambda n: (state.values[n].numel(), -n)):
            yield weights | {number}


def _is_largest(step: Step, value: Tensor, state: _State, groups: Tensor) -> bool:
    (number,) = step.inputs
    if not state.values[number].is_floating_point():
        return False
    state.values[step.number] = value
    try:
        return bool(state.attained(step, groups).any(0).all())
    except (RuntimeError, IndexError, ValueError):
        return False


def _local(
    step: Step,
    value: Tensor,
    changed: Sequence[Tensor],
    where: Sequence[tuple[int, int]],
    state: _State,
) -> Tensor | None:
    """The cell that each number of a result comes from; None where cells are not apart."""
    firsts = _firsts(state.sources)
    for owner in _owners(step, value, changed, where, state):
        if all(
            not ((value != other) & (owner != firsts[place] + cell)).any()
            for (place, cell), other in zip(where, changed, strict=True)
        ):
            return owner
    return None


def _owners(
    step: Step,
    value: Tensor,
    changed: Sequence[Tensor],
    where: Sequence[tuple[int, int]],
    state: _State,
) -> Iterator[Tensor]:
    """Ways in which the cells could be apart in a result."""
    reached = {
        place
        for (place, _), other in zip(where, changed, strict=True)
        if not torch.equal(other, value)
    }
    if len(reached) == 1:
        (place,) = reached
        for cells in _places_for_cells(tuple(value.shape), state.sources[place].grid, step.batch):
            yield _owner(value.dim(), cells, place, state.sources, value.device)
    if step.name in MOVING and len(step.inputs) == 1:
        # What only moves numbers about moves where they come from likewise.
        (number,) = step.inputs
        owner, before = state.rules[number].owner, state.values[number]
        if owner is not None:
            spread = owner.to(before.dtype).expand_as(before)
            moved = step.run(lambda _: spread, state.batch)
            yield moved.narrow(step.batch, 0, 1).round().long()


def _owner(
    dimensions: int,
    cells: tuple[int, ...],
    place: int,
    sources: Sequence[Source],
    device: torch.device,
) -> Tensor:
    """The number of the cell at each place of a tensor with the cells in some dimensions."""
    source, shape = sources[place], [1] * dimensions
    sides = source.grid if len(cells) == 2 else (source.count,)
    for dimension, side in zip(cells, sides, strict=True):
        shape[dimension] = side
    first = _firsts(sources)[place]
    return torch.arange(first, first + source.count, device=device).reshape(shape)


def _firsts(sources: Sequence[Source]) -> list[int]:
    """The number of each feature map's first cell."""
    return [sum(source.count for source in sources[:place]) for place in range(len(sources))]


def _places_for_cells(
    shape: tuple[int, ...], grid: tuple[int, int], batch: int
) -> Iterator[tuple[int, ...]]:
    """The dimensions that cells could be in."""
    dimensions = [i for i in range(len(shape)) if i != batch]
    for i, j in pairwise(dimensions):
        if (shape[i], shape[j]) == grid and j == i + 1:
            yield i, j
    for i in dimensions:
        if shape[i] == prod(grid):
            yield (i,)


def _random_groups(sources: Sequence[Source], chance: torch.Generator) -> Tensor:
    """Every cell in one of `GROUPS` groups, (GROUPS, cells)."""
    count = sum(source.count for source in sources)
    places = torch.randint(GROUPS, (count,), generator=chance)
    return nn.functional.one_hot(places, GROUPS).T.bool()


def _lanes(
    sources: Sequence[Source], maps: Sequence[Tensor]
) -> Iterator[tuple[tuple[int, int], list[Tensor]]]:
    """The feature maps with one cell of one of them changed: which, and their values."""
    chance = torch.Generator().manual_seed(1)
    for place, (source, F) in enumerate(zip(sources, maps, strict=True)):
        for cell in torch.randperm(source.count, generator=chance)[:CHANGED].tolist():
            other = F.clone()
            front = other.movedim(source.cells, tuple(range(len(source.cells))))
            index = divmod(cell, source.grid[1]) if len(source.cells) == 2 else (cell,)
            new = front[index]
            scale = 0.5 + torch.rand(new.shape, generator=chance).to(new)
            front[index] = new.flip(-1) * scale + new.abs().mean() * scale
            yield (place, cell), [other if n == place else m for n, m in enumerate(maps)]
