"""Things that guests leave about; they differ from view to view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .cloth import pillow
from .layout import BED_LENGTH, MATTRESS_TOP, Layout
from .meshes import Mesh, lathe, merged, rounded_box, tube
from .palettes import srgb
from .parts import Footprint, Part, Surface

_COLOURS = (
    "#2b3a55", "#6b2433", "#3c4046", "#8a6a45", "#3f6b66", "#b5543c", "#c9a24b", "#5d7489",
)  # fmt: skip
_DARK = Surface(srgb("#26272a"), "satin")
_WHITE = Surface(np.array([0.92, 0.91, 0.89]))

# Whatever stands on the bed stands this far above the mattress, on the cover's wrinkles.
_BED_TOP = MATTRESS_TOP + 0.024


@dataclass(frozen=True)
class Prop:
    """A thing with its parts around the origin and the radius that it needs, metres."""

    name: str
    parts: tuple[tuple[Mesh, Surface], ...]
    radius: float


def _colour(rng: np.random.Generator, finish: str = "matte") -> Surface:
    return Surface(srgb(str(rng.choice(_COLOURS))), finish)


def _bow(width: float, low: float, high: float) -> Mesh:
    turn = np.linspace(0, np.pi, 14)
    path = [-np.cos(turn) * width / 2, 0 * turn, low + np.sin(turn) * (high - low)]
    return tube(np.stack(path, -1), 0.011)


def suitcase(rng: np.random.Generator) -> Prop:
    """An upright suitcase with ribs, a handle and wheels."""
    tall = rng.uniform(0.26, 0.34)
    shell = [rounded_box([0, 0, 0.05 + tall], [0.21, 0.12, tall], 0.05, 8)]
    shell += [
        rounded_box([x, 0, 0.05 + tall], [0.012, 0.126, tall - 0.05], 0.01, 4)
        for x in (-0.14, -0.07, 0.0, 0.07, 0.14)
    ]
    wheels = [
        rounded_box([x, y, 0.03], [0.025, 0.02, 0.03], 0.015, 4)
        for x in (-0.16, 0.16)
        for y in (-0.08, 0.08)
    ]
    handle = _bow(0.18, 2 * tall + 0.04, 2 * tall + 0.16)
    return Prop(
        "suitcase",
        ((merged(shell), _colour(rng, "satin")), (merged([*wheels, handle]), _DARK)),
        0.28,
    )


def backpack(rng: np.random.Generator) -> Prop:
    """A rucksack."""
    body = rounded_box([0, 0, 0.25], [0.16, 0.11, 0.25], 0.09, 10)
    pocket = rounded_box([0, -0.11, 0.17], [0.12, 0.05, 0.12], 0.045, 8)
    return Prop(
        "backpack",
        ((merged([body, pocket]), _colour(rng)), (_bow(0.08, 0.47, 0.56), _DARK)),
        0.24,
    )


def shoes(rng: np.random.Generator) -> Prop:
    """A pair of slippers."""
    pair = [
        rounded_box([x, y, 0.03], [0.045, 0.13, 0.03], 0.028, 6)
        for x, y in ((-0.07, 0.0), (0.07, rng.uniform(-0.05, 0.05)))
    ]
    return Prop("shoes", ((merged(pair), _colour(rng)),), 0.19)


def towels(rng: np.random.Generator) -> Prop:
    """Folded towels."""
    stack = [
        rounded_box([0, 0, 0.03 + 0.058 * i], [0.19 - 0.03 * i, 0.13 - 0.02 * i, 0.03], 0.028, 7)
        for i in range(2)
    ]
    roll = rounded_box([0, 0, 0.16], [0.13, 0.05, 0.045], 0.044, 8)
    return Prop("towels", ((merged([*stack, roll]), _WHITE),), 0.24)


def bag(rng: np.random.Generator) -> Prop:
    """A shoulder bag with two handles."""
    body = rounded_box([0, 0, 0.12], [0.19, 0.08, 0.12], 0.045, 8)
    handles = [_bow(0.2, 0.21, 0.38).moved([0, y, 0]) for y in (-0.03, 0.03)]
    return Prop("bag", ((body, _colour(rng, "satin")), (merged(handles), _DARK)), 0.22)


def books(rng: np.random.Generator) -> Prop:
    """Two books."""
    lower = rounded_box([0, 0, 0.016], [0.12, 0.085, 0.016], 0.004, 3)
    upper = rounded_box([0, 0, 0.045], [0.1, 0.07, 0.013], 0.004, 3).turned(0.35)
    return Prop("books", ((lower, _colour(rng)), (upper, _colour(rng))), 0.17)


def tray(rng: np.random.Generator) -> Prop:
    """A breakfast tray with two cups and a pot."""
    board = merged(
        [rounded_box([0, 0, 0.012], [0.21, 0.14, 0.012], 0.008, 4).regrained()]
        + [rounded_box([s * 0.2, 0, 0.03], [0.01, 0.14, 0.022], 0.008, 3) for s in (-1, 1)]
    )
    cup = lathe([(0.025, 0.0), (0.04, 0.03), (0.043, 0.07), (0.036, 0.07), (0.0, 0.02)], 20)
    pot = lathe([(0.05, 0.0), (0.07, 0.05), (0.05, 0.12), (0.02, 0.14), (0.0, 0.16)], 24)
    china = [
        cup.moved([-0.1, -0.05, 0.025]), cup.moved([0.1, -0.05, 0.025]), pot.moved([0, 0.05, 0.025])
    ]  # fmt: skip
    return Prop(
        "tray",
        (
            (board, Surface(srgb("#7a5536"), "satin")),
            (merged(china), Surface(_WHITE.colour, "glazed")),
        ),
        0.26,
    )


def throw_pillow(rng: np.random.Generator) -> Prop:
    """A cushion that has wandered down the bed."""
    soft = pillow((0.21, 0.21, 0.08), 0.5, rng).turned(0.15, "x").moved([0, 0, 0.09])
    return Prop("cushion", ((soft, _colour(rng)),), 0.28)


_ON_FLOOR: tuple[Callable[[np.random.Generator], Prop], ...] = (suitcase, backpack, shoes)
_ON_BED: tuple[Callable[[np.random.Generator], Prop], ...] = (
    towels, bag, books, tray, throw_pillow,
)  # fmt: skip


def draw_props(
    layout: Layout, rng: np.random.Generator
) -> tuple[list[Part], list[str], list[Footprint]]:
    """Leaves up to three things on the floor and the bed.

    Args:
        layout: The room, whose furniture they keep clear of.
        rng: The source of chance.

    Returns:
        Their parts, their names, and the floor areas that the ones on the floor take.
    """
    parts: list[Part] = []
    names: list[str] = []
    obstacles = layout.footprints()
    fixed = len(obstacles)
    for make in rng.permutation(np.array(_ON_FLOOR, object))[: rng.integers(0, 3)]:
        thing = make(rng)
        place = floor_place(layout, thing.radius, obstacles, rng)
        if place is not None:
            x, y = place
            r = thing.radius
            obstacles.append(Footprint(x - r, x + r, y - r, y + r))
            parts += _placed(thing, (x, y, 0.0), rng.uniform(-0.6, 0.6))
            names.append(thing.name)
    if rng.random() < 0.65:
        thing = _ON_BED[rng.integers(len(_ON_BED))](rng)
        bed = layout.beds[rng.integers(len(layout.beds))]
        reach = max(layout.bed_half_width - thing.radius - 0.1, 0.0)
        y = layout.head - rng.uniform(1.05, BED_LENGTH - thing.radius - 0.15)
        place_on_bed = (bed + rng.uniform(-reach, reach), y, _BED_TOP)
        parts += _placed(thing, place_on_bed, rng.uniform(-0.5, 0.5))
        names.append(thing.name)
    return parts, names, obstacles[fixed:]


def floor_place(
    layout: Layout, radius: float, obstacles: Sequence[Footprint], rng: np.random.Generator
) -> tuple[float, float] | None:
    """Looks for a free spot on the floor.

    Args:
        layout: The room.
        radius: Needed around the spot, metres.
        obstacles: Floor areas that are taken.
        rng: The source of chance.

    Returns:
        x and y, or None where none was found.
    """
    for _ in range(60):
        x = rng.uniform(radius + 0.08, layout.width - radius - 0.08)
        y = rng.uniform(layout.head - BED_LENGTH - 0.7, layout.depth - 0.6)
        if all(area.distance(x, y) > radius + 0.03 for area in obstacles):
            return float(x), float(y)
    return None


def _placed(thing: Prop, place: tuple[float, float, float], turn: float) -> list[Part]:
    return [Part("prop", mesh.turned(turn).moved(place), surface) for mesh, surface in thing.parts]
