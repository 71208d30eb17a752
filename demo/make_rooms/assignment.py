"""Which designs furnish which hotel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .designs import CATALOGUE, design_id
from .randomness import ASSIGNMENT, generator

SPLITS = ("train", "search")
HOTELS_PER_SPLIT = 24
HOTELS = HOTELS_PER_SPLIT * len(SPLITS)
# A search for one of these must find other hotels of the split, and training must not have
# shown the design.
SEARCHABLE = ("bedspread", "headboard", "lamp", "picture")
GROUP_SIZES = (4, 4, 3, 3, 3, 3, 2, 2)

Numbers = NDArray[np.int64]


def split_of(hotel: int) -> str:
    """Returns "train" or "search"; they alternate, so that any first hotels hold both."""
    return SPLITS[hotel % len(SPLITS)]


def assign_designs(seed: int) -> list[dict[str, str]]:
    """Gives every hotel a design of every item.

    Within a split every searchable design furnishes 2 to 4 hotels, no two hotels share more
    than one searchable design, and the splits share none.

    Args:
        seed: The gallery's seed.

    Returns:
        For each of the hotels, item to design id.
    """
    hotels: list[dict[str, str]] = [{} for _ in range(HOTELS)]
    for part in range(len(SPLITS)):
        rng = generator(seed, ASSIGNMENT, part)
        taken: list[Numbers] = []
        for item in CATALOGUE:
            numbers = spread_out(_multiset(item, part, rng), taken, rng)
            # The four searchable items come first; the others only need to be mixed well.
            taken.append(numbers)
            for i, number in enumerate(numbers):
                hotels[i * len(SPLITS) + part][item] = design_id(item, int(number))
    return hotels


def _multiset(item: str, part: int, rng: np.random.Generator) -> Numbers:
    count = len(CATALOGUE[item])
    if item not in SEARCHABLE:
        return np.arange(HOTELS_PER_SPLIT) % count
    own = np.arange(part, count, len(SPLITS))
    return np.repeat(own, rng.permutation(GROUP_SIZES))


def sharing(numbers: Sequence[Numbers]) -> Numbers:
    """Counts the designs that two hotels have in common.

    Args:
        numbers: For each item, (H,) the hotels' design numbers.

    Returns:
        (H, H) counts, 0 on the diagonal.
    """
    counts = sum((n[:, None] == n[None, :]).astype(np.int64) for n in numbers)
    result = np.asarray(counts)
    np.fill_diagonal(result, 0)
    return result


def spread_out(numbers: Numbers, taken: Sequence[Numbers], rng: np.random.Generator) -> Numbers:
    """Orders design numbers so that hotels which already share a design do not share this one.

    Args:
        numbers: (H,) the designs to hand out, in any order.
        taken: Earlier items' (H,) design numbers.
        rng: The source of chance.

    Returns:
        (H,) the same numbers, in the order found with the least sharing.
    """
    order = rng.permutation(numbers)
    cost = _repeated(order, taken)
    for _ in range(4000):
        if cost == 0:
            break
        i, j = rng.integers(0, len(order), 2)
        trial = order.copy()
        trial[[i, j]] = trial[[j, i]]
        trial_cost = _repeated(trial, taken)
        if trial_cost <= cost:
            order, cost = trial, trial_cost
    return order


def _repeated(order: Numbers, taken: Sequence[Numbers]) -> int:
    if not taken:
        return 0
    before = sharing(taken)
    return int((before**2 * (order[:, None] == order[None, :])).sum())
