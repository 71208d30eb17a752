"""Whether stored embeddings are still what was stored: disks and copies flip bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLERANCE = {"float32": 1e-4, "float16": 2e-3}
"""How far rounding may take the length of a stored unit embedding from 1, by the precision."""
WORDS = {4: np.uint32, 2: np.uint16}
"""Whole numbers of as many bytes as a component."""


def checksums(stored: NDArray[Any]) -> NDArray[np.int64]:
    """One number for each embedding, which changes with every bit that is flipped in it.

    Args:
        stored: (N, D), float32 or float16, contiguous.

    Returns:
        (N,): the components' bits, added without carrying (exclusive or).
    """
    words = stored.view(WORDS[stored.dtype.itemsize])
    return np.bitwise_xor.reduce(words, axis=1).astype(np.int64)


def are_sound(stored: NDArray[Any], sums: NDArray[np.int64], precision: str) -> NDArray[np.bool_]:
    """Which embeddings have the bits that were stored, are finite, and are of length 1 or 0.

    Args:
        stored: (N, D), float32 or float16, contiguous.
        sums: What `checksums` gave when they were stored, (N,).
        precision: One of `PRECISIONS`.

    Returns:
        (N,).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = stored.astype(np.float32, copy=False)
        lengths = np.sqrt(np.einsum("nd,nd->n", values, values))
    # An embedding of nothing but zeros has no direction to be scaled to; unreadable files have one.
    is_unit = (np.abs(lengths - 1) <= TOLERANCE[precision]) | (lengths == 0)
    return is_unit & (checksums(stored) == sums)
