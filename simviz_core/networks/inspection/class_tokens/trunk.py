"""A network run up to its class token, which is decomposed on the way."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.decomposition import DecomposedImage, as_map
from simviz_core.errors import NetworkError
from simviz_core.networks.inspection.class_tokens.steps import (
    ATTENTION,
    FIXED,
    SUM,
    Step,
    apply_step,
    operation,
)
from simviz_core.networks.inspection.layout import Layout
from simviz_core.networks.inspection.tails import agree
from simviz_core.networks.inspection.tracing import (
    Call,
    Counting,
    Reached,
    run_until,
    tensors_in,
)
from simviz_core.networks.inspection.trunk import CutTrunk


class ClassTokenTrunk(CutTrunk):
    """The part of a network that ends in its class token, before the layers after it.

    Attributes:
        network: The network, without a classifier.
        call: The operation whose result are its patch tokens, which can be pooled instead.
        layout: How that holds them.
        steps: How the class token comes about; see `find_plan`.
    """

    def __init__(
        self, network: nn.Module, call: Call | None, layout: Layout, steps: Sequence[Step]
    ) -> None:
        super().__init__(network, call, layout)
        self.steps = tuple(steps)

    @property
    def cut(self) -> str:
        """Where the class token is taken, in words that tell one place from another."""
        last = self.steps[-1]
        return f"class token {operation(last.call)} {last.call.count} {last.row}"

    @property
    def layers(self) -> int:
        """How many layers of attention the class token goes through."""
        return self.steps[-1].layer

    @cached_property
    def patches(self) -> CutTrunk:
        """The part of the network that ends in its patch tokens; one, so that they run once."""
        return CutTrunk(self.network, self.call, self.layout)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to what `ClassTokenPooling` takes, (N, C, H + 2, W)."""
        return as_map(self.decomposed(pixels)).permute(0, 3, 1, 2)

    def class_token(self, pixels: Tensor) -> Tensor:
        """The class token alone, (N, C), at the cost of a run of the network."""
        last = self.steps[-1]
        (found,) = run_until(self.network, pixels, [last.call])
        return last.row.of(found)

    def decomposed(self, pixels: Tensor, is_checked: bool = False) -> DecomposedImage:
        """The class token as a sum over its cells.

        Args:
            pixels: (N, 3, height, width).
            is_checked: Compare the sum with the token after every operation.

        Returns:
            Contributions (N, H, W, C).

        Raises:
            NetworkError: The network runs differently from one time to the next; or, where it is
                checked, an operation is not what it was taken for.
        """
        return _run(self.network, pixels, _Decomposing(self.steps, is_checked))

    def by_layer(self, pixels: Tensor) -> DecomposedImage:
        """The class token as a sum over its layers.

        Returns:
            Contributions (N, 1, 1 + 2 · layers, C): of the start, and for each layer of the patch
            tokens and of the rest: its MLP and biases, the class token and registers.
        """
        return _run(self.network, pixels, _ByLayer(self.steps))


class _Decomposing(Counting):
    """Decomposes the class token while the network runs; keeps no more than is still needed."""

    def __init__(self, steps: Sequence[Step], is_checked: bool = False) -> None:
        super().__init__()
        self.steps, self.is_checked = steps, is_checked
        self.states: dict[int, DecomposedImage] = {}
        self.at: dict[tuple[Any, int], list[int]] = defaultdict(list)
        self.last_use = dict[int, int]()
        for number, step in enumerate(steps):
            self.at[step.call.function, step.call.count].append(number)
            self.last_use |= dict.fromkeys(step.sources, number)

    def run(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = call.function(*args, **kwargs)
        for number in self.at.get((call.function, call.count), []):
            step = self.steps[number]
            made = tensors_in(result)[step.call.part]
            self.states[number] = self.state(step, args, kwargs, made)
            for source in step.sources:
                if self.last_use[source] == number:
                    self.states.pop(source, None)
            if number == len(self.steps) - 1:
                raise Reached
        return result

    def state(
        self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any], made: Tensor
    ) -> DecomposedImage:
        """What the class token is made of after a step."""
        state = apply_step(step, self.states, args, kwargs, made)
        if self.is_checked:
            total = state.contributions.sum((-3, -2)) + state.constant
            if not agree(total, state.embedding):
                raise NetworkError(f"what {operation(step.call)!r} does to it is not understood")
        return state


class _ByLayer(_Decomposing):
    """Splits the class token over layers instead of cells."""

    def state(
        self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any], made: Tensor
    ) -> DecomposedImage:
        """What the class token is made of after a step."""
        state = apply_step(step, self.states, args, kwargs, made)
        if step.kind == ATTENTION:
            cells = state.contributions.sum((-3, -2))
            return replace(state, contributions=self._placed(cells, 2 * step.layer - 1))
        if step.kind == FIXED:
            return self._into_layer(state, step.layer)
        return self._into_layer(state, step.layer) if step.kind == SUM else state

    def _into_layer(self, state: DecomposedImage, layer: int) -> DecomposedImage:
        """What came in no cell is the rest of the layer that has just added it."""
        rest = self._placed(state.constant, 2 * layer)
        contributions = state.contributions
        contributions = contributions + rest if contributions.shape[1] else rest
        return replace(
            state, contributions=contributions, constant=torch.zeros_like(state.constant)
        )

    def _placed(self, vectors: Tensor, place: int) -> Tensor:
        parts = vectors.new_zeros(len(vectors), 1, 1 + 2 * self.steps[-1].layer, vectors.shape[-1])
        parts[:, 0, place] = vectors
        return parts


def _run(network: nn.Module, pixels: Tensor, mode: _Decomposing) -> DecomposedImage:
    with mode, suppress(Reached):
        network(pixels)
    found = mode.states.get(len(mode.steps) - 1)
    if found is None:
        raise NetworkError(
            "the network runs differently from one time to the next, so its class token cannot be "
            "followed"
        )
    return found
