"""What a scene is made of: meshes with a category, a surface and perhaps their own light."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .meshes import Floats, Mesh, merged

# A mask's palette index is the category's place in this list.
CATEGORIES = (
    "background", "wall", "wallpaper", "ceiling", "trim", "floor", "carpet", "bed", "bedspread",
    "pillows", "headboard", "nightstand", "lamp", "picture", "curtains", "window", "chair",
    "desk", "prop",
)  # fmt: skip


@dataclass(frozen=True)
class Surface:
    """How a part reflects light.

    Attributes:
        colour: (3,) or an (H, W, 3) image, sRGB, 0..1.
        finish: "matte", "satin", "glazed" or "metal".
    """

    colour: Floats
    finish: str = "matte"


@dataclass(frozen=True)
class Part:
    """A mesh of one category.

    Attributes:
        category: One of `CATEGORIES`.
        mesh: In the room's coordinates: x to the right along the wall with the bed, y towards
            that wall, z up; metres.
        surface: How it reflects light.
        radiance: (3,) or an (H, W, 3) image of emitted light, linear, or None.
    """

    category: str
    mesh: Mesh
    surface: Surface
    radiance: Floats | None = None


def joined(parts: Iterable[Part]) -> list[Part]:
    """Joins the parts that share category, surface and light.

    The renderer's time to compile a scene grows with the number of its shapes.

    Args:
        parts: Surfaces and lights count as shared where they are the same object.

    Returns:
        One part per combination, in the order of first appearance.
    """
    groups: dict[tuple[str, int, int], list[Part]] = {}
    for part in parts:
        groups.setdefault((part.category, id(part.surface), id(part.radiance)), []).append(part)
    return [replace(g[0], mesh=merged([part.mesh for part in g])) for g in groups.values()]


@dataclass(frozen=True)
class Footprint:
    """The floor area that a piece of furniture covers, metres."""

    left: float
    right: float
    front: float
    back: float

    def distance(self, x: float, y: float) -> float:
        """Returns the metres from a point to the area, 0 inside."""
        dx = max(self.left - x, 0.0, x - self.right)
        dy = max(self.front - y, 0.0, y - self.back)
        return float((dx * dx + dy * dy) ** 0.5)
