"""Hand-picked colours of hotel rooms, as sRGB hex strings."""

import numpy as np
from numpy.typing import NDArray

Palette = tuple[str, str, str, str]

# Ground, main motif, second motif, accent.
TEXTILES: dict[str, Palette] = {
    "navy": ("#24365c", "#efe7d8", "#c49c50", "#8fa3c0"),
    "terracotta": ("#f0e2cc", "#b45b3c", "#dc9f72", "#6b3c2c"),
    "sage": ("#eeeadc", "#7d9070", "#566850", "#c9b27e"),
    "burgundy": ("#6b2433", "#e9d8c2", "#b8876a", "#43161f"),
    "charcoal": ("#3b3f45", "#e4e0d8", "#8c8f93", "#c7a56c"),
    "teal": ("#e8e3d6", "#3d7377", "#9dbdba", "#d2a266"),
    "mustard": ("#c8983b", "#f3ead8", "#6c5638", "#e3c685"),
    "rose": ("#f2e5dd", "#b57774", "#7a4c50", "#d9b1a6"),
    "slate": ("#5d7489", "#ebe9e3", "#a8b8c5", "#303f50"),
    "forest": ("#2f4e40", "#e6dfc9", "#8ea68c", "#c59d55"),
    "plum": ("#5b3b57", "#e8dcdd", "#a98aa3", "#c9a56e"),
    "chocolate": ("#e9dcc7", "#4c3428", "#9c7556", "#c9a983"),
    "denim": ("#f0ede6", "#3f5f8a", "#8fabc9", "#c8694a"),
    "olive": ("#70713f", "#ece6cf", "#b3ad74", "#3f4026"),
    "sand": ("#d9c6a5", "#f5eee0", "#a98a62", "#7c6143"),
    "ink": ("#f2efe8", "#2b2f38", "#9a9c9f", "#b23f3a"),
    "lagoon": ("#2f6570", "#dfe9e4", "#86b2b0", "#e0b070"),
    "coral": ("#f3e9df", "#d07a62", "#efb9a0", "#4f6d7a"),
}

WALLS = {
    "ivory": "#ece5d6", "linen": "#e2d8c6", "oat": "#d6c8b0", "mist": "#dadedc",
    "pebble": "#cbc7be", "sage": "#c5ccb8", "sky": "#c8d3da", "blush": "#e3d0c5",
    "taupe": "#b3a594", "dusk": "#8b97a3", "fern": "#8d9c85", "clay": "#c69f85",
}  # fmt: skip

WOODS = {
    "oak": "#b08a5e", "walnut": "#6e4a31", "wenge": "#3d2b22", "ash": "#cdb591",
    "cherry": "#8a4f33", "white": "#e6e1d7", "grey": "#8d857a", "teak": "#94683f",
}  # fmt: skip


def srgb(colour: str) -> NDArray[np.float64]:
    """Reads a hex colour.

    Args:
        colour: Such as "#24365c".

    Returns:
        (3,) red, green and blue, 0..1, sRGB-encoded.
    """
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undoes the sRGB encoding.

    Args:
        colour: (..., 3) sRGB-encoded, 0..1.

    Returns:
        (..., 3) proportional to light, 0..1.
    """
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
