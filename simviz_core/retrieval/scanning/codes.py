"""Rows as whole numbers of 8 bits: a quarter of the memory, and of what a search has to read.

A row x is kept as x̂ = s c, with codes c of −127 to 127 and a scale s of its own, and with the
length of its error |x − x̂|. A query q becomes q̂ of twice as many bits, which costs nothing while
memory is what a scan waits for. For every row, whatever the data,

    |q · x − q̂ · x̂| ≤ |q| |x − x̂| + |q − q̂| |x̂|.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simviz_core.retrieval.scanning.scan import (
    AT_ONCE,
    CODES_IN_MEMORY,
    CODES_ON_DISK,
    ROUNDING,
    UNDERFLOW,
    ExactScan,
    Vector,
)

LARGEST = 127
"""Of the codes; −128 is not used, so that a row and its negative have the same error."""
FINER = 2 * LARGEST
"""How many times as fine the second codes of a query are: its rest is half a step, at most."""
LEAST_PER_THREAD = 10_000
"""Rows that are worth a thread."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Rows as codes.

    Attributes:
        codes: c, (N, D), int8.
        scales: s, (N,), float32.
        errors: |x − x̂|, rounded up, (N,), float32.
        longest: The largest |x| and |x̂|, or more.
    """

    codes: NDArray[np.int8]
    scales: Vector
    errors: Vector
    longest: float


def encode(matrix: NDArray[np.float32], codes: NDArray[np.int8] | None = None) -> Codes:
    """Make codes of rows, a few at a time.

    Args:
        matrix: (N, D), float32, finite.
        codes: Where the codes go, (N, D); None makes an array.
    """
    count, longest = len(matrix), 0.0
    codes = np.empty(matrix.shape, dtype=np.int8) if codes is None else codes
    scales, errors = np.empty(count, dtype=np.float32), np.empty(count, dtype=np.float32)
    for start in range(0, count, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        rows = matrix[part]
        scales[part] = np.abs(rows).max(1, initial=0) / LARGEST
        steps = scales[part, None].astype(np.float64)
        whole = np.divide(rows, steps, out=np.zeros(rows.shape), where=steps > 0)
        codes[part] = np.clip(np.rint(whole), -LARGEST, LARGEST)
        kept = codes[part] * steps
        off = np.linalg.norm(rows - kept, axis=1).astype(np.float32)
        errors[part] = np.nextafter(off, np.float32(np.inf))
        longest = max(longest, float((np.linalg.norm(kept, axis=1) + errors[part]).max()))
    return Codes(codes, scales, errors, longest)


class CodesScan(ExactScan):
    """Multiplies the codes of all rows with those of the vector, in whole numbers."""

    def __init__(self, matrix: NDArray[np.float32], codes: Codes) -> None:
        """Scan these rows, (N, D), which may lie on disk, by their codes in memory."""
        self.matrix, self.codes, self.longest = matrix, codes, codes.longest

    @property
    def tier(self) -> str:
        """See `Scan.tier`."""
        return CODES_ON_DISK if isinstance(self.codes.codes, np.memmap) else CODES_IN_MEMORY

    def estimates(self, unit: NDArray[np.float64]) -> tuple[Vector, Vector | float]:
        """See `ExactScan.estimates`."""
        codes = self.codes
        step = float(np.abs(unit).max()) / LARGEST
        coarse = np.rint(unit / step)
        fine = np.rint((unit - step * coarse) / (step / FINER))
        of_query = float(np.linalg.norm(unit - step * (coarse + fine / FINER)))
        of_all = (of_query + ROUNDING) * self.longest + UNDERFLOW
        bounds = codes.errors + np.float32(of_all)
        return _products(codes, np.stack([coarse, fine]).astype(np.int8), step), bounds


def _products(codes: Codes, query: NDArray[np.int8], step: float) -> Vector:
    """x̂ · q̂ of all rows, (N,); the query's coarse and fine codes are (2, D)."""
    import numkong

    packed = numkong.dots_pack(query)
    products = np.empty(len(codes.codes), dtype=np.float32)
    threads = max(1, min(os.cpu_count() or 1, len(products) // LEAST_PER_THREAD))
    ends = np.linspace(0, len(products), threads + 1).astype(int).tolist()

    def multiply(start: int, end: int) -> None:
        coarse, fine = np.asarray(numkong.dots_packed(codes.codes[start:end], packed)).T
        both = coarse + fine * np.float32(1 / FINER)
        products[start:end] = both * (codes.scales[start:end] * np.float32(step))

    if threads == 1:
        multiply(0, len(products))
    else:
        with ThreadPoolExecutor(threads, "simviz-scan") as pool:
            list(pool.map(multiply, ends[:-1], ends[1:]))
    return products
