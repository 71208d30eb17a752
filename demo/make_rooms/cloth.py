"""Meshes of soft things: bed covers, pillows, curtains and upholstery; lengths in metres."""

from collections.abc import Callable

import numpy as np

from .meshes import Floats, Mesh, grid_mesh, merged


def wrinkles(rng: np.random.Generator, x: Floats, y: Floats, wavelength: float) -> Floats:
    """Adds up bent waves of many directions.

    Args:
        rng: The source of chance.
        x: Positions, any shape.
        y: Positions, the same shape.
        wavelength: The typical one, in the unit of `x`.

    Returns:
        Heights of mostly -1..1, at most -2..2.
    """
    total = np.zeros_like(x)
    for _ in range(6):
        turn, phase, bend = rng.uniform(0, np.pi), rng.uniform(0, 6.3), rng.uniform(0, 6.3)
        rate = 2 * np.pi / wavelength * rng.uniform(0.6, 1.7)
        along = x * np.cos(turn) + y * np.sin(turn)
        across = y * np.cos(turn) - x * np.sin(turn)
        total += np.sin(rate * along + phase + np.sin(0.4 * rate * across + bend))
    return total / 3


def over_edge(distance: Floats, edge: float, radius: float) -> tuple[Floats, Floats]:
    """Lets cloth run flat up to an edge, around it and straight down.

    Args:
        distance: Along the cloth from the middle, >= 0.
        edge: Where the supporting box ends.
        radius: Of the edge.

    Returns:
        How far out and how far down each point of the cloth lies.
    """
    past = np.maximum(distance - (edge - radius), 0)
    turn = np.minimum(past / radius, np.pi / 2)
    hanging = np.maximum(past - radius * np.pi / 2, 0)
    out = np.where(past > 0, edge - radius + radius * np.sin(turn), distance)
    return out, radius * (1 - np.cos(turn)) + hanging


def bed_cover(
    half_width: float,
    length: float,
    reach: tuple[float, float],
    drop: float,
    tile: float,
    rng: np.random.Generator,
) -> Mesh:
    """Drapes a cloth over a bed.

    Args:
        half_width: Of the mattress.
        length: Of the mattress.
        reach: Where along the bed the cloth starts and ends, from the head; an end past
            `length` hangs over the foot.
        drop: How far it hangs down at the sides.
        tile: Edge of one texture repeat.
        rng: Shapes wrinkles and folds.

    Returns:
        The cloth; the origin is the middle of the mattress's upper head edge, y to the head.
    """
    side = half_width + drop
    s, t = np.meshgrid(np.linspace(-side, side, 180), np.linspace(reach[1], reach[0], 150))
    out_x, down_x = over_edge(np.abs(s), half_width, 0.07)
    out_y, down_y = over_edge(t, length, 0.07)
    down = np.maximum(down_x, down_y)
    hanging = np.clip(down / 0.25, 0, 1)
    phase = rng.uniform(0, 6.3, 2)
    # Folds fan out towards the hem; the small gap keeps cloth and mattress apart.
    fold_x = 0.012 + 0.02 * hanging * (1 + np.sin(13 * t + 2 * np.sin(3 * t + phase[0])))
    fold_y = 0.012 + 0.02 * hanging * (1 + np.sin(13 * s + 2 * np.sin(3 * s + phase[1])))
    x = np.sign(s) * (out_x + fold_x * (down_x > 0) * hanging)
    y = -(out_y + fold_y * (down_y > 0) * hanging)
    z = 0.007 * np.maximum(1 + wrinkles(rng, s, t, 0.7), 0) * (1 - hanging) - down
    return grid_mesh(np.stack([x, y, z], -1), np.stack([s / tile, -t / tile], -1))


def pillow(half: tuple[float, float, float], tile: float, rng: np.random.Generator) -> Mesh:
    """Sews a pillow that lies in the xy plane.

    Args:
        half: Half its width, height and thickness.
        tile: Edge of one texture repeat.
        rng: Shapes its wrinkles.

    Returns:
        Front and back, closed at the seam.
    """
    u, v = np.meshgrid(np.linspace(-1, 1, 36), np.linspace(-1, 1, 36))
    # Edges between the corners draw in, as a filled bag's do.
    x = u * half[0] * (1 - 0.07 * (1 - v**2) * u**2)
    y = v * half[1] * (1 - 0.07 * (1 - u**2) * v**2)
    height = half[2] * ((1 - np.abs(u) ** 2.4) * (1 - np.abs(v) ** 2.4)) ** 0.45
    height *= 1 + 0.07 * wrinkles(rng, u, v, 1.1)
    uvs = np.stack([x / tile + 0.5, y / tile + 0.5], -1)
    front = grid_mesh(np.stack([x, y, height], -1), uvs)
    back = grid_mesh(np.stack([x, y, -height], -1)[:, ::-1], uvs[:, ::-1])
    return merged([front, back])


def curtain(width: float, height: float, folds: int, phase: float, tile: float) -> Mesh:
    """Hangs a curtain in the yz plane.

    Args:
        width: Of the gathered cloth.
        height: From hem to rail.
        folds: Number of folds.
        phase: Shifts the folds, radians.
        tile: Edge of one texture repeat.

    Returns:
        The cloth from y = 0 to `width`, z = 0 to `height`.
    """
    s, t = np.meshgrid(np.linspace(0, 1, 18 * folds), np.linspace(0, 1, 24))
    angle = 2 * np.pi * folds * s + phase + 0.6 * np.sin(2.5 * t + phase)
    x = 0.035 * np.sin(angle) * (1.25 - 0.45 * t)
    y = width * s + 0.012 * np.sin(2 * angle)
    # Gathered cloth is about twice as wide as the space it hangs in.
    uvs = np.stack([2 * width * s / tile, t * height / tile], -1)
    return grid_mesh(np.stack([x, y, height * t], -1), uvs)


def upholstery(
    half_width: float,
    low: float,
    top: Callable[[Floats], Floats],
    relief: Callable[[Floats, Floats], Floats],
    thickness: float,
) -> Mesh:
    """Pads a headboard that stands in the xz plane and bulges towards -y.

    Args:
        half_width: Of the board.
        low: Height of its lower edge.
        top: Height of its upper edge at x.
        relief: Additional thickness at x and z, for tufts and channels.
        thickness: Of the padding.

    Returns:
        The padding; its rim lies at y = 0.
    """
    s, t = np.meshgrid(np.linspace(-1, 1, 150), np.linspace(0, 1, 90))
    x = s * half_width
    z = low + t * (top(x) - low)
    rim = np.minimum(half_width - np.abs(x), np.minimum(top(x) - z, z - low))
    rise = np.sqrt(np.clip(rim / 0.03, 0, 1))
    y = -rise * (thickness + relief(x, z))
    return grid_mesh(np.stack([x, y, z], -1), np.stack([x, z], -1))
