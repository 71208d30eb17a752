"""Intervals by bootstrap: what resampling the items that are independent does to a mean."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
"""Bootstrap samples."""
LEVEL = 0.95
"""Share of the samples that lie in an interval."""


@dataclass(frozen=True)
class Interval:
    """A mean, and where 95 % of the means of resampled items lie.

    Attributes:
        mean: Of all values.
        low: Lower end.
        high: Upper end.
        count: How many values.
    """

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """Such as `0.71 (0.66 to 0.75)`."""
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def bootstrap_mean(
    values: Sequence[float], groups: Sequence[Hashable] | None = None, seed: int = 0
) -> Interval | None:
    """The mean of values with its interval.

    Args:
        values: One for each item.
        groups: What each item belongs to; whole groups are resampled, since items of one image,
            say, resemble each other. None resamples items.
        seed: Of the resampling.

    Returns:
        None of no values.
    """
    if not values:
        return None
    names = list(dict.fromkeys(groups)) if groups is not None else list(range(len(values)))
    place = {name: number for number, name in enumerate(names)}
    members = np.array([place[g] for g in (groups if groups is not None else names)])
    sums = np.bincount(members, np.asarray(values, dtype=np.float64), len(names))
    counts = np.bincount(members, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(len(names), size=(DRAWS, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(np.mean(values)), float(low), float(high), len(values))
