"""A hotel's room: its measures and where the furniture stands; lengths in metres."""

from dataclasses import dataclass

from .parts import Footprint
from .randomness import LAYOUT, generator

BED_LENGTH = 2.0
MATTRESS_TOP = 0.56
# The mattress ends this far in front of the wall, to leave room for the headboard.
HEAD_GAP = 0.14


@dataclass(frozen=True)
class Layout:
    """The fixed measures of a hotel's rooms.

    Attributes:
        width: Along the wall with the bed.
        depth: From the door's wall (y = 0) to the wall with the bed.
        height: Of the ceiling.
        beds: The beds' middles along x: one, or two single beds.
        bed_half_width: Half a mattress.
        cover_drop: How far the bedspread hangs down.
        nightstands: Their middles along x.
        window_right: Whether the window is in the right wall, else in the left.
        window: The window's ends along y.
        chair: Whether an armchair stands by the window.
        desk: Whether a desk stands at the wall opposite the window.
        wood: Key of `palettes.WOODS` for nightstands and desk.
        wall: Key of `palettes.WALLS` for the side walls.
        chair_colour: Key of `palettes.TEXTILES`.
    """

    width: float
    depth: float
    height: float
    beds: tuple[float, ...]
    bed_half_width: float
    cover_drop: float
    nightstands: tuple[float, ...]
    window_right: bool
    window: tuple[float, float]
    chair: bool
    desk: bool
    wood: str
    wall: str
    chair_colour: str

    @property
    def head(self) -> float:
        """The y of the mattress's head end."""
        return self.depth - HEAD_GAP

    @property
    def chair_place(self) -> tuple[float, float, float]:
        """The armchair's x, y and turn in radians; it looks at the bed's foot."""
        x = self.width - 0.62 if self.window_right else 0.62
        return x, self.head - BED_LENGTH - 0.55, 0.9 if self.window_right else -0.9

    def footprints(self) -> list[Footprint]:
        """Returns the floor areas that furniture covers."""
        half, foot = self.bed_half_width + 0.05, self.head - BED_LENGTH - 0.06
        areas = [Footprint(x - half, x + half, foot, self.depth) for x in self.beds]
        areas += [
            Footprint(x - 0.25, x + 0.25, self.depth - 0.5, self.depth) for x in self.nightstands
        ]
        if self.chair:
            x, y, _ = self.chair_place
            areas.append(Footprint(x - 0.45, x + 0.45, y - 0.45, y + 0.45))
        if self.desk:
            x = 0.27 if self.window_right else self.width - 0.27
            areas.append(
                Footprint(x - 0.27, x + 0.27, self.desk_middle - 0.6, self.desk_middle + 0.6)
            )
        # Curtains hang up to 0.2 m in front of their wall.
        x = self.width - 0.1 if self.window_right else 0.1
        areas.append(Footprint(x - 0.1, x + 0.1, self.window[0] - 0.4, self.window[1] + 0.4))
        return areas

    @property
    def desk_middle(self) -> float:
        """The y of the desk's middle."""
        return self.depth - BED_LENGTH - 0.75


def make_layout(seed: int, hotel: int) -> Layout:
    """Draws a hotel's layout.

    Args:
        seed: The gallery's seed.
        hotel: The hotel's number.

    Returns:
        A layout whose furniture keeps clear of each other.
    """
    rng = generator(seed, LAYOUT, hotel)
    twin = hotel % 5 == 3
    width = rng.uniform(4.3, 5.0) if twin else rng.uniform(3.9, 4.7)
    depth = rng.uniform(4.5, 5.1)
    half = 0.56 if twin else float(rng.choice([0.8, 0.9]))
    middle = width / 2
    beds = (middle - half - 0.36, middle + half + 0.36) if twin else (middle,)
    stands = (middle,) if twin else (middle - half - 0.36, middle + half + 0.36)
    start = depth - rng.uniform(2.5, 2.8)
    return Layout(
        width=width,
        depth=depth,
        height=rng.uniform(2.5, 2.75),
        beds=beds,
        bed_half_width=half,
        cover_drop=rng.uniform(0.26, 0.4),
        nightstands=stands,
        window_right=bool(rng.random() < 0.5),
        window=(start, start + rng.uniform(1.3, 1.7)),
        chair=bool(rng.random() < 0.5) and not twin,
        desk=bool(rng.random() < 0.5) and not twin and width > 4.1,
        wood=str(rng.choice(["oak", "walnut", "wenge", "ash", "cherry", "teak"])),
        wall=str(rng.choice(["ivory", "linen", "mist", "pebble", "oat"])),
        chair_colour=str(rng.choice(["slate", "forest", "mustard", "charcoal", "navy"])),
    )
