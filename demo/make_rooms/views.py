"""A photograph's circumstances: light, exposure, camera and things left about."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .layout import Layout
from .parts import Footprint
from .randomness import VIEW, generator

VIEWS = 6
# Time of day, lamps lit, ceiling lit: a hotel has each once, in its own order.
_LIGHTS = (
    ("day", False, False), ("day", False, True), ("day", True, True),
    ("dusk", True, False), ("night", True, True), ("night", True, False),
)  # fmt: skip


@dataclass(frozen=True)
class View:
    """What changes from one photograph of a room to the next.

    Attributes:
        light: "day", "dusk" or "night".
        lamps: Whether the table lamps shine.
        lamp_strength: Radiance of a white shade.
        ceiling_strength: Radiance of the ceiling light, 0 where it is off.
        sky: Factor on the view from the window, red, green, blue.
        curtains_drawn: 0 (open) to 1 (closed).
        exposure: Stops above the automatic exposure.
        white_balance: Factors on red, green and blue.
        close: Whether the photographer stands near the bed.
    """

    light: str
    lamps: bool
    lamp_strength: float
    ceiling_strength: float
    sky: tuple[float, float, float]
    curtains_drawn: float
    exposure: float
    white_balance: tuple[float, float, float]
    close: bool


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; metres and degrees.

    Attributes:
        position: x, y, z.
        target: The point in the picture's middle.
        field_of_view: Horizontal angle.
        roll: Tilt of the horizon.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view: float
    roll: float


def make_view(seed: int, hotel: int, number: int) -> View:
    """Draws the light of a view.

    Args:
        seed: The gallery's seed.
        hotel: The hotel's number.
        number: The view's number, 0 to 5.

    Returns:
        Its circumstances.
    """
    order = generator(seed, VIEW, hotel).permutation(VIEWS)
    light, lamps, ceiling = _LIGHTS[order[number]]
    rng = generator(seed, VIEW, hotel, number)
    sky = {"day": (1.0, 0.98, 0.95), "dusk": (0.13, 0.14, 0.22), "night": (0.004, 0.006, 0.012)}
    red, green, blue = sky[light]
    brightness = rng.uniform(5.0, 9.0)
    drawn = rng.uniform(0.05, 0.35) if light == "day" else rng.uniform(0.2, 0.95)
    warmth = rng.normal(0, 0.045)
    strength = rng.uniform(6.0, 12.0) if light == "night" else rng.uniform(4.0, 8.0)
    return View(
        light=light,
        lamps=lamps,
        lamp_strength=rng.uniform(1.5, 2.4),
        ceiling_strength=strength if ceiling else 0.0,
        sky=(brightness * red, brightness * green, brightness * blue),
        curtains_drawn=drawn,
        exposure=float(np.clip(rng.normal(0, 0.25), -0.5, 0.5)),
        white_balance=(1.0 + warmth, 1.0, 1.0 - warmth + rng.normal(0, 0.02)),
        close=number in (2, 5),
    )


def candidate_camera(layout: Layout, view: View, rng: np.random.Generator, side: float) -> Camera:
    """Draws one camera position, without a look at what it would see.

    Args:
        layout: The room.
        view: Whether the photographer stands near.
        rng: The source of chance.
        side: -1 (left) to 1 (right): where in the room's width to stand.

    Returns:
        A camera that points at the bed.
    """
    middle = layout.width / 2
    reach = middle - 0.45
    x = middle + np.clip(side + rng.normal(0, 0.25), -1, 1) * reach
    far, near = 0.25, max(layout.head - 2.0 - 0.55, 0.6)
    y = rng.uniform(0.55 * near, near) if view.close else rng.uniform(far, 0.55 * near)
    z = rng.uniform(1.2, 1.7)
    target = (
        middle + rng.normal(0, 0.35),
        layout.depth - (rng.uniform(0.7, 1.2) if view.close else rng.uniform(0.4, 1.0)),
        rng.uniform(0.7, 1.05),
    )
    return Camera(
        position=(float(x), float(y), float(z)),
        target=(float(target[0]), float(target[1]), float(target[2])),
        field_of_view=rng.uniform(60, 80) if view.close else rng.uniform(54, 74),
        roll=float(np.clip(rng.normal(0, 1.0), -2, 2)),
    )


def is_clear(camera: Camera, obstacles: list[Footprint], clearance: float = 0.4) -> bool:
    """Says whether a camera keeps its distance from furniture and props.

    Args:
        camera: The camera.
        obstacles: Floor areas, metres.
        clearance: Smallest distance, metres.

    Returns:
        True where no area is nearer.
    """
    x, y, _ = camera.position
    return all(area.distance(x, y) >= clearance for area in obstacles)


def view_facts(view: View, camera: Camera, props: list[str]) -> dict[str, Any]:
    """Collects what rooms.json says about a view.

    Args:
        view: Light and exposure.
        camera: Where it was taken from.
        props: Names of the things left about.

    Returns:
        JSON-ready values, rounded to four digits.
    """
    facts: dict[str, Any] = {"night": view.light == "night", "props": props}
    facts |= {k: v for k, v in asdict(view).items() if k not in ("close", "lamp_strength", "sky")}
    facts["ceiling_light"] = facts.pop("ceiling_strength") > 0
    values = asdict(camera)
    facts |= {"camera": values.pop("position"), **values}
    return {name: _rounded(value) for name, value in facts.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return [_rounded(v) for v in value] if isinstance(value, (tuple, list)) else value
