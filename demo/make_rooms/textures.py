"""Repeating textile, wallpaper and wood patterns as arrays.

Every image is (N, N, 3), sRGB-encoded, 0..1, and continues seamlessly at its edges.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def coordinates(size: int) -> tuple[Floats, Floats]:
    """Returns the (size, size) pixel centres' x and y, 0..1."""
    line = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(line, line)
    return x, y


def soft(signed: Floats, width: float) -> Floats:
    """Turns a signed distance into a mask with a soft edge.

    Args:
        signed: Positive inside.
        width: Of the edge.

    Returns:
        0 outside, 1 inside.
    """
    return np.clip(signed / width + 0.5, 0, 1)


def blend(below: Floats, above: Floats, mask: Floats) -> Floats:
    """Lays a colour over an image.

    Args:
        below: (3,) or (N, N, 3).
        above: (3,) or (N, N, 3).
        mask: (N, N) how much of `above` shows, 0..1.

    Returns:
        (N, N, 3).
    """
    return below * (1 - mask[..., None]) + above * mask[..., None]


def noise(
    rng: np.random.Generator, size: int, cells: tuple[int, int] = (4, 4), octaves: int = 4
) -> Floats:
    """Draws smooth random values that tile.

    Args:
        rng: The source of chance.
        size: Pixels per edge.
        cells: Random values down and across in the coarsest octave.
        octaves: Each has twice the detail and half the weight of the one before.

    Returns:
        (size, size) with mean about 0 and standard deviation 1.
    """
    total = np.zeros((size, size))
    for octave in range(octaves):
        rows, columns = cells[0] * 2**octave, cells[1] * 2**octave
        values = np.pad(rng.standard_normal((rows, columns)), ((0, 1), (0, 1)), "wrap")
        total += _smooth_upsample(values, size) * 0.5**octave
    return (total - total.mean()) / total.std()


def _smooth_upsample(values: Floats, size: int) -> Floats:
    for _ in range(2):
        position = np.linspace(0, len(values) - 1, size, endpoint=False)
        index = position.astype(int)
        fraction = position - index
        weight = (fraction**2 * (3 - 2 * fraction))[:, None]
        values = (values[index] * (1 - weight) + values[index + 1] * weight).T
    return values


def _plain(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    return blend(c[0], c[0], x)


def _stripes(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    phase = np.abs(x * k % 1 - 0.5)
    image = blend(c[0], c[1], soft(phase - 0.27, 0.02))
    return blend(image, c[2], soft(0.045 - np.abs(phase - 0.14), 0.015))


def _plaid(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[1], 0.5 * (x * k % 1 > 0.5) + 0.5 * (y * k % 1 > 0.5))
    for line in (x, y):
        image = blend(image, c[2], 0.85 * soft(0.045 - np.abs(line * k % 1 - 0.25), 0.01))
        image = blend(image, c[3], 0.85 * soft(0.018 - np.abs(line * k % 1 - 0.75), 0.01))
    return image


def _chevron(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    phase = (y * k + 0.5 * np.abs(x * k % 1 * 2 - 1)) % 1
    image = blend(c[0], c[1], soft(0.19 - np.abs(phase - 0.3), 0.03))
    return blend(image, c[2], soft(0.07 - np.abs(phase - 0.78), 0.03))


def _medallions(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    dx, dy = x * k % 1 - 0.5, (y * k + 0.5 * (np.floor(x * k) % 2)) % 1 - 0.5
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    image = blend(c[0], c[1], soft(0.33 + 0.07 * np.cos(8 * angle) - radius, 0.02))
    image = blend(image, c[0], soft(0.015 - np.abs(radius - 0.25), 0.015))
    image = blend(image, c[2], soft(0.16 + 0.04 * np.cos(8 * angle + np.pi) - radius, 0.02))
    return blend(image, c[3], soft(0.06 - radius, 0.02))


def _damask(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    a, b = 2 * np.pi * k * x, 2 * np.pi * k * y
    # Odd harmonics alone keep the half-drop repeat and the mirror symmetry of woven damask.
    wave = np.cos(a) * np.cos(b) + 0.5 * np.cos(3 * a) * np.cos(b)
    wave += 0.4 * np.cos(a) * np.cos(5 * b) - 0.3 * np.cos(3 * a) * np.cos(3 * b)
    image = blend(c[0], c[1], soft(wave - 0.35, 0.12))
    return blend(image, c[2], soft(0.12 - np.abs(wave - 1.05), 0.08))


def _flowers(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    for i, (dx, dy) in enumerate(_scattered(x, y, k + 2, rng)):
        scale, petals = rng.uniform(0.28, 0.5) / k, int(rng.integers(5, 8))
        radius, angle = np.hypot(dx, dy) / scale, np.arctan2(dy, dx) + rng.uniform(0, 6)
        petal = soft(0.72 + 0.25 * np.cos(petals * angle) - radius, 0.08)
        image = blend(image, c[1 + i % 2], petal)
        image = blend(image, c[3], soft(0.24 - radius, 0.08))
    return image


def _leaves(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    for i, (dx, dy) in enumerate(_scattered(x, y, k + 2, rng)):
        turn, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.55) / k
        along = (dx * np.cos(turn) + dy * np.sin(turn)) / length
        across = (dy * np.cos(turn) - dx * np.sin(turn)) / length
        leaf = soft(0.34 * (1 - along**2) - np.abs(across), 0.06) * (np.abs(along) < 1)
        vein = soft(0.025 - np.abs(across), 0.03) * (np.abs(along) < 0.9)
        image = blend(blend(image, c[1 + i % 3], leaf), c[0], vein)
    return image


def _scattered(
    x: Floats, y: Floats, count: int, rng: np.random.Generator
) -> Iterator[tuple[Floats, Floats]]:
    """Yields the distances to count x count scattered centres, measured around the edges."""
    for place in rng.permutation(count * count):
        # One centre per cell of a grid: scattered, but without heaps and bald patches.
        centre = (np.array(divmod(place, count)) + rng.uniform(0.1, 0.9, 2)) / count
        yield (x - centre[0] + 0.5) % 1 - 0.5, (y - centre[1] + 0.5) % 1 - 0.5


def _lattice(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    dx, dy = np.abs(x * k % 1 - 0.5), np.abs(y * k % 1 - 0.5)
    image = blend(c[0], c[1], soft(0.055 - np.abs(dx + dy - 0.5), 0.02))
    return blend(image, c[2], soft(0.13 - (dx + dy), 0.02))


def _ogee(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    wave = np.cos(2 * np.pi * k * x) + np.cos(2 * np.pi * k * y)
    image = blend(c[0], c[1], soft(0.22 - np.abs(wave), 0.1))
    image = blend(image, c[2], soft(wave - 0.9, 0.1))
    return blend(image, c[0], soft(wave - 1.6, 0.1))


def _diamonds(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    jagged = 0.03 * np.sign(np.sin(2 * np.pi * 8 * k * y))
    d = np.abs(x * k % 1 - 0.5) + np.abs(y * k % 1 - 0.5) + jagged
    image = blend(c[0], c[1], soft(0.42 - d, 0.03))
    image = blend(image, c[3], soft(0.27 - d, 0.03))
    return blend(image, c[2], soft(0.14 - d, 0.03))


def _dots(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    row = np.floor(y * 2 * k)
    dx, dy = (x * 2 * k + 0.5 * (row % 2)) % 1 - 0.5, y * 2 * k % 1 - 0.5
    radius = np.hypot(dx, dy)
    image = blend(c[0], c[1], soft(0.32 - radius, 0.04))
    return blend(image, c[2], soft(0.13 - radius, 0.04))


def _scallops(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    row, below = np.floor(y * 2 * k), y * 2 * k % 1 / 2
    # A scale hangs from its own row and hides the upper half of the one that hangs below it.
    own = np.hypot((x * k + 0.5 * row) % 1 - 0.5, below)
    previous = np.hypot((x * k + 0.5 * (row - 1)) % 1 - 0.5, below + 0.5)
    radius = np.where(own < 0.5, own, previous)
    image = blend(c[0], c[1], soft(radius - 0.4, 0.03))
    image = blend(image, c[2], soft(0.06 - np.abs(radius - 0.24), 0.03))
    return blend(image, c[3], soft(0.1 - radius, 0.03))


def _waves(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    phase = (y * k + 0.16 * np.sin(2 * np.pi * k * x)) % 1
    image = blend(c[0], c[1], soft(0.16 - np.abs(phase - 0.5), 0.03))
    return blend(image, c[2], soft(0.05 - np.abs(phase - 0.1), 0.03))


def _triangles(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    shade = rng.integers(0, 4, (2 * k, 2 * k, 2))
    column, row = (x * 2 * k).astype(int), (y * 2 * k).astype(int)
    lower = (x * 2 * k % 1 + y * 2 * k % 1 > 1).astype(int)
    return c[shade[row, column, lower]]


def _windowpane(x: Floats, y: Floats, c: Floats, k: int, rng: np.random.Generator) -> Floats:
    image = blend(c[0], c[0], x)
    for line in (x, y):
        image = blend(image, c[1], soft(0.05 - np.abs(line * k % 1 - 0.5), 0.01))
        image = blend(image, c[2], 0.8 * soft(0.02 - np.abs(line * k % 1 - 0.62), 0.01))
    return image


_Drawing = Callable[[Floats, Floats, Floats, int, np.random.Generator], Floats]
PATTERNS: dict[str, _Drawing] = {
    "plain": _plain, "stripes": _stripes, "plaid": _plaid, "chevron": _chevron,
    "medallions": _medallions, "damask": _damask, "flowers": _flowers, "leaves": _leaves,
    "lattice": _lattice, "ogee": _ogee, "diamonds": _diamonds, "dots": _dots,
    "scallops": _scallops, "waves": _waves, "triangles": _triangles, "windowpane": _windowpane,
}  # fmt: skip


def pattern_image(
    kind: str, colours: Sequence[Floats], repeats: int, rng: np.random.Generator, size: int = 384
) -> Floats:
    """Draws a pattern.

    Args:
        kind: A key of `PATTERNS`.
        colours: Four (3,) sRGB colours: ground, main motif, second motif, accent.
        repeats: Motifs per edge; even for medallions, whose columns alternate.
        rng: Places scattered motifs.
        size: Pixels per edge.

    Returns:
        (size, size, 3), sRGB, 0..1, which tiles.
    """
    x, y = coordinates(size)
    return np.clip(PATTERNS[kind](x, y, np.asarray(colours), repeats, rng), 0, 1)


def woven(image: Floats, rng: np.random.Generator, strength: float = 0.05) -> Floats:
    """Gives an image the uneven brightness of cloth or carpet pile.

    Args:
        image: (N, N, 3) sRGB, 0..1.
        rng: The source of chance.
        strength: Standard deviation of the threads' brightness, as a share.

    Returns:
        (N, N, 3) sRGB, 0..1.
    """
    size = len(image)
    threads = strength * rng.standard_normal((size, size)) + 0.3 * strength * noise(rng, size)
    return np.clip(image * (1 + threads[..., None]), 0, 1)


def wood(colour: Floats, rng: np.random.Generator, size: int = 384) -> Floats:
    """Draws wood grain that runs upwards.

    Args:
        colour: (3,) sRGB mean colour.
        rng: The source of chance.
        size: Pixels per edge.

    Returns:
        (size, size, 3) sRGB, 0..1, which tiles.
    """
    x, _ = coordinates(size)
    fibres = noise(rng, size, (2, 24), 4)
    rings = np.sin(2 * np.pi * 5 * x + 1.2 * noise(rng, size, (1, 3), 3) + 0.5 * fibres)
    return np.clip(colour * (1 + 0.09 * rings + 0.06 * fibres)[..., None], 0, 1)


def planks(colour: Floats, rng: np.random.Generator, size: int = 512) -> Floats:
    """Draws a floor of boards that run upwards, six across.

    Args:
        colour: (3,) sRGB mean colour.
        rng: The source of chance.
        size: Pixels per edge.

    Returns:
        (size, size, 3) sRGB, 0..1, which tiles.
    """
    x, y = coordinates(size)
    board = np.floor(x * 6).astype(int)
    shift = rng.random(6)[board]
    half = np.floor((y + shift) * 2).astype(int) % 2
    tone = rng.uniform(0.84, 1.12, (6, 2))[board, half]
    gap = np.minimum(np.abs(x * 6 % 1 - 0.5) < 0.485, np.abs((y + shift) * 2 % 1 - 0.5) < 0.497)
    return np.clip(wood(colour, rng, size) * (tone * (0.55 + 0.45 * gap))[..., None], 0, 1)
