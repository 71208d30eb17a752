"""Finding the way of a class token through a network, back from the embedding to its start.

It is found by what the operations are, not by the names of layers: sums and affine layers are
followed back; attention weights times values split over tokens; what is nonlinear (an MLP) and
what is the same in all images (the token's start) lies in no cell. Anything else is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from simviz_core.decomposition.tail import NONLINEARITIES
from simviz_core.errors import NetworkError
from simviz_core.networks.inspection.class_tokens.rows import KeptRows, Row
from simviz_core.networks.inspection.class_tokens.steps import (
    ATTENTION,
    FIXED,
    LAYER,
    LAYERS,
    MULTI_HEAD,
    PRODUCTS,
    SAME,
    SCALED_DOT_PRODUCT,
    SUM,
    Cells,
    Step,
    operation,
)
from simviz_core.networks.inspection.layout import layouts
from simviz_core.networks.inspection.tracing import Call, Node, Reference, Trace

SHAPING = (
    *("transpose", "permute", "reshape", "view", "flatten", "unflatten", "contiguous", "clone"),
    *("dropout", "to", "type_as", "float", "getitem", "select", "squeeze", "unsqueeze", "identity"),
    *("index_select", "narrow", "slice", "unbind", "movedim", "swapaxes", "alias", "detach"),
)
"""Operations that hand numbers on, in another shape or fewer of them."""
FARTHEST_SOFTMAX = 12
"""Operations between attention weights and the softmax that made them, at the most."""


class _NotUnderstood(NetworkError):
    """The way back ends at an operation that is none of those that are known."""


def find_plan(
    run: Trace,
    kept: Mapping[Call, KeptRows],
    size: tuple[int, int],
    end: int,
    index: int | None,
) -> tuple[Step, ...]:
    """Follow a class token back from one result of a network.

    Args:
        run: Of the network, on `PROBED` images.
        kept: The tokens of its results on the same images.
        size: Height and width of the images, in pixels.
        end: The number of the operation whose result holds the token.
        index: Which of the result's tokens it is; None where it is the only one.

    Returns:
        The steps in the order of the run; the last is the end's.

    Raises:
        NetworkError: Something on the way is not understood; the message says what.
    """
    finder = _Finder(run, kept, size)
    finder.follow(end, index)
    finder.require_no_hidden_attention()
    if not any(step.kind == ATTENTION for step in finder.steps):
        raise NetworkError("no attention leads to its embedding")
    return finder.in_order()


class _Finder:
    """The search; steps are noted from the start of the network to its end."""

    def __init__(self, run: Trace, kept: Mapping[Call, KeptRows], size: tuple[int, int]) -> None:
        self.nodes, self.kept, self.size = run.nodes, kept, size
        self.steps: list[Step] = []
        self.numbers: list[int] = []
        self.found: dict[tuple[int, int | None], int] = {}

    def follow(self, number: int, index: int | None) -> int:
        """Find how a token of a result comes about.

        Returns:
            The number of its step.
        """
        key = number, index
        if key not in self.found:
            step = self._step(self.nodes[number], index)
            self.steps.append(step)
            self.numbers.append(number)
            self.found[key] = len(self.steps) - 1
        return self.found[key]

    def _step(self, node: Node, index: int | None) -> Step:
        rows = self._rows(node)
        row = None if rows is None else rows.row(index)
        if rows is None or row is None or node.call is None:
            raise _NotUnderstood(f"it goes through {_words(node)}, which is not understood")
        token = rows.at(index)
        if torch.equal(token[0], token[1]):
            return Step(FIXED, node.call, row)
        name = operation(node.call)
        if name == MULTI_HEAD:
            return self._multi_head(node, row)
        if name in SHAPING:
            return self._shaped(node, row, token)
        if name == "cat":
            return self._joined(node, row, token)
        if len(node.inputs) == 2 and name in ("add", "sub") and _has_no_factor(node):
            sources = tuple(self.follow(number, index) for number in _operands(node))
            return Step(SUM, node.call, row, sources)
        if len(node.inputs) == 1 and name in ("add", "mul") and _takes_twice(node):
            if name == "add":
                twice = self.follow(node.inputs[0], index)
                return Step(SUM, node.call, row, (twice, twice))
        elif len(node.inputs) == 1 and name in LAYERS and (place := _place(node)) is not None:
            return Step(LAYER, node.call, row, (self.follow(node.inputs[0], index),), place)
        is_gate = name == "mul" and (len(node.inputs) == 2 or _takes_twice(node))
        if name in NONLINEARITIES or is_gate:
            return Step(FIXED, node.call, row)
        raise _NotUnderstood(f"it goes through {_words(node)}, which is not understood")

    def _rows(self, node: Node) -> KeptRows | None:
        return None if node.call is None else self.kept.get(node.call)

    def _shaped(self, node: Node, row: Row, token: Tensor) -> Step:
        assert node.call is not None
        source = self.nodes[node.inputs[0]]
        rows = self._rows(source)
        if rows is not None:
            before = rows.like(token, row.index)
            if before is None and tuple(each.index for each in rows.rows) != (None,):
                raise _NotUnderstood(f"no token goes on from {_words(node)}")
            return Step(SAME, node.call, row, (self.follow(source.number, before),))
        # By heads, between an attention and the layer that joins them.
        while operation(source.call or node.call) in SHAPING and len(source.inputs) == 1:
            source = self.nodes[source.inputs[0]]
        attention = self._attention(source, row)
        self.steps.append(attention)
        self.numbers.append(source.number)
        return Step(SAME, node.call, row, (len(self.steps) - 1,))

    def _attention(self, node: Node, row: Row) -> Step:
        name = operation(node.call) if node.call else ""
        is_product = name in PRODUCTS and len(node.inputs) == 2 and self._has_weights(node)
        if (
            node.call is None
            or len(node.shape) != 4
            or not (name == SCALED_DOT_PRODUCT or is_product)
        ):
            raise _NotUnderstood(f"its heads are joined from {_words(node)}, no known attention")
        if name == SCALED_DOT_PRODUCT and (
            node.keywords.get("enable_gqa") or node.keywords.get("is_causal")
        ):
            raise _NotUnderstood("its heads share keys, or tokens look at earlier ones alone")
        values = node.arguments[2 if name == SCALED_DOT_PRODUCT else 1 :][:1]
        held = values[0] if values else node.keywords.get("value")
        if not isinstance(held, Reference):
            raise _NotUnderstood("the values of its attention do not depend on the image")
        shape = self.nodes[held.node].shape
        index = row.index if row.index is not None else 0
        if node.shape[2] == 1:
            index = 0
        where = self._cells((shape[0], shape[2], shape[1] * shape[3]))
        return Step(ATTENTION, node.call, Row(index, 2), cells=where)

    def _multi_head(self, node: Node, row: Row) -> Step:
        assert node.call is not None
        names = ("key_padding_mask", "bias_k", "bias_v")
        separate = node.keywords.get("use_separate_proj_weight")
        if separate or any(node.keywords.get(name) is not None for name in names):
            raise _NotUnderstood("its attention has parts that are not known")
        held = node.arguments[1]
        if not isinstance(held, Reference) or node.call.part != 0 or row.token != 0:
            raise _NotUnderstood("its attention is called in a way that is not known")
        length, images, channels = self.nodes[held.node].shape
        return Step(ATTENTION, node.call, row, cells=self._cells((images, length, channels)))

    def _cells(self, shape: tuple[int, ...]) -> Cells:
        for layout in layouts(shape, self.size):
            if layout.order == "LC":
                return Cells(layout.prefix, layout.grid)
        raise _NotUnderstood(f"its {shape[1]} tokens are no grid of cells")

    def _has_weights(self, node: Node) -> bool:
        """Whether the first factor of a product comes from a softmax."""
        first = node.arguments[0]
        edge = [first.node] if isinstance(first, Reference) else []
        for _ in range(FARTHEST_SOFTMAX):
            nodes = [self.nodes[number] for number in edge]
            if any(each.call and operation(each.call) == "softmax" for each in nodes):
                return True
            edge = [number for each in nodes for number in each.inputs][:FARTHEST_SOFTMAX]
        return False

    def _joined(self, node: Node, row: Row, token: Tensor) -> Step:
        """Tokens put one after the other: which part it comes from, found by its numbers."""
        assert node.call is not None
        for number in node.inputs:
            rows = self._rows(self.nodes[number])
            before = None if rows is None else rows.like(token, row.index)
            if rows is not None and (before is not None or rows.rows[0].index is None):
                return Step(SAME, node.call, row, (self.follow(number, before),))
        raise _NotUnderstood(f"it goes through {_words(node)}, which is not understood")

    def require_no_hidden_attention(self) -> None:
        """Refuse where what is said to be in no cell hands on an attention's result.

        Raises:
            NetworkError: It does: a gate on an attention's output, say.
        """
        ends = {
            number
            for step, number in zip(self.steps, self.numbers, strict=True)
            if step.kind != FIXED
        }
        for step, number in zip(self.steps, self.numbers, strict=True):
            edge = list(self.nodes[number].inputs) if step.kind == FIXED else []
            if step.kind == FIXED and self._is_same_in_all(number, step.row.index):
                continue
            seen: set[int] = set()
            while edge:
                node = self.nodes[edge.pop()]
                if node.number in seen or node.number in ends:
                    continue
                seen.add(node.number)
                if node.call and operation(node.call) in (
                    SCALED_DOT_PRODUCT,
                    MULTI_HEAD,
                    "softmax",
                ):
                    raise _NotUnderstood(
                        f"what its attention makes goes on through {_words(self.nodes[number])}, "
                        "which is not affine"
                    )
                edge += node.inputs

    def _is_same_in_all(self, number: int, index: int | None) -> bool:
        rows = self._rows(self.nodes[number])
        return rows is not None and torch.equal(*rows.at(index))

    def in_order(self) -> tuple[Step, ...]:
        """The steps in the order of the run, with the layer that each is part of."""
        order = sorted(range(len(self.steps)), key=lambda place: self.numbers[place])
        place_of = {old: new for new, old in enumerate(order)}
        attentions, ordered = set[Call](), []
        for old in order:
            step = self.steps[old]
            attentions |= {step.call} if step.kind == ATTENTION else set()
            sources = tuple(place_of[source] for source in step.sources)
            ordered.append(replace(step, sources=sources, layer=len(attentions)))
        return tuple(ordered)


def _operands(node: Node) -> list[int]:
    held = [*node.arguments, *node.keywords.values()]
    return [value.node for value in held if isinstance(value, Reference)]


def _place(node: Node) -> int | None:
    """Which argument holds the token; None where that is not clear."""
    held: Sequence[object] = [*node.arguments, *node.keywords.values()]
    places = [place for place, value in enumerate(held) if isinstance(value, Reference)]
    if len(places) != 1 or not _has_no_factor(node):
        return None
    name = operation(node.call) if node.call else ""
    needs_first = ("linear", "layer_norm", "matmul", "div", "truediv", "true_divide")
    if places[0] > (0 if name in needs_first else 1):
        return None
    return places[0]


def _takes_twice(node: Node) -> bool:
    return len(_operands(node)) == 2


def _has_no_factor(node: Node) -> bool:
    return node.keywords.get("alpha", 1) == 1 and not node.keywords.get("rounding_mode")


def _words(node: Node) -> str:
    return f"{operation(node.call)!r}" if node.call else "the image itself"
