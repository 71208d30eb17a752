"""The table lamps' forms."""

import numpy as np

from .designs import Lamp
from .meshes import Mesh, lathe, merged, rounded_box, tube
from .palettes import linear, srgb
from .parts import Part, Surface

FOOT_HEIGHT = 0.32

# Radius and height of the foot's outline, metres, from the bottom up.
_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "gourd": [(0.07, 0.0), (0.1, 0.05), (0.105, 0.1), (0.08, 0.16), (0.05, 0.2), (0.065, 0.24),
              (0.05, 0.29), (0.015, 0.32)],
    "column": [(0.09, 0.0), (0.09, 0.02), (0.03, 0.03), (0.025, 0.15), (0.03, 0.3), (0.015, 0.32)],
    "balls": [(0.08, 0.0), (0.08, 0.02), (0.03, 0.025), (0.075, 0.07), (0.03, 0.12), (0.075, 0.17),
              (0.03, 0.22), (0.06, 0.26), (0.02, 0.31), (0.015, 0.32)],
    "bottle": [(0.08, 0.0), (0.085, 0.03), (0.085, 0.17), (0.06, 0.22), (0.025, 0.25),
               (0.022, 0.32)],
    "urn": [(0.07, 0.0), (0.05, 0.03), (0.035, 0.06), (0.08, 0.12), (0.11, 0.2), (0.1, 0.25),
            (0.04, 0.28), (0.045, 0.31), (0.015, 0.32)],
}  # fmt: skip

# Lower radius, upper radius, height, metres.
_SHADES = {"drum": (0.17, 0.16, 0.22), "cone": (0.2, 0.1, 0.24), "tall": (0.13, 0.12, 0.32)}


def _foot(form: str) -> Mesh:
    if form == "cube":
        return rounded_box([0, 0, 0.12], [0.09, 0.09, 0.12], 0.015, 5)
    if form == "tripod":
        legs = [
            tube(np.array([[0.13, 0, 0.0], [0.07, 0, 0.15], [0.01, 0, 0.32]]), 0.014).turned(turn)
            for turn in np.linspace(0.5, 0.5 + 2 * np.pi, 3, endpoint=False)
        ]
        return merged([*legs, lathe([(0.03, 0.2), (0.03, 0.23), (0.0, 0.23)])])
    outline = np.array(_OUTLINES[form])
    heights = np.linspace(0, FOOT_HEIGHT, 40)
    # A short moving average rounds the corners of the outline.
    radii = np.interp(heights, outline[:, 1], outline[:, 0])
    padded = np.pad(radii, 2, "edge")
    smooth = np.convolve(padded, np.ones(5) / 5, "valid")
    return lathe(np.stack([smooth, heights], 1))


def lamp_parts(design: Lamp, lit: bool, strength: float) -> list[Part]:
    """Builds a table lamp.

    Args:
        design: Its look.
        lit: Whether it shines.
        strength: Radiance of a white shade.

    Returns:
        Foot, stem and shade, standing on z = 0, and the light inside where it is lit.
    """
    low, high, tall = _SHADES[design.shade]
    bottom = FOOT_HEIGHT + 0.03
    foot = Surface(srgb(design.colour), design.finish)
    brass = Surface(srgb("#b08d4f"), "metal")
    stem = lathe([(0.008, 0.2), (0.008, bottom + 0.05)], 12)
    shade = lathe([(low, bottom), (high, bottom + tall)])
    cover = Surface(srgb(design.shade_colour))
    parts = [Part("lamp", _foot(design.foot), foot), Part("lamp", stem, brass)]
    if not lit:
        return [*parts, Part("lamp", shade, cover)]
    light = strength * np.array([1.0, 0.76, 0.5])
    glow = light * linear(cover.colour) ** 0.5
    upward = lathe([(0.85 * high, bottom + tall - 0.03), (0.0, bottom + tall - 0.03)], 20)
    downward = lathe([(0.0, bottom + 0.03), (0.85 * low, bottom + 0.03)], 20)
    parts.append(Part("lamp", shade, cover, glow))
    return [*parts, Part("lamp", merged([upward, downward]), cover, 0.9 * light)]
