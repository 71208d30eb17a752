"""How well a map points at a known place.

The place is given as the share of each cell that it covers. Shares of a map are taken of its
positive part, for every method alike, since signed maps and maps without a sign are compared.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]
TOUCHED = 0.05
"""A cell belongs to a mask, for the pointing game, that covers this share of it."""


def energy_inside(values: Values, covered: Values) -> float | None:
    """The share of a map's positive part that lies inside a mask.

    Sharper maps get more of it whatever they explain; read it beside `roc_area`.

    Args:
        values: The map, (H, W).
        covered: The share of each cell that the mask covers, (H, W), 0..1.

    Returns:
        0..1; None of a map without a positive cell, or where there is nothing inside.

    Source: Wang et al., "Score-CAM", CVPR workshops 2020 (energy-based pointing game).
    """
    positive = np.maximum(values.astype(np.float64), 0)
    total = float(positive.sum())
    has_any = total > 0 and bool(covered.any())
    return float((positive * covered).sum()) / total if has_any else None


def pointing_game(values: Values, covered: Values) -> float | None:
    """1 where the strongest cell, the first of equals, touches the mask, else 0; None of no mask.

    Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", IJCV 2018; with the
        cell instead of a tolerance in pixels.
    """
    return float(covered.ravel()[int(values.argmax())] >= TOUCHED) if covered.any() else None


def roc_area(values: Values, covered: Values) -> float | None:
    """The area under the ROC of telling what is inside a mask by the map's values.

    Args:
        values: The map, (H, W); only the order of its cells counts, so that no sharpening helps.
        covered: The share of each cell that the mask covers, (H, W), 0..1; a cell is inside to
            this share and outside to the rest.

    Returns:
        The probability that a random place inside has a higher value than a random one outside,
        ties halved; None where there is nothing inside, or nothing outside. Cells that the mask's
        edge cuts keep it below 1, even for the mask itself.
    """
    inside, outside = covered.ravel().astype(np.float64), 1 - covered.ravel().astype(np.float64)
    if inside.sum() < 1e-9 or outside.sum() < 1e-9:
        return None
    _, rank = np.unique(values.ravel(), return_inverse=True)
    of_inside, of_outside = np.bincount(rank, inside), np.bincount(rank, outside)
    below = np.concatenate([[0.0], of_outside.cumsum()[:-1]])
    wins = float((of_inside * (below + of_outside / 2)).sum())
    return wins / float(inside.sum() * outside.sum())


def localisation(values: Values, covered: Values) -> dict[str, float | None]:
    """All three measures of a map against a mask."""
    return {
        "ROC area": roc_area(values, covered),
        "pointing game": pointing_game(values, covered),
        "energy inside": energy_inside(values, covered),
    }


def quarter_measures(values: Values, quarters: Values, right: int) -> dict[str, float | None]:
    """How well a map finds one quarter of an image.

    Args:
        values: The map, (H, W).
        quarters: The share of each cell that each quarter covers, (4, H, W).
        right: Which one is right.

    Returns:
        The share of the map's positive part in it, whether it has the largest share of the four,
        and whether the strongest cell lies in it, by more than half.
    """
    shares = [energy_inside(values, quarter) for quarter in quarters]
    best = None if shares[right] is None else float(int(np.argmax(np.array(shares))) == right)
    strongest = quarters[right].ravel()[int(values.argmax())]
    return {
        "share in quarter": shares[right],
        "best quarter": best,
        "strongest cell": float(strongest > 0.5),
        "ROC area": roc_area(values, quarters[right]),
    }


def area_under(curve: Values) -> float:
    """The area under a curve of evenly spaced values from 0 to 1."""
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))
