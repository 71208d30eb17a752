"""The catalogue of furniture designs: what each design id looks like."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloth:
    """A textile or paper.

    Attributes:
        kind: A key of `textures.PATTERNS`.
        palette: A key of `palettes.TEXTILES`, or of `palettes.WALLS` for wallpaper.
        repeats: Motifs per tile edge.
        tile: Edge of one tile, metres.
    """

    kind: str
    palette: str
    repeats: int
    tile: float = 1.2


@dataclass(frozen=True)
class Bedspread:
    """A bedspread, with a strip of another cloth across its foot or None."""

    cloth: Cloth
    runner: Cloth | None = None


@dataclass(frozen=True)
class Headboard:
    """A headboard's form, what covers it and its height above the floor in metres.

    `material` is a key of `palettes.WOODS` or, for upholstery, an sRGB hex colour.
    """

    form: str
    material: str
    height: float


@dataclass(frozen=True)
class Lamp:
    """A table lamp: form and sRGB colour of the foot, finish, form and colour of the shade."""

    foot: str
    colour: str
    finish: str
    shade: str
    shade_colour: str


@dataclass(frozen=True)
class Picture:
    """One to three framed paintings in a row, half-sizes in metres."""

    paintings: tuple[str, ...]
    palette: str
    half_width: float
    half_height: float
    frame: str


@dataclass(frozen=True)
class Carpet:
    """A fitted carpet, or a rug on a wooden floor where `wood` is a key of `palettes.WOODS`."""

    cloth: Cloth
    wood: str | None = None


@dataclass(frozen=True)
class Curtains:
    """Curtains and their rail's finish."""

    cloth: Cloth
    rail: str


BEDSPREADS = (
    Bedspread(Cloth("chevron", "terracotta", 4)),
    Bedspread(Cloth("medallions", "navy", 4)),
    Bedspread(Cloth("leaves", "sage", 3)),
    Bedspread(Cloth("plain", "ink", 1), Cloth("stripes", "burgundy", 6)),
    Bedspread(Cloth("plaid", "denim", 4)),
    Bedspread(Cloth("ogee", "teal", 4)),
    Bedspread(Cloth("damask", "burgundy", 3)),
    Bedspread(Cloth("triangles", "slate", 4)),
    Bedspread(Cloth("flowers", "rose", 3)),
    Bedspread(Cloth("stripes", "mustard", 5)),
    Bedspread(Cloth("diamonds", "forest", 4)),
    Bedspread(Cloth("plain", "sand", 1), Cloth("diamonds", "lagoon", 5)),
    Bedspread(Cloth("lattice", "charcoal", 5)),
    Bedspread(Cloth("scallops", "coral", 4)),
    Bedspread(Cloth("windowpane", "chocolate", 5)),
    Bedspread(Cloth("waves", "lagoon", 6)),
)

HEADBOARDS = (
    Headboard("tufted", "#6b2433", 1.25),
    Headboard("slats", "walnut", 1.10),
    Headboard("arch", "oak", 1.20),
    Headboard("channels", "#3d7377", 1.20),
    Headboard("planks", "grey", 1.15),
    Headboard("panelled", "white", 1.20),
    Headboard("camelback", "#c8b08c", 1.30),
    Headboard("squares", "#4a4e54", 1.10),
    Headboard("tufted", "#5d7489", 1.20),
    Headboard("slats", "white", 1.20),
    Headboard("arch", "wenge", 1.15),
    Headboard("channels", "#b57774", 1.30),
    Headboard("planks", "teak", 1.10),
    Headboard("panelled", "cherry", 1.25),
    Headboard("camelback", "#35574a", 1.20),
    Headboard("squares", "#c8983b", 1.25),
)

LAMPS = (
    Lamp("gourd", "#2f5f63", "glazed", "drum", "#efe4cf"),
    Lamp("column", "#c9a35a", "metal", "cone", "#f2ecdf"),
    Lamp("balls", "#e7e1d6", "glazed", "drum", "#d9c3a0"),
    Lamp("bottle", "#8c3b34", "glazed", "cone", "#efe4cf"),
    Lamp("cube", "#4a3428", "matte", "drum", "#e3d5bb"),
    Lamp("tripod", "#94683f", "matte", "drum", "#f2ecdf"),
    Lamp("urn", "#24365c", "glazed", "cone", "#f2ecdf"),
    Lamp("column", "#2b2d31", "matte", "tall", "#e8dcc6"),
    Lamp("gourd", "#d0964a", "glazed", "cone", "#f2ecdf"),
    Lamp("balls", "#6d7f62", "glazed", "cone", "#efe4cf"),
    Lamp("bottle", "#b9c7cc", "glazed", "drum", "#c8b08c"),
    Lamp("cube", "#d8cfc0", "matte", "tall", "#e9c9a8"),
    Lamp("tripod", "#2b2d31", "metal", "cone", "#efe4cf"),
    Lamp("urn", "#e9e4da", "glazed", "drum", "#a9795f"),
    Lamp("column", "#b06a4c", "metal", "drum", "#efe4cf"),
    Lamp("balls", "#c9a35a", "metal", "tall", "#f2ecdf"),
)

PICTURES = (
    Picture(("hills",), "teal", 0.52, 0.34, "wenge"),
    Picture(("stem", "stem", "stem"), "sage", 0.20, 0.28, "oak"),
    Picture(("circles", "strokes"), "coral", 0.28, 0.28, "wenge"),
    Picture(("sea",), "denim", 0.50, 0.32, "white"),
    Picture(("blocks", "blocks"), "terracotta", 0.26, 0.34, "walnut"),
    Picture(("arches",), "rose", 0.34, 0.34, "ash"),
    Picture(("skyline",), "ink", 0.62, 0.28, "wenge"),
    Picture(("strokes",), "chocolate", 0.46, 0.34, "teak"),
    Picture(("hills", "hills"), "coral", 0.30, 0.26, "oak"),
    Picture(("circles", "circles", "circles"), "ink", 0.20, 0.20, "wenge"),
    Picture(("stem", "stem"), "denim", 0.24, 0.32, "white"),
    Picture(("arches", "arches"), "terracotta", 0.24, 0.30, "oak"),
    Picture(("blocks",), "teal", 0.50, 0.36, "wenge"),
    Picture(("sea", "sea", "sea"), "chocolate", 0.20, 0.26, "walnut"),
    Picture(("skyline", "skyline"), "coral", 0.26, 0.26, "cherry"),
    Picture(("strokes", "strokes", "strokes"), "denim", 0.20, 0.26, "ash"),
)

CARPETS = (
    Carpet(Cloth("plain", "sand", 1)),
    Carpet(Cloth("plain", "slate", 1)),
    Carpet(Cloth("lattice", "charcoal", 3)),
    Carpet(Cloth("diamonds", "chocolate", 3), "walnut"),
    Carpet(Cloth("plain", "charcoal", 1)),
    Carpet(Cloth("ogee", "sand", 3)),
    Carpet(Cloth("stripes", "ink", 4), "oak"),
    Carpet(Cloth("medallions", "burgundy", 4), "teak"),
    Carpet(Cloth("plain", "forest", 1)),
    Carpet(Cloth("waves", "slate", 4)),
    Carpet(Cloth("plain", "sage", 1), "grey"),
    Carpet(Cloth("dots", "navy", 4)),
)

CURTAINS = (
    Curtains(Cloth("plain", "teal", 1), "brass"),
    Curtains(Cloth("plain", "terracotta", 1), "brass"),
    Curtains(Cloth("plain", "slate", 1), "steel"),
    Curtains(Cloth("stripes", "sand", 4), "steel"),
    Curtains(Cloth("plain", "burgundy", 1), "brass"),
    Curtains(Cloth("leaves", "sage", 3), "brass"),
    Curtains(Cloth("plain", "charcoal", 1), "steel"),
    Curtains(Cloth("ogee", "chocolate", 4), "brass"),
    Curtains(Cloth("plain", "forest", 1), "brass"),
    Curtains(Cloth("plain", "mustard", 1), "steel"),
)

WALLPAPERS = (
    Cloth("plain", "linen", 1),
    Cloth("damask", "ivory", 2, 1.0),
    Cloth("stripes", "mist", 4, 1.0),
    Cloth("plain", "dusk", 1),
    Cloth("lattice", "oat", 3, 1.0),
    Cloth("leaves", "sage", 3, 1.0),
    Cloth("plain", "clay", 1),
    Cloth("ogee", "sky", 3, 1.0),
    Cloth("plain", "fern", 1),
    Cloth("medallions", "blush", 4, 1.0),
    Cloth("plain", "taupe", 1),
    Cloth("waves", "pebble", 5, 1.0),
)

PILLOWS = (
    Cloth("plain", "navy", 1, 0.5),
    Cloth("stripes", "ink", 4, 0.5),
    Cloth("plain", "mustard", 1, 0.5),
    Cloth("diamonds", "terracotta", 2, 0.5),
    Cloth("plain", "forest", 1, 0.5),
    Cloth("dots", "rose", 2, 0.5),
    Cloth("plain", "burgundy", 1, 0.5),
    Cloth("plaid", "slate", 2, 0.5),
    Cloth("ogee", "mustard", 2, 0.5),
    Cloth("plain", "lagoon", 1, 0.5),
)

CATALOGUE = {
    "bedspread": BEDSPREADS, "headboard": HEADBOARDS, "lamp": LAMPS, "picture": PICTURES,
    "carpet": CARPETS, "curtains": CURTAINS, "wallpaper": WALLPAPERS, "pillows": PILLOWS,
}  # fmt: skip


def design_id(item: str, number: int) -> str:
    """Names a design.

    Args:
        item: A key of `CATALOGUE`.
        number: Its place in the catalogue, from 0.

    Returns:
        Such as "bedspread_03".
    """
    return f"{item}_{number:02d}"


def design_number(identity: str) -> int:
    """Returns the place in the catalogue of a design id such as "bedspread_03"."""
    return int(identity.rsplit("_", 1)[1])
