"""Bed, nightstands, lamps, pictures, armchair and desk of a room."""

from dataclasses import replace

import numpy as np

from .cloth import bed_cover, pillow
from .headboards import headboard_mesh
from .lamps import lamp_parts
from .layout import BED_LENGTH, MATTRESS_TOP, Layout
from .looks import Look
from .meshes import Mesh, lathe, merged, rectangle, rounded_box
from .palettes import TEXTILES, srgb
from .parts import Part, Surface
from .randomness import CLOTH, generator
from .views import View

LINEN = Surface(np.array([0.9, 0.89, 0.86]))
BRASS = Surface(srgb("#b8924f"), "metal")
STAND_HEIGHT = 0.55


def furniture_parts(
    layout: Layout, look: Look, view: View, key: tuple[int, int, int]
) -> list[Part]:
    """Builds everything that stands or hangs in the room.

    Args:
        layout: Where it stands.
        look: Its designs.
        view: Whether the lamps shine.
        key: Seed, hotel and view number; cloth lies differently in every view.

    Returns:
        The parts.
    """
    parts: list[Part] = []
    for number, middle in enumerate(layout.beds):
        parts += bed_parts(layout, look, middle, (*key, number))
    parts += nightstand_parts(layout, look)
    lamp = lamp_parts(look.lamp, view.lamps, view.lamp_strength)
    for x in layout.nightstands:
        place = [x, layout.depth - 0.25, STAND_HEIGHT]
        parts += [replace(part, mesh=part.mesh.moved(place)) for part in lamp]
    parts += picture_parts(layout, look)
    parts += chair_parts(layout, look) if layout.chair else []
    parts += desk_parts(layout, look) if layout.desk else []
    return parts


def bed_parts(layout: Layout, look: Look, middle: float, key: tuple[int, ...]) -> list[Part]:
    """Builds one made bed with its headboard.

    Args:
        layout: Measures of the bed.
        look: Bedspread, headboard and pillows.
        middle: The bed's middle along x, metres.
        key: Integers that decide how cloth and pillows lie.

    Returns:
        The parts.
    """
    rng = generator(CLOTH, *key)
    half, head = layout.bed_half_width, layout.head
    centre = head - BED_LENGTH / 2
    base = rounded_box([middle, centre, 0.16], [half - 0.03, BED_LENGTH / 2 - 0.03, 0.14], 0.02)
    mattress = rounded_box([middle, centre, 0.42], [half, BED_LENGTH / 2, 0.135], 0.07, 10)
    board = headboard_mesh(look.headboard, half + 0.1).moved([middle, layout.depth, 0])

    def cover(start: float, end: float, drop: float, lift: float, tile: float) -> Mesh:
        # One generator for all layers: the same folds keep the upper from piercing the lower.
        folds = generator(CLOTH, *key, 1)
        cloth = bed_cover(half + lift, BED_LENGTH, (start, end), drop, tile, folds)
        return cloth.moved([middle, head, MATTRESS_TOP + lift])

    spread = look.bedspread
    whole = cover(0.62, BED_LENGTH + layout.cover_drop, layout.cover_drop, 0.0, spread.tile)
    parts = [
        Part("bed", merged([base]), look.wood),
        Part("bed", merged([mattress, cover(0.5, 0.72, 0.12, 0.012, 1.0)]), LINEN),
        Part("headboard", board, look.headboard_surface),
        Part("bedspread", whole, spread.surface),
    ]
    if look.runner:
        strip = cover(1.25, 1.8, layout.cover_drop - 0.03, 0.014, look.runner.tile)
        parts.append(Part("bedspread", strip, look.runner.surface))
    return parts + pillow_parts(layout, look, middle, rng)


def pillow_parts(layout: Layout, look: Look, middle: float, rng: np.random.Generator) -> list[Part]:
    """Leans pillows against the headboard: white ones behind, a design's cushions in front."""
    count = 2 if layout.bed_half_width > 0.7 else 1
    spacing = layout.bed_half_width
    sleeping: list[Mesh] = []
    cushions: list[Mesh] = []
    for i in range(count):
        x = middle + (i - (count - 1) / 2) * spacing + rng.normal(0, 0.015)
        for group, size, tilt, y, z in (
            (sleeping, (0.36, 0.24, 0.1), 1.15, -0.17, 0.21),
            (cushions, (0.23, 0.21, 0.085), 1.0, -0.38, 0.18),
        ):
            soft = pillow(size, look.pillows.tile, rng)
            soft = soft.turned(tilt + rng.normal(0, 0.05), "x").turned(rng.normal(0, 0.08))
            shift = rng.normal(0, 0.02)
            group.append(soft.moved([x + shift, layout.head + y, MATTRESS_TOP + z]))
    return [
        Part("pillows", merged(sleeping), LINEN),
        Part("pillows", merged(cushions), look.pillows.surface),
    ]


def nightstand_parts(layout: Layout, look: Look) -> list[Part]:
    """Builds the nightstands with two drawers each."""
    boxes, knobs = [], []
    for x in layout.nightstands:
        boxes.append(
            rounded_box([x, layout.depth - 0.24, 0.3], [0.23, 0.2, STAND_HEIGHT - 0.3], 0.012)
        )
        for z in (0.2, 0.42):
            boxes.append(
                rounded_box([x, layout.depth - 0.445, z], [0.2, 0.01, 0.095], 0.006, 4).regrained()
            )
            knob = lathe([(0.0, 0.0), (0.012, 0.0), (0.016, 0.012), (0.0, 0.02)], 12)
            knobs.append(knob.turned(np.pi / 2, "x").moved([x, layout.depth - 0.455, z]))
    return [Part("nightstand", merged(boxes), look.wood), Part("nightstand", merged(knobs), BRASS)]


def picture_parts(layout: Layout, look: Look) -> list[Part]:
    """Hangs the picture's paintings in a row above the bed."""
    design, count = look.picture, len(look.paintings)
    wide, tall = design.half_width, design.half_height
    z = max(look.headboard.height + 0.16 + tall, 1.55)
    z = min(z, layout.height - tall - 0.12)
    parts, bars = [], []
    for i, surface in enumerate(look.paintings):
        x = layout.width / 2 + (i - (count - 1) / 2) * (2 * wide + 0.16)
        corner = [x - wide, layout.depth - 0.02, z - tall]
        canvas = rectangle(corner, [2 * wide, 0, 0], [0, 0, 2 * tall])
        parts.append(Part("picture", canvas, surface))
        for side in (-1, 1):
            y = layout.depth - 0.02
            bars.append(rounded_box([x, y, z + side * tall], [wide + 0.02, 0.02, 0.02], 0.006, 3))
            bars.append(rounded_box([x + side * wide, y, z], [0.02, 0.02, tall + 0.02], 0.006, 3))
    return [*parts, Part("picture", merged(bars), look.frame)]


def chair_parts(layout: Layout, look: Look) -> list[Part]:
    """Builds the armchair."""
    x, y, turn = layout.chair_place
    cushions = [
        rounded_box([0, 0, 0.34], [0.26, 0.3, 0.1], 0.05, 8),
        rounded_box([0, -0.27, 0.58], [0.31, 0.08, 0.28], 0.07, 8).turned(0.12, "x"),
        rounded_box([-0.31, 0.0, 0.4], [0.06, 0.3, 0.17], 0.05, 8),
        rounded_box([0.31, 0.0, 0.4], [0.06, 0.3, 0.17], 0.05, 8),
    ]
    legs = [
        rounded_box([sx * 0.28, sy * 0.24, 0.12], [0.018, 0.018, 0.12], 0.008, 3)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    colour = Surface(srgb(TEXTILES[layout.chair_colour][0]))
    place = [x, y, 0.0]
    return [
        Part("chair", merged(cushions).turned(turn).moved(place), colour),
        Part("chair", merged(legs).turned(turn).moved(place), look.wood),
    ]


def desk_parts(layout: Layout, look: Look) -> list[Part]:
    """Builds the desk with a mirror above it."""
    x = 0.27 if layout.window_right else layout.width - 0.27
    y = layout.desk_middle
    boxes = [rounded_box([x, y, 0.74], [0.25, 0.58, 0.02], 0.008, 4).regrained()]
    boxes += [rounded_box([x, y + s * 0.54, 0.36], [0.23, 0.02, 0.36], 0.008, 4) for s in (-1, 1)]
    boxes.append(rounded_box([x, y + 0.3, 0.64], [0.22, 0.2, 0.08], 0.008, 4))
    vase = lathe([(0.04, 0), (0.07, 0.06), (0.06, 0.14), (0.025, 0.2), (0.035, 0.24)], 24)
    pot = Part("desk", vase.moved([x, y + 0.3, 0.76]), Surface(srgb("#d8d3c8"), "glazed"))
    return [Part("desk", merged(boxes), look.wood), pot]
