"""Framed pictures: small procedural paintings, sRGB arrays like the textures."""

from collections.abc import Callable, Sequence

import numpy as np

from .textures import Floats, blend, coordinates, noise, soft


def _hills(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], 0.5 * c[0] + 0.5 * c[1], y)
    sun = np.hypot(x - rng.uniform(0.25, 0.75), y - rng.uniform(0.2, 0.35))
    image = blend(image, c[3], soft(rng.uniform(0.07, 0.12) - sun, 0.01))
    for i in range(4):
        ridge = 0.42 + 0.15 * i + 0.06 * noise(rng, len(x), (3, 3), 3)[0]
        tone = c[1] * (1 - i / 3) + c[2] * i / 3
        image = blend(image, tone, soft(y - ridge, 0.01))
    return image


def _sea(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[3], np.clip(y / 0.5, 0, 1) ** 2)
    glint = 0.5 + 0.5 * noise(rng, len(x), (24, 3), 3)
    sea = blend(c[1], c[2], np.clip((y - 0.5) * 1.8, 0, 1))
    sea = blend(sea, c[0], 0.35 * np.clip(glint, 0, 1) * np.exp(-(((x - 0.5) / 0.2) ** 2)))
    image = blend(image, sea, soft(y - 0.5, 0.006))
    sail = (np.abs(x - 0.64) < 0.1 * (y - 0.28)) & (y > 0.3) & (y < 0.52)
    return blend(image, c[0], sail.astype(float))


def _blocks(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    edge = 0.01 * noise(rng, len(x), (6, 6), 3)
    for i, (top, bottom) in enumerate([(0.08, 0.36), (0.4, 0.66), (0.7, 0.92)]):
        left, right = rng.uniform(0.06, 0.18), rng.uniform(0.82, 0.94)
        distance = np.minimum.reduce([x - left, right - x, y - top, bottom - y]) + edge
        image = blend(image, c[1 + i], 0.92 * soft(distance, 0.03))
    return image


def _circles(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    for i in range(7):
        centre, radius = rng.uniform(0.15, 0.85, 2), rng.uniform(0.08, 0.26)
        distance = np.hypot(x - centre[0], y - centre[1])
        inside = (
            soft(radius - distance, 0.01) if i % 2 else soft(0.02 - abs(distance - radius), 0.01)
        )
        image = blend(image, c[1 + i % 3], 0.85 * inside)
    return image


def _strokes(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    for i in range(8):
        turn, centre = rng.uniform(-0.5, 0.5), rng.uniform(0.15, 0.85, 2)
        across = (y - centre[1]) * np.cos(turn) - (x - centre[0]) * np.sin(turn)
        along = (x - centre[0]) * np.cos(turn) + (y - centre[1]) * np.sin(turn)
        bristle = 0.012 * noise(rng, len(x), (40, 3), 2)
        stroke = np.minimum(rng.uniform(0.03, 0.07) - np.abs(across), 0.36 - np.abs(along))
        image = blend(image, c[1 + i % 3], 0.9 * soft(stroke + bristle, 0.02))
    return image


def _stem(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    lean = rng.uniform(-0.18, 0.18)
    middle = 0.5 + lean * (0.9 - y)
    image = blend(image, c[2], soft(0.008 - np.abs(x - middle), 0.008) * (y > 0.12) * (y < 0.92))
    for i in range(9):
        height, side = 0.15 + 0.08 * i, 1 if i % 2 else -1
        dx, dy = (x - (0.5 + lean * (0.9 - height))) * side, height - y
        along, across = (dx + 0.7 * dy) / 1.22, (dy - 0.7 * dx) / 1.22
        length = 0.16 + 0.12 * np.sin(np.pi * (i + 1) / 10)
        shape = 0.26 * length * np.sin(np.pi * np.clip(along / length, 0, 1)) - np.abs(across)
        image = blend(image, c[1 + i % 2], soft(shape, 0.01) * (along > 0) * (along < length))
    return image


def _arches(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    for i in range(4):
        radius = 0.4 - 0.09 * i
        arch = np.minimum(radius - np.hypot(x - 0.5, np.minimum(y - 0.52, 0)), 0.88 - y)
        image = blend(image, (c[1], c[3], c[2], c[0])[i], soft(arch, 0.01))
    return image


def _skyline(x: Floats, y: Floats, c: Floats, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[3], np.clip(y * 1.2, 0, 1))
    for depth in range(3):
        heights = rng.uniform(0.32 + 0.14 * depth, 0.62 + 0.14 * depth, 12)
        tone = c[1] * (1 - depth / 2) + c[2] * depth / 2
        image = blend(image, tone, (y > heights[(x * 12).astype(int)]).astype(float))
    return image


PAINTINGS: dict[str, Callable[[Floats, Floats, Floats, np.random.Generator], Floats]] = {
    "hills": _hills, "sea": _sea, "blocks": _blocks, "circles": _circles,
    "strokes": _strokes, "stem": _stem, "arches": _arches, "skyline": _skyline,
}  # fmt: skip


def painting(
    kind: str, colours: Sequence[Floats], rng: np.random.Generator, size: int = 192
) -> Floats:
    """Paints a picture inside a paper mount.

    Args:
        kind: A key of `PAINTINGS`.
        colours: Four (3,) sRGB colours: light ground, two main tones, accent.
        rng: Places its forms.
        size: Pixels per edge.

    Returns:
        (size, size, 3) sRGB, 0..1; row 0 is the top.
    """
    x, y = coordinates(size)
    mount = 0.09
    inner_x, inner_y = (np.clip((t - mount) / (1 - 2 * mount), 0, 0.9999) for t in (x, y))
    image = PAINTINGS[kind](inner_x, inner_y, np.asarray(colours), rng)
    inside = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) > mount
    return np.clip(blend(np.array([0.93, 0.92, 0.89]), image, inside.astype(float)), 0, 1)
