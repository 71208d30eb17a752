"""Walls, floor, ceiling, window and curtains of a room."""

import numpy as np

from .cloth import curtain
from .layout import Layout
from .looks import Fabric, Look
from .meshes import Mesh, lathe, merged, rectangle, rounded_box
from .palettes import WALLS, srgb
from .parts import Part, Surface
from .views import View

WHITE = Surface(np.array([0.9, 0.9, 0.88]))
WINDOW_BOTTOM, WINDOW_TOP, RAIL_HEIGHT = 0.85, 2.15, 2.32


def shell_parts(layout: Layout, look: Look, view: View, phase: float) -> list[Part]:
    """Builds the room around the furniture.

    Args:
        layout: Its measures.
        look: Its designs.
        view: Its light and how far the curtains are drawn.
        phase: Shifts the curtains' folds, radians.

    Returns:
        The parts.
    """
    parts = wall_parts(layout, look) + floor_parts(layout, look)
    parts += window_parts(layout, look, view) + curtain_parts(layout, look, view, phase)
    return parts + ceiling_parts(layout, view)


def wall_parts(layout: Layout, look: Look) -> list[Part]:
    """Builds the four walls, the papered one behind the bed, and the skirting boards."""
    w, d, h = layout.width, layout.depth, layout.height
    tile = look.wallpaper.tile
    papered = rectangle([0, d, 0], [w, 0, 0], [0, 0, h], (w / tile, h / tile))
    painted = [
        rectangle([0, 0, 0], [0, d, 0], [0, 0, h]),
        rectangle([w, d, 0], [0, -d, 0], [0, 0, h]),
        rectangle([w, 0, 0], [-w, 0, 0], [0, 0, h]),
    ]
    boards = [
        rounded_box([w / 2, d - 0.008, 0.05], [w / 2, 0.008, 0.05], 0.004, 2),
        rounded_box([0.008, d / 2, 0.05], [0.008, d / 2, 0.05], 0.004, 2),
        rounded_box([w - 0.008, d / 2, 0.05], [0.008, d / 2, 0.05], 0.004, 2),
    ]
    return [
        Part("wallpaper", papered, look.wallpaper.surface),
        Part("wall", merged(painted), Surface(srgb(WALLS[layout.wall]))),
        Part("trim", merged(boards), WHITE),
    ]


def floor_parts(layout: Layout, look: Look) -> list[Part]:
    """Lays the carpet from wall to wall, or as a rug on boards."""
    w, d = layout.width, layout.depth

    def laid(corner: tuple[float, float, float], wide: float, deep: float, cloth: Fabric) -> Mesh:
        repeats = (wide / cloth.tile, deep / cloth.tile)
        return rectangle(corner, [wide, 0, 0], [0, deep, 0], repeats)

    if look.floor is None:
        return [Part("carpet", laid((0, 0, 0), w, d, look.carpet), look.carpet.surface)]
    wide, deep = 0.8 * w, 2.2
    front = layout.head - 2.0 - 0.9
    rug = laid(((w - wide) / 2, front, 0.012), wide, deep, look.carpet)
    return [
        Part("floor", laid((0, 0, 0), w, d, look.floor), look.floor.surface),
        Part("carpet", rug, look.carpet.surface),
    ]


def ceiling_parts(layout: Layout, view: View) -> list[Part]:
    """Builds the ceiling and its round light."""
    w, d, h = layout.width, layout.depth, layout.height
    flat = rectangle([0, d, h], [w, 0, 0], [0, -d, 0])
    body = lathe([(0.24, 0.0), (0.24, 0.06)]).moved([w / 2, 0.42 * d, h - 0.06])
    glass = lathe([(0.0, 0.0), (0.24, 0.0)]).moved([w / 2, 0.42 * d, h - 0.06])
    light = view.ceiling_strength * np.array([1.0, 0.86, 0.68])
    return [
        Part("ceiling", flat, WHITE),
        Part("ceiling", body, WHITE),
        Part("ceiling", glass, WHITE, light if view.ceiling_strength > 0 else None),
    ]


def window_parts(layout: Layout, look: Look, view: View) -> list[Part]:
    """Puts the window with its view into the side wall."""
    start, end = layout.window
    width, height = end - start, WINDOW_TOP - WINDOW_BOTTOM
    x, inward = (layout.width, -1) if layout.window_right else (0.0, 1)
    corner = [x + inward * 0.01, end if layout.window_right else start, WINDOW_BOTTOM]
    pane = rectangle(corner, [0, inward * width, 0], [0, 0, height])
    light = look.outdoors * np.array(view.sky)
    bars = []
    for y in (start, (start + end) / 2, end):
        middle = [x + inward * 0.02, y, WINDOW_BOTTOM + height / 2]
        bars.append(rounded_box(middle, [0.03, 0.03, height / 2 + 0.03], 0.006, 3))
    for z in (WINDOW_BOTTOM, WINDOW_TOP):
        middle = [x + inward * 0.02, (start + end) / 2, z]
        bars.append(rounded_box(middle, [0.03, width / 2 + 0.03, 0.03], 0.006, 3))
    sill = [x + inward * 0.03, (start + end) / 2, WINDOW_BOTTOM - 0.04]
    bars.append(rounded_box(sill, [0.03, width / 2 + 0.08, 0.015], 0.006, 3))
    return [
        Part("window", pane, Surface(np.full(3, 0.05)), light),
        Part("window", merged(bars), WHITE),
    ]


def curtain_parts(layout: Layout, look: Look, view: View, phase: float) -> list[Part]:
    """Hangs a curtain at each side of the window."""
    start, end = layout.window
    x = layout.width - 0.11 if layout.window_right else 0.11
    width = 0.28 + view.curtains_drawn * ((end - start) / 2 - 0.06)
    folds = 4 + round(6 * view.curtains_drawn)
    cloth = curtain(width, RAIL_HEIGHT - 0.05, folds, phase, look.curtains.tile)
    left, right = cloth.moved([x, start - 0.22, 0.03]), cloth.moved([x, end + 0.22 - width, 0.03])
    rod = lathe([(0.014, 0.0), (0.014, end - start + 0.7)], 12).turned(-np.pi / 2, "x")
    return [
        Part("curtains", merged([left, right]), look.curtains.surface),
        Part("curtains", rod.moved([x, start - 0.35, RAIL_HEIGHT]), look.rail),
    ]
