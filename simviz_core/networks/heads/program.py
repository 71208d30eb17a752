"""What a network does after its feature maps, as operations that can be run again on any batch.

A run of the network is watched twice, with batches of two and of three images: what differs
between the two, in the operations' arguments, is the size of the batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from simviz_core.errors import NetworkError
from simviz_core.networks.inspection.tracing import (
    SET_ITEM,
    Node,
    Reference,
    Trace,
    changes_in_place,
    tensors_in,
)

TWO, THREE = 2, 3
"""The batches that a network is watched with."""


@dataclass(frozen=True)
class BatchTimes:
    """Stands in an operation's arguments for a number that grows with the batch: factor · N."""

    factor: int


@dataclass(frozen=True)
class BatchOf:
    """Stands for a tensor that has the same row, (1, …), for each image of the batch."""

    row: Tensor


@dataclass(frozen=True)
class Step:
    """One operation after the feature maps.

    Attributes:
        number: Of its result.
        name: Of its function.
        function: What is called.
        part: Of what that returns.
        inputs: The numbers of the results that it takes.
        arguments: Its positional arguments, with a `Reference` in the place of such results, and
            `BatchTimes` and `BatchOf` where the size of the batch enters.
        keywords: Its keyword arguments, likewise.
        batch: The dimension of its result that the batch is in.
        shape: Of its result, for two images.
    """

    number: int
    name: str
    function: Callable[..., Any]
    part: int
    inputs: tuple[int, ...]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    batch: int
    shape: tuple[int, ...]

    def run(self, results: Callable[[int], Tensor], batch: int) -> Tensor:
        """Run the operation.

        Args:
            results: From the number of a result to its values.
            batch: N, the number of images that they are for.

        Returns:
            Its own result.
        """
        in_place = changes_in_place(self.function)

        def filled(value: Any) -> Any:
            if isinstance(value, Reference):
                found = results(value.node)
                return found.clone() if in_place else found
            if isinstance(value, BatchTimes):
                return value.factor * batch
            if isinstance(value, BatchOf):
                return value.row.repeat(batch, *([1] * (value.row.dim() - 1)))
            if in_place and isinstance(value, Tensor):
                return value.clone()
            return value

        arguments, keywords = tree_map(filled, self.arguments), tree_map(filled, self.keywords)
        result = self.function(*arguments, **keywords)
        if self.function == SET_ITEM:
            result = arguments[0]
        return tensors_in(result)[self.part]


@dataclass(frozen=True)
class Program:
    """The operations from some results of a network's run to another one.

    Attributes:
        sources: The numbers of the results that it begins with.
        steps: The operations, in order.
        output: The number of the result that it ends with.
        batches: For each result, the dimension that the batch is in.
    """

    sources: tuple[int, ...]
    steps: tuple[Step, ...]
    output: int
    batches: Mapping[int, int]

    def values(self, sources: Sequence[Tensor], batch: int) -> dict[int, Tensor]:
        """Run it, and keep the results of all operations, by their numbers."""
        values = dict(zip(self.sources, sources, strict=True))
        for step in self.steps:
            values[step.number] = step.run(values.__getitem__, batch)
        return values

    def run(self, sources: Sequence[Tensor], batch: int) -> Tensor:
        """Run it, and keep no more than is needed: its last result."""
        values = dict(zip(self.sources, sources, strict=True))
        for step in self.steps:
            values[step.number] = step.run(values.__getitem__, batch)
            for number in step.inputs:
                if self.last_uses[number] == step.number and number != self.output:
                    values.pop(number, None)
        return values[self.output]

    def alive_after(self, step: Step) -> list[int]:
        """The results up to an operation that later ones take, or that are the output."""
        return [n for n, last in self.last_uses.items() if n <= step.number < last]

    @cached_property
    def last_uses(self) -> dict[int, int]:
        """For each result, the last operation that takes it; beyond all for the output."""
        uses = {number: step.number for step in self.steps for number in step.inputs}
        return uses | {self.output: self.output + 1}

    def up_to(self, output: int) -> "Program":
        """The part of it that one of its results needs."""
        needed, steps = {output}, []
        for step in reversed(self.steps):
            if step.number in needed:
                steps.append(step)
                needed.update(step.inputs)
        return Program(self.sources, tuple(reversed(steps)), output, self.batches)


def program_between(two: Trace, three: Trace, sources: Sequence[int], output: int) -> Program:
    """The operations that lead from some results to another one.

    Args:
        two: A run with two images.
        three: The same with three.
        sources: The numbers of the results to begin with.
        output: The number of the one to end with.

    Returns:
        The program.

    Raises:
        NetworkError: The pixels reach the output on a way that leads through none of the sources,
            or the two runs differ by more than the size of the batch.
    """
    if len(two.nodes) != len(three.nodes):
        raise NetworkError("it does other things with two images than with three")
    if not two.leads_through(output, sources):
        raise NetworkError("its embedding depends on more than the feature map")
    needed = two.leading_to(output, sources)
    steps, batches = [], {number: _batch_dimension(two, three, number) for number in sources}
    for number in sorted(needed - set(sources)):
        batches[number] = _batch_dimension(two, three, number)
        steps.append(_step(two.nodes[number], three.nodes[number], batches[number]))
    return Program(tuple(sources), tuple(steps), output, batches)


def _batch_dimension(two: Trace, three: Trace, number: int) -> int:
    pairs = zip(two.nodes[number].shape, three.nodes[number].shape, strict=True)
    differing = [i for i, (a, b) in enumerate(pairs) if a != b]
    if len(differing) != 1:
        raise NetworkError("one of its operations takes the images of a batch together")
    return differing[0]


def _step(two: Node, three: Node, batch: int) -> Step:
    if two.call is None or three.call is None or two.call != three.call:
        raise NetworkError("it does other things with two images than with three")
    arguments = _with_batch(two.arguments, three.arguments)
    keywords = _with_batch(dict(two.keywords), dict(three.keywords))
    call = two.call
    return Step(
        *(two.number, two.name.strip("_"), call.function, call.part, two.inputs),
        *(arguments, keywords, batch, two.shape),
    )


def _with_batch(two: Any, three: Any) -> Any:
    """The arguments of one operation, with what stands for the batch in the place of numbers."""
    leaves, structure = tree_flatten(two)
    others, other_structure = tree_flatten(three)
    if structure != other_structure:
        raise NetworkError("it does other things with two images than with three")
    pairs = zip(leaves, others, strict=True)
    return tree_unflatten([_leaf(a, b) for a, b in pairs], structure)


def _leaf(two: Any, three: Any) -> Any:
    if isinstance(two, Tensor) and isinstance(three, Tensor):
        if two.shape == three.shape:
            return _usable(two)
        rows = two[:1]
        if two.shape[1:] == three.shape[1:] and (two == rows).all() and (three == rows).all():
            return BatchOf(_usable(rows))
    elif type(two) is int and type(three) is int and two != three:
        if two * THREE == three * TWO and two % TWO == 0:
            return BatchTimes(two // TWO)
    elif type(two) is type(three) and (isinstance(two, Reference) or _same(two, three)):
        return two
    raise NetworkError("what one of its operations takes depends on the other images of a batch")


def _usable(values: Tensor) -> Tensor:
    """A tensor that gradients may be taken with respect to what it is multiplied with."""
    return values.clone() if values.is_inference() else values


def _same(two: Any, three: Any) -> bool:
    return bool(two == three)
