"""Renders one view: camera choice, path tracing, denoising and development."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mitsuba as mi
import numpy as np
import pyoidn

from .furniture import furniture_parts
from .layout import Layout
from .looks import Look
from .meshes import Floats
from .parts import CATEGORIES, Footprint, Part, joined
from .props import draw_props
from .randomness import CLOTH, PROPS, VIEW, generator
from .scene import category_image, scene_dict, sensor
from .shell import shell_parts
from .views import Camera, View, candidate_camera, is_clear, make_view, view_facts

WIDTH, HEIGHT = 320, 240
_PREVIEW = (64, 48)
_CANDIDATES = 40
# The smallest shares of the picture at which a thing can be recognised.
_WANTED = {"headboard": 0.012, "lamp": 0.005, "picture": 0.01}
_BLOCKING = ("chair", "prop", "curtains", "desk", "nightstand")


@dataclass(frozen=True)
class Photograph:
    """A rendered view: (H, W, 3) uint8 picture, (H, W) uint8 mask and its facts."""

    picture: np.ndarray
    mask: np.ndarray
    facts: dict[str, Any]


def take_photograph(
    layout: Layout, look: Look, key: tuple[int, int, int], samples: int
) -> Photograph:
    """Renders one view of a hotel's room.

    Args:
        layout: Where things stand.
        look: The hotel's designs.
        key: Seed, hotel and view number.
        samples: Light paths per pixel.

    Returns:
        The photograph.
    """
    view = make_view(*key)
    parts, names, taken = furnished_room(layout, look, view, key)
    scene = load_scene(parts)
    camera = choose_camera(scene, parts, layout, view, key, taken)
    mask = category_image(scene, parts, camera, WIDTH, HEIGHT, CATEGORIES)
    light = trace(scene, camera, samples, key[1] * 10 + key[2])
    picture = develop(light, view, exposure_factor(light, view))
    return Photograph(picture, mask, view_facts(view, camera, names))


def furnished_room(
    layout: Layout, look: Look, view: View, key: tuple[int, int, int]
) -> tuple[list[Part], list[str], list[Footprint]]:
    """Builds everything that a view's room holds.

    Args:
        layout: Where things stand.
        look: The hotel's designs.
        view: Its light.
        key: Seed, hotel and view number.

    Returns:
        The parts, the names of the things left about, and their floor areas.
    """
    things, names, taken = draw_props(layout, generator(PROPS, *key))
    phase = float(generator(CLOTH, *key, 99).uniform(0, 6.3))
    parts = shell_parts(layout, look, view, phase)
    return joined(parts + furniture_parts(layout, look, view, key) + things), names, taken


def load_scene(parts: list[Part]) -> Any:
    """Loads a room into the renderer."""
    with tempfile.TemporaryDirectory() as folder:
        # Optimising would merge shapes of one colour, and masks need to tell them apart.
        return mi.load_dict(scene_dict(parts, Path(folder)), optimize=False)


def choose_camera(
    scene: Any,
    parts: list[Part],
    layout: Layout,
    view: View,
    key: tuple[int, int, int],
    taken: list[Footprint],
) -> Camera:
    """Draws cameras until one sees the bed well, judging by small category images.

    Args:
        scene: The loaded scene.
        parts: Its parts.
        layout: The room.
        view: Whether the photographer stands near.
        key: Seed, hotel and view number.
        taken: Floor areas of props.

    Returns:
        The first camera that satisfies every wish, else the best one.
    """
    rng = generator(key[0], VIEW, key[1], key[2], 1)
    obstacles = layout.footprints() + taken
    # Neighbouring views stand in different parts of the room.
    side = (-0.75, 0.75, -0.4, 0.1, 0.7, 0.35)[key[2]]
    best: tuple[float, Camera] | None = None
    for _ in range(_CANDIDATES):
        camera = candidate_camera(layout, view, rng, side)
        if not is_clear(camera, obstacles):
            continue
        score = judge(category_image(scene, parts, camera, *_PREVIEW, CATEGORIES), view.close)
        if best is None or score > best[0]:
            best = score, camera
        if score > 0.999:
            break
    if best is None:
        raise RuntimeError(f"no free place for a camera in hotel {key[1]}, view {key[2]}")
    return best[1]


def judge(mask: np.ndarray, close: bool) -> float:
    """Scores what a camera sees.

    Args:
        mask: (H, W) category indices.
        close: Whether the view should show the bedspread large.

    Returns:
        1 where every wish is satisfied, less where a thing is too small or hidden.
    """
    shares = np.bincount(mask.ravel(), minlength=len(CATEGORIES)) / mask.size
    share = dict(zip(CATEGORIES, shares, strict=True))
    spread = min(share["bedspread"] / (0.15 if close else 0.09), 1)
    wanted = _WANTED if close else {**_WANTED, "curtains": 0.025}
    others = sum(min(share[name] / least, 1) for name, least in wanted.items()) / len(wanted)
    blocked = max(max(share[name] for name in _BLOCKING) - 0.13, 0)
    return float(0.6 * spread + 0.4 * others - 3 * blocked - 5 * share["background"])


def trace(scene: Any, camera: Camera, samples: int, seed: int) -> Floats:
    """Traces light paths and removes their noise.

    Args:
        scene: The loaded scene.
        camera: Where to look from.
        samples: Paths per pixel.
        seed: Of the sampler.

    Returns:
        (H, W, 3) linear light.
    """
    eye = sensor(camera, WIDTH, HEIGHT)
    # Two passes: an "aov" integrator around the path tracer would trace every path twice.
    paths = mi.load_dict({"type": "path", "max_depth": 7, "rr_depth": 5})
    guides = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal"})
    colour = np.array(paths.render(scene, sensor=eye, seed=seed, spp=samples))
    layers = np.array(guides.render(scene, sensor=eye, seed=seed, spp=samples))
    albedo, normal = layers[..., -6:-3], layers[..., -3:]
    images = (np.maximum(colour, 0), np.clip(albedo, 0, 1), np.clip(normal, -1, 1))
    ready = [np.ascontiguousarray(image, np.float32) for image in images]
    return np.array(pyoidn.denoise(*ready, hdr=True))


def exposure_factor(light: Floats, view: View) -> float:
    """Meters a room as a telephone's camera does.

    Args:
        light: (H, W, 3) linear light.
        view: Exposure and white balance.

    Returns:
        The factor that brings the light to the film.
    """
    light = np.maximum(light, 0) * np.array(view.white_balance)
    brightness = light @ np.array([0.2126, 0.7152, 0.0722])
    key = {"day": 0.58, "dusk": 0.42, "night": 0.32}[view.light] * 2**view.exposure
    # The median ignores bright windows and lamps, as a camera that meters the room would.
    return float(key / (0.5 * np.median(brightness) + 0.5 * _geometric_mean(brightness)))


def develop(light: Floats, view: View, factor: float) -> np.ndarray:
    """Exposes a picture and gives it a camera's contrast.

    Args:
        light: (H, W, 3) linear light.
        view: White balance.
        factor: What the light is multiplied with; `exposure_factor` meters it.

    Returns:
        (H, W, 3) uint8 sRGB.
    """
    exposed = np.maximum(light, 0) * np.array(view.white_balance) * factor
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    exposed = exposed * (1 - 0.09 * (x**2 + y**2))[..., None]
    white = 3.5
    shown = np.clip(exposed * (1 + exposed / white**2) / (1 + exposed), 0, 1)
    # A camera's contrast curve: darker shadows, brighter highlights.
    shown = 0.55 * shown + 0.45 * shown**2 * (3 - 2 * shown) * 1.12
    encoded = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
    return (np.clip(encoded, 0, 1) * 255 + 0.5).astype(np.uint8)


def _geometric_mean(values: Floats) -> float:
    return float(np.exp(np.log(values + 1e-4).mean()))
