"""Tensors that still lie in their file: their shape is known, their numbers are read when asked."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

MOST_DIMENSIONS = 32


class Damaged(Exception):
    """A file that says what cannot be true; the message says what."""


@dataclass(frozen=True, eq=False)
class Storage:
    """A row of numbers in a file.

    Attributes:
        dtype: Of the numbers; None for a kind that PyTorch cannot compute with as it is.
        count: How many there are.
        read: Reads so many bytes from so many bytes after its beginning on.
    """

    dtype: torch.dtype | None
    count: int
    read: Callable[[int, int], bytearray]


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        shape: Its sizes.
        dtype: Of its numbers.
        load: Reads them, to the CPU.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    load: Callable[[], Tensor]

    def numel(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


@dataclass(frozen=True)
class Unusable:
    """A tensor that cannot be used as weights.

    Attributes:
        reason: Why, as what follows "it": "is sparse".
    """

    reason: str


def view(
    storage: object,
    offset: object,
    shape: object,
    strides: object,
    dtype: torch.dtype | None = None,
) -> StoredTensor | Unusable:
    """The tensor that a file lays over one of its storages.

    Args:
        storage: The storage; like the rest it is what the file says, and is checked.
        offset: Of the first number, in numbers.
        shape: The sizes.
        strides: How far it is from one number to the next along each of them.
        dtype: Of the numbers; None for the storage's own.

    Returns:
        The tensor.

    Raises:
        Damaged: It would reach beyond the storage.
    """
    if not isinstance(storage, Storage):
        raise Damaged("a tensor has no storage")
    sizes, steps = _whole_numbers(shape), _whole_numbers(strides)
    (start,) = _whole_numbers((offset,))
    if len(sizes) != len(steps) or len(sizes) > MOST_DIMENSIONS:
        raise Damaged("a tensor's shape and strides do not fit together")
    kind = dtype or storage.dtype
    if kind is None or storage.dtype is None:
        return Unusable("is quantised")
    count = storage.count * storage.dtype.itemsize // kind.itemsize
    total = prod(sizes)
    reach = sum((size - 1) * step for size, step in zip(sizes, steps, strict=True))
    if total and start + reach >= count:
        raise Damaged("a tensor reaches beyond its numbers")
    if total > count:
        return Unusable(f"claims {total:,} numbers, of which the file holds {count:,}")

    def load() -> Tensor:
        if not total:
            return torch.empty(sizes, dtype=kind)
        found = storage.read(start * kind.itemsize, (reach + 1) * kind.itemsize)
        return torch.frombuffer(found, dtype=kind).as_strided(sizes, steps).contiguous()

    return StoredTensor(sizes, kind, load)


def _whole_numbers(values: object) -> tuple[int, ...]:
    """Values of a file that should be numbers from 0 up."""
    if not isinstance(values, tuple | list):
        raise Damaged("a tensor's shape is no row of numbers")
    if not all(type(value) is int and 0 <= value < 2**62 for value in values):
        raise Damaged("a tensor's shape or stride is no whole number from 0 up")
    return tuple(values)
