"""Which values of a picture become black and white, where it has more than 8 bits.

A picture of 12 bits may lie in numbers of 16, that of a scanner has negative values, a float may
mean anything. The range is what the file states, what was given, or what the values suggest; it is
never taken without a word.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

INTEGERS, FLOATS = "integers", "floating-point numbers"
"""Kinds of values; a range that a gallery shares holds for one of them."""
DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners use."""
SHARE_INSIDE = 99.9
"""Percent of the values up to which a range found in them reaches; the rest may be hot pixels."""
LARGEST = 1e300
"""Beyond this, differences of 64-bit numbers are infinite."""


@dataclass(frozen=True)
class ValueRange:
    """The values that are shown as black and as white.

    Attributes:
        low: Shown as black, and whatever is below it.
        high: Shown as white, and whatever is above it.
        how: Where the range comes from, in words.
        kind: What it holds for: `INTEGERS` or `FLOATS`; None for both.
    """

    low: float
    high: float
    how: str
    kind: str | None = None

    @property
    def text(self) -> str:
        """The range in words."""
        return f"values {self.low:.6g} to {self.high:.6g} shown as black to white ({self.how})"

    @property
    def key(self) -> str:
        """What tells pixels made with this range from those made with another one."""
        return f"{self.low!r},{self.high!r}"

    def as_json(self) -> dict[str, Any]:
        """The range as JSON-ready values."""
        return asdict(self)


def given_range(low: float, high: float) -> tuple[ValueRange, ...]:
    """A range that somebody has chosen, for values of every kind.

    Raises:
        ValueError: It has no extent, or an end is not finite.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"a range of values needs two numbers, the lower one first: {low},{high}")
    return (ValueRange(float(low), float(high), "given"),)


def range_for(kind: str, ranges: Sequence[ValueRange]) -> ValueRange | None:
    """The range among these that holds for a kind of values; None where there is none."""
    return next((found for found in ranges if found.kind in (None, kind)), None)


def range_of_values(values: NDArray[Any], kind: str) -> ValueRange:
    """The range that values suggest.

    Whole numbers from zero on take the least usual depth in bits that holds 99.9% of them;
    floating-point numbers 0 to 1, or 0 to 255, where they keep to it; everything else its 0.1 and
    99.9 percentiles, rounded outwards.

    Args:
        values: Some of a picture's, or of several pictures', (N,); those not finite do not count.
        kind: `INTEGERS` or `FLOATS`.

    Returns:
        The range; 0 to 1 where no value is finite.
    """
    finite = np.clip(values[np.isfinite(values)].astype(np.float64), -LARGEST, LARGEST)
    if not finite.size:
        return ValueRange(0.0, 1.0, "no value is finite", kind)
    least, lower, upper, most = np.percentile(finite, [0, 100 - SHARE_INSIDE, SHARE_INSIDE, 100])
    if least >= 0 and (nominal := _nominal_range(upper, most, kind)):
        return nominal
    if lower == upper:
        lower, upper = least, most
    if lower == upper:
        return ValueRange(float(lower), float(lower) + 1, f"all values are {lower:.6g}", kind)
    low, high = _rounded_outwards(lower, upper)
    how = f"the {100 - SHARE_INSIDE:.1f} and {SHARE_INSIDE} percentiles of the values"
    return ValueRange(low, high, how, kind)


def _nominal_range(upper: float, most: float, kind: str) -> ValueRange | None:
    """The range that a format usually has, where values from zero on keep to one."""
    if kind == INTEGERS:
        for bits in DEPTHS:
            if upper < 2**bits:
                how = f"the {bits} bits that hold {SHARE_INSIDE}% of the values"
                return ValueRange(0.0, float(2**bits - 1), how, kind)
        return None
    if most <= 1:
        return ValueRange(0.0, 1.0, "no value lies outside", kind)
    if most <= 255 and upper > 127.5:
        return ValueRange(0.0, 255.0, "no value lies outside", kind)
    return None


def _rounded_outwards(low: float, high: float) -> tuple[float, float]:
    """To about a hundredth of the extent, so that a few more values do not change the range."""
    step = 10.0 ** (np.floor(np.log10(high - low)) - 2)
    rounded = float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
    return (float(f"{rounded[0]:.12g}"), float(f"{rounded[1]:.12g}"))


def as_levels(
    values: NDArray[Any], shown: ValueRange, is_inverted: bool = False
) -> tuple[NDArray[np.uint8], int, int]:
    """Values as 8-bit levels of grey.

    Args:
        values: (H, W) or (H, W, C), of any kind of number.
        shown: Their range.
        is_inverted: Whether the lowest value is white.

    Returns:
        Levels of the same shape, rounded to the nearest; how many values lie outside the range,
        cut off at its ends; and how many are not finite, shown as the lowest value is.
    """
    levels = np.empty(values.shape, dtype=np.uint8)
    outside = not_finite = 0
    rows = max(1, 4_000_000 // max(1, values[0].size))
    for start in range(0, len(values), rows):  # in parts, since doubles need much memory
        part = np.clip(values[start : start + rows].astype(np.float64), -LARGEST, LARGEST)
        is_finite = np.isfinite(values[start : start + rows])
        outside += int(((part < shown.low) | (part > shown.high))[is_finite].sum())
        not_finite += int((~is_finite).sum())
        part = np.where(is_finite, part, shown.low)
        shares = (np.clip(part, shown.low, shown.high) - shown.low) / (shown.high - shown.low)
        shares = 1 - shares if is_inverted else shares
        levels[start : start + rows] = np.rint(shares * 255)
    return levels, outside, not_finite
