"""The class token's own numbers in the results of a network's operations: one row of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.networks.inspection.layout import MOST_PREFIX_TOKENS
from simviz_core.networks.inspection.tracing import Call, Counting, tensors_in

PROBED = 2
"""Images that a network is watched on."""


@dataclass(frozen=True)
class Row:
    """Where a token is in a result: (N, L, C), (L, N, C), (N, C), or by heads (N, heads, L, d).

    Attributes:
        index: Among the tokens; None where the result is one vector for each image.
        token: The dimension of the tokens.
    """

    index: int | None = None
    token: int = 1

    def of(self, values: Tensor) -> Tensor:
        """The token, (N, C); where it is by heads, these one after the other."""
        return values.flatten(1) if self.index is None else self.select(values).flatten(1)

    def select(self, values: Tensor) -> Tensor:
        """The token, without the dimension of the tokens."""
        assert self.index is not None
        return values.select(self.token, self.index)


@dataclass(frozen=True)
class KeptRows:
    """Those tokens of a result that may be class tokens: the first ones and the last.

    Attributes:
        values: (R, N, C).
        rows: Where they are, R of them.
    """

    values: Tensor
    rows: tuple[Row, ...]

    def at(self, index: int | None) -> Tensor:
        """A token of the result, (N, C)."""
        places = [row.index for row in self.rows]
        return self.values[places.index(index)]

    def row(self, index: int | None) -> Row | None:
        """Where a token is; None where it was not kept."""
        return next((row for row in self.rows if row.index == index), None)

    def like(self, token: Tensor, first: int | None) -> int | None:
        """The index of the row that equals a token; `first` is looked at first; None for none."""
        order = sorted(range(len(self.rows)), key=lambda place: self.rows[place].index != first)
        for place in order:
            if torch.equal(self.values[place], token):
                return self.rows[place].index
        return None


class _KeepingRows(Counting):
    """Keeps the rows of all results that have a row for each token."""

    def __init__(self, calls: Iterable[Call]) -> None:
        super().__init__()
        self.wanted = {(call.function, call.count, call.part) for call in calls}
        self.kept: dict[Call, KeptRows] = {}

    def run(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = call.function(*args, **kwargs)
        for part, values in enumerate(tensors_in(result)):
            if (call.function, call.count, part) in self.wanted and (rows := rows_of(values)):
                found = torch.stack([row.of(values) for row in rows])
                self.kept[Call(call.function, call.count, part)] = KeptRows(found, rows)
        return result


def rows_of(values: Tensor) -> tuple[Row, ...]:
    """Where class tokens may be in a result on `PROBED` images; none where it has no tokens."""
    shape = tuple(values.shape)
    if not values.is_floating_point():
        return ()
    if len(shape) == 2 and shape[0] == PROBED:
        return (Row(),)
    if len(shape) != 3 or PROBED not in shape[:2]:
        return ()
    token = 1 if shape[0] == PROBED else 0
    count = shape[token]
    first = range(min(count, MOST_PREFIX_TOKENS + 1))
    return tuple(Row(index, token) for index in dict.fromkeys([*first, count - 1]))


def kept_rows(network: nn.Module, pixels: Tensor, calls: Iterable[Call]) -> dict[Call, KeptRows]:
    """Run a network and keep the tokens of its results that may be class tokens.

    Args:
        network: In evaluation mode.
        pixels: (`PROBED`, 3, height, width).
        calls: Whose results.

    Returns:
        By call, for those of them that have tokens.
    """
    with torch.inference_mode(), _KeepingRows(calls) as keeping:
        network(pixels)
    return keeping.kept
