"""Renders the twins of one view, in a module that worker processes can import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mitsuba
import numpy as np
from PIL import Image

from ..assignment import assign_designs
from ..gallery import write_whole
from ..layout import Layout, make_layout
from ..looks import make_look
from ..parts import CATEGORIES
from ..views import make_view
from .planning import Game


@dataclass(frozen=True)
class Job:
    """The games of one view.

    Attributes:
        out: The twins' folder.
        seed: The gallery's.
        samples: Light paths per pixel.
        variant: Mitsuba's.
        games: All of one match.
    """

    out: Path
    seed: int
    samples: int
    variant: str
    games: tuple[Game, ...]


def paths_of(out: Path, game: Game) -> tuple[Path, Path, Path]:
    """Where the match, its twin and the mask of the swapped object lie."""
    match = f"hotel_{game.match[0]:02d}_view_{game.match[1]}"
    return (
        out / "images" / f"{match}.jpg",
        out / "images" / f"{game.name}.jpg",
        out / "masks" / f"{game.name}.png",
    )


def render_twins(job: Job) -> None:
    """Renders a view once more, and each of its twins with its light and camera.

    The view is rendered again, although the gallery has it, since noise differs from one processor
    to the next; between a view and its twins nothing must differ but the design.

    Args:
        job: What to render.
    """
    mitsuba.set_variant(job.variant)
    # Imported late: the renderer's variant must be set first.
    from ..render import (
        HEIGHT,
        WIDTH,
        category_image,
        choose_camera,
        develop,
        exposure_factor,
        furnished_room,
        load_scene,
        trace,
    )

    hotel, number = job.games[0].match
    key = (job.seed, hotel, number)
    layout, designs = make_layout(job.seed, hotel), assign_designs(job.seed)[hotel]
    view = make_view(*key)

    def room(own: dict[str, str]) -> tuple[Any, ...]:
        return furnished_room(layout, _look(job.seed, hotel, own, layout), view, key)

    def photograph(scene: Any, parts: Any) -> tuple[Any, np.ndarray]:
        light = trace(scene, camera, job.samples, hotel * 10 + number)
        return light, category_image(scene, parts, camera, WIDTH, HEIGHT, CATEGORIES)

    parts, _, taken = room(designs)
    scene = load_scene(parts)
    camera = choose_camera(scene, parts, layout, view, key, taken)
    light, mask = photograph(scene, parts)
    factor = exposure_factor(light, view)
    _save_picture(paths_of(job.out, job.games[0])[0], develop(light, view, factor))
    for game in job.games:
        parts, _, _ = room({**designs, game.category: game.replacement})
        light, other = photograph(load_scene(parts), parts)
        _, picture, swapped = paths_of(job.out, game)
        place = CATEGORIES.index(game.category)
        _save_mask(swapped, (mask == place) | (other == place))
        _save_picture(picture, develop(light, view, factor))


def _look(seed: int, hotel: int, designs: dict[str, str], layout: Layout) -> Any:
    return make_look(seed, hotel, designs, layout.wood)


def _save_picture(path: Path, picture: np.ndarray) -> None:
    write_whole(path, lambda file: Image.fromarray(picture).save(file, "JPEG", quality=90))


def _save_mask(path: Path, mask: np.ndarray) -> None:
    image = Image.fromarray(mask).convert("1")
    write_whole(path, lambda file: image.save(file, "PNG", optimize=True))
