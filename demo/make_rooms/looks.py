"""The images that a hotel's designs put on its furniture."""

from dataclasses import dataclass

import numpy as np

from .designs import (
    BEDSPREADS,
    CARPETS,
    CATALOGUE,
    CURTAINS,
    HEADBOARDS,
    LAMPS,
    PICTURES,
    PILLOWS,
    WALLPAPERS,
    Cloth,
    Headboard,
    Lamp,
    Picture,
    design_number,
)
from .headboards import is_upholstered
from .paintings import painting
from .palettes import TEXTILES, WALLS, WOODS, srgb
from .parts import Surface
from .randomness import OUTDOORS, PAINTING, PATTERN, generator
from .textures import Floats, blend, coordinates, noise, pattern_image, planks, soft, wood, woven


@dataclass(frozen=True)
class Fabric:
    """A surface and the edge of one of its texture repeats in metres."""

    surface: Surface
    tile: float


@dataclass(frozen=True)
class Look:
    """The surfaces of one hotel; the names are those of the catalogue's items."""

    bedspread: Fabric
    runner: Fabric | None
    headboard: Headboard
    headboard_surface: Surface
    lamp: Lamp
    picture: Picture
    paintings: tuple[Surface, ...]
    frame: Surface
    carpet: Fabric
    floor: Fabric | None
    curtains: Fabric
    rail: Surface
    wallpaper: Fabric
    pillows: Fabric
    wood: Surface
    outdoors: Floats


def _key(item: str) -> int:
    return list(CATALOGUE).index(item)


def _fabric(cloth: Cloth, item: str, number: int, seed: int, strength: float = 0.05) -> Fabric:
    rng = generator(seed, PATTERN, _key(item), number)
    if item == "wallpaper":
        # A printed wallpaper differs from its ground by a shade only.
        ground = srgb(WALLS[cloth.palette])
        colours = [ground, ground * 0.86, np.minimum(ground * 1.08, 1), ground * 0.93]
    else:
        colours = [srgb(colour) for colour in TEXTILES[cloth.palette]]
    image = pattern_image(cloth.kind, colours, cloth.repeats, rng)
    return Fabric(Surface(woven(image, rng, strength)), cloth.tile)


def _paintings(design: Picture, number: int, seed: int) -> tuple[Surface, ...]:
    # The lightest colour of a palette is the paper.
    colours = sorted((srgb(c) for c in TEXTILES[design.palette]), key=lambda c: -c.sum())
    return tuple(
        Surface(painting(kind, colours, generator(seed, PAINTING, number, i)))
        for i, kind in enumerate(design.paintings)
    )


def _headboard_surface(design: Headboard, number: int, seed: int) -> Surface:
    if not is_upholstered(design.form):
        grain = wood(srgb(WOODS[design.material]), generator(seed, PATTERN, 100, number))
        return Surface(grain, "satin")
    return Surface(srgb(design.material), "satin")


def outdoors_image(seed: int, hotel: int, size: int = 192) -> Floats:
    """Paints the view from a hotel's window.

    Args:
        seed: The gallery's seed.
        hotel: The hotel's number.
        size: Pixels per edge.

    Returns:
        (size, size, 3) linear light by day, about 0..1; row 0 is the top.
    """
    rng = generator(seed, OUTDOORS, hotel)
    x, y = coordinates(size)
    image = blend(np.array([0.62, 0.78, 1.0]), np.array([0.95, 0.97, 1.0]), np.clip(y * 1.5, 0, 1))
    heights, tones = rng.uniform(0.5, 0.75, 12), rng.uniform(0.3, 0.6, 12)
    block = (x * 12).astype(int)
    panes = 1 - 0.3 * ((x * 48 % 1 > 0.5) & (y * 32 % 1 > 0.5))
    houses = (tones[block] * panes)[..., None] * np.array([1.0, 0.95, 0.88])
    image = np.where((y > heights[block])[..., None], houses, image)
    trees = soft(y - 0.8 - 0.04 * noise(rng, size, (6, 6)), 0.02)
    return blend(image, np.array([0.2, 0.32, 0.14]), trees)


def make_look(seed: int, hotel: int, designs: dict[str, str], wood_name: str) -> Look:
    """Draws everything that a hotel's designs need.

    Args:
        seed: The gallery's seed.
        hotel: The hotel's number.
        designs: Item to design id.
        wood_name: Key of `palettes.WOODS` for the plain furniture.

    Returns:
        The surfaces; a design looks the same in every hotel.
    """
    number = {item: design_number(identity) for item, identity in designs.items()}

    def fabric(cloth: Cloth, item: str, strength: float = 0.05) -> Fabric:
        return _fabric(cloth, item, number[item], seed, strength)

    bedspread = BEDSPREADS[number["bedspread"]]
    headboard, picture = HEADBOARDS[number["headboard"]], PICTURES[number["picture"]]
    carpet, curtains = CARPETS[number["carpet"]], CURTAINS[number["curtains"]]
    grain = generator(seed, PATTERN, 200, number["carpet"])
    boards = planks(srgb(WOODS[carpet.wood]), grain) if carpet.wood else None
    frame = wood(srgb(WOODS[picture.frame]), generator(seed, PATTERN, 300, number["picture"]), 128)
    plain = wood(srgb(WOODS[wood_name]), generator(seed, PATTERN, 400, hotel))
    return Look(
        bedspread=fabric(bedspread.cloth, "bedspread"),
        runner=fabric(bedspread.runner, "bedspread") if bedspread.runner else None,
        headboard=headboard,
        headboard_surface=_headboard_surface(headboard, number["headboard"], seed),
        lamp=LAMPS[number["lamp"]],
        picture=picture,
        paintings=_paintings(picture, number["picture"], seed),
        frame=Surface(frame, "satin"),
        carpet=fabric(carpet.cloth, "carpet", 0.12),
        floor=Fabric(Surface(boards, "satin"), 1.0) if boards is not None else None,
        curtains=fabric(curtains.cloth, "curtains"),
        rail=Surface(srgb("#b8924f" if curtains.rail == "brass" else "#a9abad"), "metal"),
        wallpaper=fabric(WALLPAPERS[number["wallpaper"]], "wallpaper", 0.015),
        pillows=fabric(PILLOWS[number["pillows"]], "pillows"),
        wood=Surface(plain, "satin"),
        outdoors=outdoors_image(seed, hotel),
    )
