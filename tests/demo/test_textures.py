"""Patterns, paintings and colours of the demo gallery."""

from collections.abc import Callable

import numpy as np
import pytest

from demo.make_rooms.designs import (
    BEDSPREADS,
)
from demo.make_rooms.paintings import PAINTINGS, painting
from demo.make_rooms.palettes import TEXTILES, WALLS, WOODS, linear, srgb
from demo.make_rooms.randomness import generator
from demo.make_rooms.textures import PATTERNS, noise, pattern_image, planks, wood, woven


def palette(name: str) -> list[np.ndarray]:
    return [srgb(colour) for colour in TEXTILES[name]]


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_pattern_tiles(kind: str) -> None:
    """The step across the seam is no larger than the steps inside."""
    image = pattern_image(kind, palette("navy"), 4, generator(0), size=96)
    for axis in (0, 1):
        steps = np.abs(np.diff(image, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(image.take(0, axis) - image.take(-1, axis)).mean()
        assert seam <= steps.max() + 0.02


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_pattern_stays_within_its_range_and_repeats(kind: str) -> None:
    first, second = (pattern_image(kind, palette("teal"), 4, generator(7), 48) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (48, 48, 3)
    assert first.min() >= 0
    assert first.max() <= 1


def test_patterns_differ() -> None:
    images = [pattern_image(k, palette("navy"), 4, generator(0), size=48) for k in PATTERNS]
    for i, first in enumerate(images):
        for second in images[:i]:
            assert np.abs(first - second).mean() > 0.02


def test_bedspreads_differ() -> None:
    """In colour or pattern, by far more than cloth's unevenness."""
    images = []
    for bedspread in BEDSPREADS:
        strip = bedspread.runner or bedspread.cloth
        image = pattern_image(
            strip.kind, palette(strip.palette), strip.repeats, generator(0), size=48
        )
        images.append(image)
    for i, first in enumerate(images):
        for second in images[:i]:
            assert np.abs(first - second).mean() > 0.08


@pytest.mark.parametrize("make", [wood, planks])
def test_wood_stays_within_its_range_near_its_colour(make: Callable[..., np.ndarray]) -> None:
    image = make(srgb(WOODS["oak"]), generator(0), 96)
    assert image.min() >= 0
    assert image.max() <= 1
    np.testing.assert_allclose(image.mean(axis=(0, 1)), srgb(WOODS["oak"]), atol=0.1)


def test_weaving_keeps_the_mean_colour() -> None:
    plain = np.full((64, 64, 3), 0.5)
    cloth = woven(plain, generator(0))
    assert cloth.std() > 0.01
    np.testing.assert_allclose(cloth.mean(), 0.5, atol=0.01)


def test_noise_is_standardised_and_tiles() -> None:
    values = noise(generator(0), 64)
    assert values.mean() == pytest.approx(0, abs=1e-9)
    assert values.std() == pytest.approx(1)
    assert np.abs(values[0] - values[-1]).max() < 3 * np.abs(np.diff(values, axis=0)).max()


@pytest.mark.parametrize("kind", PAINTINGS)
def test_a_painting_fills_its_mount(kind: str) -> None:
    image = painting(kind, palette("coral"), generator(3), size=64)
    assert image.shape == (64, 64, 3)
    assert image.min() >= 0
    assert image.max() <= 1
    assert np.ptp(image[0]) < 0.1
    assert image[8:-8, 8:-8].std() > 0.02


def test_linear_undoes_srgb() -> None:
    np.testing.assert_allclose(linear(np.array([0.0, 0.5, 1.0])), [0, 0.21404, 1], atol=1e-4)


def test_palettes_are_hex_colours() -> None:
    colours = [c for p in TEXTILES.values() for c in p] + [*WALLS.values(), *WOODS.values()]
    for colour in colours:
        assert srgb(colour).shape == (3,)
