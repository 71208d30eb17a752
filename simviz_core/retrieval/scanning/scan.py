"""How the rows of a gallery that a vector is most similar to are found.

A row's score is its product with the vector, summed in float64 and rounded to float32: one number,
whatever else is computed with it and however the rows were found. An exact scan first estimates all
scores and knows how far each estimate may be off; the few rows that could be among the best are
then scored. What it returns is therefore the same for every scan, to the last bit.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
AllowedRows = NDArray[np.bool_]
"""Which rows of an index a search may find, (N,)."""
Rows = NDArray[np.int64]
AT_ONCE = 2048
"""Rows that are scored together, in float64."""
UNIT_ROUNDOFF = 2.0**-24
"""Of float32: how far one operation may be off, relative to its result."""
ROUNDING = 32 * UNIT_ROUNDOFF
"""What the operations besides the sums may add to an estimate, for unit vectors: some ten of them,
and the rounding of the score itself."""
UNDERFLOW = 2.0**-100
"""What products that are too small for float32 may take from an estimate, all of them together."""
SMALLEST = 2.0**-149
"""The smallest float32 above 0, to which tiny scores are rounded."""
MEASURED_AT = 100
"""How many of the best rows an approximate index is measured by, and finds at most."""
IN_MEMORY, CODES_IN_MEMORY, CODES_ON_DISK, APPROXIMATE = TIERS = (
    "all embeddings in memory",
    "8-bit codes in memory",
    "8-bit codes read from disk",
    "approximate index",
)
"""What a search looks into."""


@dataclass(frozen=True)
class Recall:
    """What an approximate index was measured to find of the best rows.

    Attributes:
        probes: Parts of the index that a search looks into.
        whole: Share of the 100 best that queries by whole images find, 0..1.
        regions: The same of queries by regions.
        queries: So many of each were asked.
    """

    probes: int
    whole: float
    regions: float
    queries: int

    @property
    def words(self) -> str:
        """The same in words."""
        return (
            f"recall@{MEASURED_AT} {self.whole:.4f} for whole images and {self.regions:.4f} for "
            f"regions, measured when the index was built, on {self.queries} + {self.queries} "
            "queries of the gallery"
        )

    def as_json(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {**asdict(self), "at": MEASURED_AT}


@dataclass(frozen=True)
class FoundBy:
    """What answered a search.

    Attributes:
        tier: One of `TIERS`.
        recall: Of the approximate one; None where all of the best are found.
        note: Why a search that was to be approximate is exact, or what its recall does not say;
            "" where there is nothing to say.
    """

    tier: str
    recall: Recall | None = None
    note: str = ""

    @property
    def sentence(self) -> str:
        """The same in words."""
        if self.recall is None:
            note = f"; not approximate, since {self.note}" if self.note else ""
            return f"Exact, {self.tier}{note}"
        return f"Approximate: {self.recall.words}{f'; {self.note}' if self.note else ''}"

    @property
    def title(self) -> str:
        """The same in the title of a figure, a few words a line; "" where all are found."""
        if self.recall is None:
            return ""
        whole, regions, queries = self.recall.whole, self.recall.regions, self.recall.queries
        lines = [
            f"approximate: recall@{MEASURED_AT} {whole:.4f} whole, {regions:.4f} regions",
            f"measured when the index was built, on {queries} + {queries} queries",
        ]
        return "\n".join([*lines, self.note] if self.note else lines)

    def as_json(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {
            "tier": self.tier,
            "exact": self.recall is None,
            **({"recall": self.recall.as_json()} if self.recall else {}),
            **({"note": self.note} if self.note else {}),
        }


class Scan(Protocol):
    """Finds rows by their scores.

    Attributes:
        tier: One of `TIERS`.
    """

    @property
    def tier(self) -> str: ...

    def best(self, vector: Vector, count: int, allowed: AllowedRows) -> tuple[Rows, Vector]:
        """The rows with the highest scores.

        Args:
            vector: (D,), float32, of any length.
            count: How many to return, at most.
            allowed: Which rows may be found, (N,).

        Returns:
            The rows, best first, equal scores in the order of the rows; and their scores.
        """

    def rows_from(self, vector: Vector, least: float) -> AllowedRows:
        """Which rows have at least a score, (N,)."""

    def place(self, vector: Vector, row: int, allowed: AllowedRows) -> int:
        """The rank of a row, from 1, among those that may be found."""

    def best_of_each(
        self, vector: Vector, groups: Rows, allowed: AllowedRows
    ) -> tuple[Rows, Vector]:
        """The best row of each group; it takes the product of all rows with the vector.

        Args:
            vector: (D,), float32, of any length.
            groups: The group of each row, from 0, (N,); below 0 it has none and is not found.
            allowed: Which rows may be found, (N,).

        Returns:
            One row of each group, best first, equal scores in the order of the rows; their scores.
        """


class ExactScan(ABC):
    """A scan that returns what scoring every row would, to the last bit.

    Attributes:
        matrix: The rows, (N, D), float32.
        longest: The length of the longest, or more.
    """

    matrix: NDArray[np.float32]
    longest: float

    @property
    @abstractmethod
    def tier(self) -> str:
        """One of `TIERS`."""

    @abstractmethod
    def estimates(self, unit: NDArray[np.float64]) -> tuple[Vector, Vector | float]:
        """Estimated scores of all rows, and bounds on how far they are off.

        Args:
            unit: A vector of length 1, (D,).

        Returns:
            Estimates, (N,), and the bounds, (N,) or one for all. The exact product, and what
            float32 makes of it, lie within them.
        """

    def best(self, vector: Vector, count: int, allowed: AllowedRows) -> tuple[Rows, Vector]:
        """See `Scan.best`.

        The first rows that are scored all reach a score `least`. Whatever is among the best reaches
        it too, and so does the sum of its estimate and bound: no other row need be scored.
        """
        count = min(count, int(allowed.sum()))
        unit, length = _direction(vector)
        if count == 0 or length == 0:
            rows = np.flatnonzero(allowed)[:count]
            return rows, np.zeros(len(rows), dtype=np.float32)
        estimates, bounds = self.estimates(unit)
        if not allowed.all():
            estimates = np.where(allowed, estimates, -np.inf)
        lowest = np.partition(estimates, -count)[-count]
        first = np.flatnonzero(estimates >= lowest)[:count]
        least = float(self.scores(first, vector).min())
        rows = np.flatnonzero(estimates + bounds >= (least - SMALLEST) / length)
        scores = self.scores(rows, vector)
        order = np.argsort(-scores, kind="stable")[:count]
        return rows[order], scores[order]

    def rows_from(self, vector: Vector, least: float) -> AllowedRows:
        """See `Scan.rows_from`."""
        reached, close, scores = self._around(vector, least)
        reached[close] = scores >= least
        return reached

    def place(self, vector: Vector, row: int, allowed: AllowedRows) -> int:
        """See `Scan.place`."""
        own = float(self.scores(np.array([row]), vector)[0])
        ahead, close, scores = self._around(vector, own)
        ahead[close] = (scores > own) | ((scores == own) & (close < row))
        return int((ahead & allowed).sum()) + 1

    def best_of_each(
        self, vector: Vector, groups: Rows, allowed: AllowedRows
    ) -> tuple[Rows, Vector]:
        """See `Scan.best_of_each`."""
        rows = np.flatnonzero(allowed & (groups >= 0))
        own, (unit, _) = groups[rows], _direction(vector)
        products = (self.matrix @ unit.astype(np.float32))[rows]
        highest = np.full(groups.max(initial=-1) + 1, -np.inf, dtype=np.float32)
        np.maximum.at(highest, own, products)
        rows = rows[products >= highest[own] - 2 * self.product_bound]
        scores = self.scores(rows, vector)
        order = np.argsort(-scores, kind="stable")
        first = np.sort(np.unique(groups[rows[order]], return_index=True)[1])
        return rows[order[first]], scores[order[first]]

    def scores(self, rows: Rows, vector: Vector) -> Vector:
        """The scores of some rows, (K,), each from its own components alone."""
        exact, wide = np.empty(len(rows), dtype=np.float32), vector.astype(np.float64)
        for start in range(0, len(rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            exact[part] = np.vecdot(self.matrix[rows[part]].astype(np.float64), wide)
        return exact

    @property
    def product_bound(self) -> float:
        """How far a float32 product with a unit vector may be off: by D roundings, at most."""
        per_length = 1.01 * self.matrix.shape[1] * UNIT_ROUNDOFF + ROUNDING
        return per_length * self.longest + UNDERFLOW

    def _products(self, rows: Rows, unit: NDArray[np.float64]) -> Vector:
        narrow, products = unit.astype(np.float32), np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            products[part] = self.matrix[rows[part]] @ narrow
        return products

    def _around(self, vector: Vector, score: float) -> tuple[AllowedRows, Rows, Vector]:
        """Rows that are certain to lie above a score; those that may, and their scores."""
        unit, length = _direction(vector)
        if length == 0:
            rows = np.arange(len(self.matrix))
            return np.zeros(len(rows), dtype=bool), rows, np.zeros(len(rows), dtype=np.float32)
        lowest, highest = (score - SMALLEST) / length, (score + SMALLEST) / length
        estimates, bounds = self.estimates(unit)
        # Of a tiny vector, what a product must reach may lie beyond float32: infinite, rightly.
        with np.errstate(over="ignore"):
            above = estimates - bounds > highest
            close = np.flatnonzero(~above & (estimates + bounds >= lowest))
        if len(close) > AT_ONCE:  # float32 tells nearly all apart, and is quicker than float64
            closer, bound = self._products(close, unit), self.product_bound
            above[close[closer - bound > highest]] = True
            close = close[(closer - bound <= highest) & (closer + bound >= lowest)]
        return above, close, self.scores(close, vector)


class ProductScan(ExactScan):
    """Multiplies all rows with the vector, in float32."""

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        """Scan these rows, (N, D)."""
        self.matrix = matrix
        parts = (matrix[start : start + AT_ONCE] for start in range(0, len(matrix), AT_ONCE))
        lengths = (np.linalg.norm(part.astype(np.float64), axis=1).max() for part in parts)
        self.longest = float(max(lengths, default=0.0))

    @property
    def tier(self) -> str:
        """See `Scan.tier`."""
        return IN_MEMORY

    def estimates(self, unit: NDArray[np.float64]) -> tuple[Vector, Vector | float]:
        """See `ExactScan.estimates`."""
        return self.matrix @ unit.astype(np.float32), self.product_bound


def _direction(vector: Vector) -> tuple[NDArray[np.float64], float]:
    """A vector of length 1 in float64, and the length that it had; zeros and 0 for zeros."""
    wide = vector.astype(np.float64)
    length = float(np.linalg.norm(wide))
    return (wide / length if length else wide), length
