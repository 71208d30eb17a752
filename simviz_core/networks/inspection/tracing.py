"""Watching a network run: which operations lead from the pixels to its output, and their values.

PyTorch tells a `TorchFunctionMode` of every function that is called on tensors, whatever Python
code calls it. An operation is known by its function and by how many calls of that function came
before it: the same in every run of a network in evaluation mode.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_flatten_with_path, tree_map

from simviz_core.errors import NetworkError

PIXELS = 0
"""The number of the node that stands for the pixels."""
_NODE = "_simviz_node"
NOT_IN_PLACE = ("__index__", "__int__", "__invert__", "__iter__")
SET_ITEM = Tensor.__setitem__
"""Returns nothing; its result is the tensor that it changes."""


@dataclass(frozen=True)
class Call:
    """An operation, found again in any run of the network.

    Attributes:
        function: What is called.
        count: How many calls of it came before.
        part: Of what it returns, where that is several tensors.
    """

    function: Any
    count: int
    part: int = 0


@dataclass(frozen=True)
class Reference:
    """Stands in an operation's arguments for the result of another one."""

    node: int


@dataclass(frozen=True)
class Node:
    """An operation whose result depends on the pixels.

    Attributes:
        number: Its place in the run; `PIXELS` are the first.
        call: The operation; None for the pixels, and for the output of a compiled program.
        inputs: The numbers of the operations whose results it takes.
        arguments: Its positional arguments, with a `Reference` in the place of such results.
        keywords: Its keyword arguments, likewise.
        shape: Of its result.
    """

    number: int
    call: Call | None
    inputs: tuple[int, ...]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The function's name, the same for its forms: "relu" for `F.relu` and `Tensor.relu_`."""
        name = getattr(self.call.function, "__name__", "") if self.call else "pixels"
        name = name.partition(".")[0]  # an operator of an exported program: "linear.default"
        return name if name.startswith("__") else name.strip("_")


@dataclass(frozen=True)
class ModuleRun:
    """A layer that ran: its first input and its output, as numbers of nodes.

    Attributes:
        module: The layer.
        source: What went in; None where that does not depend on the pixels.
        result: What came out.
    """

    module: nn.Module
    source: int | None
    result: int


@dataclass(frozen=True)
class Trace:
    """A network's run.

    Attributes:
        nodes: All that depends on the pixels, in order.
        output: The number of the output.
        modules: The runs of the layers that were asked for, in order of their ends.
    """

    nodes: tuple[Node, ...]
    output: int
    modules: tuple[ModuleRun, ...]

    def leading_to(self, number: int, past: Collection[int] = ()) -> set[int]:
        """The results that one depends on, itself among them.

        Args:
            number: Of the result.
            past: Results beyond which nothing is followed back; they themselves are among those
                that are found.
        """
        found, wanted = set[int](), [number]
        while wanted:
            current = wanted.pop()
            if current not in found:
                found.add(current)
                wanted.extend(() if current in past else self.nodes[current].inputs)
        return found

    def leads_through(self, number: int, results: Collection[int]) -> bool:
        """Whether every way from the pixels to a result leads through one of some others."""
        found = self.leading_to(number, results)
        return all(self.nodes[n].call is not None for n in found.difference(results))


class Counting(TorchFunctionMode):
    """Counts the calls of each function; what is done with them, subclasses say."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[Any] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        # Getters of attributes such as `Tensor.shape` are no operations, but for `Tensor.mT`.
        if getattr(func, "__name__", "") == "__get__":
            if not _transposes(func, args):
                return func(*args, **(kwargs or {}))
            func, args = Tensor.transpose, (args[0], -2, -1)
        call = Call(func, self.counts[func])
        self.counts[func] += 1
        return self.run(call, args, kwargs or {})

    def run(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operation; subclasses look at it."""
        raise NotImplementedError


def _transposes(getter: Any, args: tuple[Any, ...]) -> bool:
    """Whether a getter is that of a matrix's transpose."""
    name = getattr(getattr(getter, "__self__", None), "__name__", "")
    return name == "mT" or (name == "T" and args[0].dim() == 2)


class _Recording(Counting):
    """Notes every operation that depends on the pixels."""

    def __init__(self, pixels: Tensor) -> None:
        super().__init__()
        self.nodes = [Node(PIXELS, None, (), (), {}, tuple(pixels.shape))]
        setattr(pixels, _NODE, PIXELS)

    def run(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves, _ = tree_flatten((args, kwargs))
        inputs = tuple(dict.fromkeys(n for leaf in leaves if (n := node_of(leaf)) is not None))
        # What is changed in place is noted as it was.
        note = _noted_as_it_is if inputs and changes_in_place(call.function) else _noted
        noted = tree_map(note, args), tree_map(note, kwargs)
        result = call.function(*args, **kwargs)
        if call.function == SET_ITEM:
            result = args[0]
        if inputs:
            for part, tensor in enumerate(tensors_in(result)):
                number = len(self.nodes)
                made_by = replace(call, part=part)
                self.nodes.append(Node(number, made_by, inputs, *noted, tuple(tensor.shape)))
                setattr(tensor, _NODE, number)
        return result


class _Keeping(Counting):
    """Keeps the results of some operations, and can stop the run after the last of them."""

    def __init__(self, calls: Iterable[Call], stop: bool) -> None:
        super().__init__()
        self.wanted = {(call.function, call.count) for call in calls}
        self.stop = stop
        self.values: dict[tuple[Any, int], list[Tensor]] = {}

    def run(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = call.function(*args, **kwargs)
        key = call.function, call.count
        if key in self.wanted:
            made = tensors_in(args[0] if call.function == SET_ITEM else result)
            # A copy where the run goes on, which may change the tensor in place.
            is_last = self.stop and len(self.values) + 1 == len(self.wanted)
            self.values[key] = [t if is_last else t.clone() for t in made]
            if self.stop and len(self.values) == len(self.wanted):
                raise Reached
        return result


class Reached(Exception):
    """Ends a run whose rest is not needed."""


def node_of(value: object) -> int | None:
    """The number of the operation that a tensor came from while its network was watched."""
    return getattr(value, _NODE, None) if isinstance(value, Tensor) else None


def trace(network: nn.Module, pixels: Tensor, layers: Iterable[nn.Module] = ()) -> Trace:
    """Run a network and note its operations.

    Args:
        network: In evaluation mode.
        pixels: (N, 3, height, width).
        layers: Parts of the network whose runs are wanted.

    Returns:
        The trace.

    Raises:
        NetworkError: The network cannot run on these pixels, or returns no tensor.
    """
    run, outputs = trace_all(network, pixels, layers)
    if list(outputs.values()) != [""]:
        raise NetworkError(
            "the network returns several tensors, or none; say which of them is its embedding"
        )
    return run


def trace_all(
    network: nn.Module, pixels: Tensor, layers: Iterable[nn.Module] = ()
) -> tuple[Trace, dict[int, str]]:
    """The same for a network that returns several tensors.

    Returns:
        The trace, whose output is the first of them; and for the number of each the name that it
        has in what is returned.

    Raises:
        NetworkError: The network cannot run on these pixels, or returns nothing that depends on
            them.
    """
    runs: list[ModuleRun] = []

    def note(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        result = next(map(node_of, tensors_in(output)), None)
        if result is not None:
            runs.append(ModuleRun(module, node_of(args[0]) if args else None, result))

    hooks = [layer.register_forward_hook(note) for layer in layers]
    pixels = pixels.clone()
    try:
        with torch.inference_mode():
            run_network(network, pixels)  # what it computes once and keeps is there afterwards
            with _Recording(pixels) as recording:
                returned = run_network(network, pixels)
    finally:
        for hook in hooks:
            hook.remove()
    named = list(outputs_of(returned))
    if all(node_of(tensor) is None for _, tensor in named):
        # A compiled program, whose operations are not called from Python.
        for _, tensor in named:
            number = len(recording.nodes)
            recording.nodes.append(Node(number, None, (PIXELS,), (), {}, tuple(tensor.shape)))
            setattr(tensor, _NODE, number)
    outputs = {n: name for name, tensor in named if (n := node_of(tensor)) is not None}
    if not outputs:
        raise NetworkError(
            f"the network returns {type(returned).__name__}, no tensor that depends on the image; "
            "wrap it so that it returns its embedding"
        )
    return Trace(tuple(recording.nodes), next(iter(outputs)), tuple(runs)), outputs


def outputs_of(returned: Any) -> Iterator[tuple[str, Tensor]]:
    """What a network returned, tensor by tensor: "0", "embedding", "0.1"; "" for a tensor alone."""
    for path, value in tree_flatten_with_path(returned)[0]:
        if isinstance(value, Tensor):
            keys = [
                getattr(key, "key", getattr(key, "idx", getattr(key, "name", key))) for key in path
            ]
            yield ".".join(map(str, keys)), value


def run_network(network: nn.Module, pixels: Tensor) -> Any:
    """Run a network on probe images.

    Raises:
        NetworkError: It cannot run on images of this size.
    """
    try:
        return network(pixels)
    except (RuntimeError, ValueError, AssertionError, TypeError, IndexError) as error:
        height, width = pixels.shape[-2:]
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise NetworkError(
            f"the network cannot run on images of {width} × {height} pixels ({reason}); choose "
            "the size that it was made for"
        ) from error


def values_at(network: nn.Module, pixels: Tensor, calls: Iterable[Call]) -> list[Tensor]:
    """Run a whole network and return the results of some of its operations.

    Raises:
        NetworkError: An operation was not reached: the network runs differently each time.
    """
    calls = list(calls)
    with torch.inference_mode(), _Keeping(calls, stop=False) as keeping:
        network(pixels)
    return [_found(keeping, call) for call in calls]


def run_until(network: nn.Module, pixels: Tensor, calls: Sequence[Call]) -> list[Tensor]:
    """Run a network until some operations are done.

    Returns:
        The operations' results; gradients flow through them as they do through the network.

    Raises:
        NetworkError: An operation was not reached.
    """
    with _Keeping(calls, stop=True) as keeping, suppress(Reached):
        network(pixels)
    return [_found(keeping, call) for call in calls]


def _found(keeping: _Keeping, call: Call) -> Tensor:
    found = keeping.values.get((call.function, call.count), [])
    if len(found) <= call.part:
        raise NetworkError(
            "the network runs differently from one time to the next, so its last feature map "
            "cannot be found again"
        )
    return found[call.part]


def tensors_in(result: Any) -> list[Tensor]:
    """The tensors that something returned, in order."""
    return [value for value in tree_flatten(result)[0] if isinstance(value, Tensor)]


def _noted(value: Any) -> Any:
    number = node_of(value)
    return value if number is None else Reference(number)


def _noted_as_it_is(value: Any) -> Any:
    noted = _noted(value)
    return noted.clone() if isinstance(noted, Tensor) else noted


def changes_in_place(function: Any) -> bool:
    """Whether a function changes a tensor that it is given: `add_`, `__iadd__`, `x[i] = y`."""
    name = getattr(function, "__name__", "").partition(".")[0]
    if name.startswith("__"):
        return name == "__setitem__" or (name.startswith("__i") and name not in NOT_IN_PLACE)
    return name.endswith("_")
