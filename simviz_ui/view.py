"""What a page shows, as a value that goes into its link and back without loss.

A field's name is the link's parameter and the key of the widget that chooses it. A field that is
None leaves the choice to the page: the network's own pooling, the first image of the gallery.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from simviz_core.decomposition.regions import Rectangle
from simviz_core.errors import SettingsError
from simviz_core.figures import COLOUR_MAPS, DEFAULT_COLOUR_MAP, DEFAULT_OPACITY, FigureStyle
from simviz_core.gallery import DEEPEST, FIRST, OWN, SELECTION_NAME
from simviz_core.misses import COMPARED_KINDS, MISS_ORDERS
from simviz_core.pairs.cells import CellBlock, cell_block
from simviz_core.retrieval import (
    QueryPart,
    Region,
    part_from_text,
    part_text,
    rectangle_text,
    relative_to,
)

Link = dict[str, list[str]]
"""The parameters of a link, each with its values."""

GALLERY = ("gallery", "class_level", "references")
NETWORK = (
    *("network", "weights", "checkpoint_part", "pooling", "size", "tail", "layer", "output"),
    *("channel_order", "fit"),
)
DISPLAY = ("colours", "opacity", "style", "scale")
RELATIVE = ("relative_to", "relative_image")
CHECKS = ("occlusion", "blank", "blanked_cells", "fill")
FILTERS = ("top", "classes", "keep_query", "without_own_class")
CONDITIONS = ("where", "leave_out_equal", "ask", "find", "leave_out_copies")
SHARED = (
    *(*GALLERY, *NETWORK, *DISPLAY, *RELATIVE, *CONDITIONS),
    *("query", "match", "selection", "tier"),
)
"""What goes along to the next page; the rest waits for its own page to be opened again."""

PAGES: dict[str, tuple[str, ...]] = {
    "": (*GALLERY, *NETWORK),
    "trust": (*GALLERY, *NETWORK),
    "findings": (),
    "pair": (
        *(*GALLERY, *NETWORK, "query", "match", "cell", "by_layer", "compare_poolings"),
        *("against", *CHECKS, "cell_sees", *RELATIVE, *DISPLAY),
    ),
    "map": (*GALLERY, *NETWORK, "query", "selection", "colour_by"),
    "search": (
        *(*GALLERY, *NETWORK, "query", "selection", "tier", "only_misses", "compare_poolings"),
        *(*FILTERS, *CONDITIONS, *RELATIVE, *DISPLAY),
    ),
    "errors": (
        *(*GALLERY, *NETWORK, "query", "selection", "order", "of_classes", "taken_for"),
        *("compared_with", "change", *CONDITIONS, *DISPLAY),
    ),
    "region": (
        *(*GALLERY, *NETWORK, "query", "selection", "tier", "regions", "parts", "show"),
        *("classes_shown", "crop", "fine"),
        *("occlusion", "fill", *FILTERS, *CONDITIONS, *RELATIVE, *DISPLAY),
    ),
    "classes": (
        *(*GALLERY, *NETWORK, "selection", "class", "class2", "class_map", "class_top"),
        *("compare_class_poolings", *DISPLAY),
    ),
    "features": (
        *(*GALLERY, *NETWORK, "pair_kinds", "pairs", "seed", "compared_networks"),
        *("one_pair", "query", "match", "channels", *DISPLAY),
    ),
    "checkpoints": (
        *(*GALLERY, "run", "run2", "run_network", "run_pooling", "run_size"),
        *("iterations1", "iterations2", "pretrained", "query", "follow", "match"),
        *("all_classes", "objects", "why_changed", "iterations_why", *RELATIVE, *DISPLAY),
    ),
}
"""The fields that each page shows, under the last part of its address."""

SAME, DIFFERENT = "same", "different"
"""Kinds of random pairs: of one class, or of two."""
EXACT, APPROXIMATE = TIERS = ("exact", "approximate")
"""What searches look into: all embeddings, or an index that finds most of the best."""
NOTHING_DRAWN = Region()
LOST, OTHER_IMAGE = "lost", "image"
"""What maps show instead of contributions, and that they are relative to an image that is chosen
beside; everything else that maps are relative to is written as for `relative_to`."""
CLASS_MAP, CONTRAST, GALLERY_MEAN = CLASS_MAPS = ("class", "contrast", "mean")
"""What the maps of Classes are relative to: nothing, the class beside it or else the most similar
one, the gallery's mean; or another class, as `class:LABEL`. Few of them are choices of other pages,
so that theirs is kept while one is here."""


@dataclass(frozen=True)
class View:
    """What is chosen on the pages.

    A gallery, weights or a run may be a path, the name of an upload, or one of the demo's. Sizes
    are in pixels, opacity in percent, rectangles in pixels of the original, blocks of cells as
    `CellBlock` has them, iterations from the first to the last one that is shown.
    """

    gallery: str | None = None
    class_level: str = FIRST
    references: str | None = None
    network: str | None = None
    weights: str | None = None
    checkpoint_part: str | None = None
    pooling: str | None = None
    size: str | None = None
    tail: str | None = None
    layer: str | None = None
    output: str | None = None
    channel_order: str | None = None
    fit: str | None = None
    query: str | None = None
    match: str | None = None
    selection: str | None = None
    tier: str = EXACT
    colour_by: str | None = None
    colours: str = DEFAULT_COLOUR_MAP
    opacity: int = round(DEFAULT_OPACITY * 100)
    style: str = "smooth"
    scale: str = "shared"
    relative_to: str = "nothing"
    relative_image: str | None = None
    cell: CellBlock | None = None
    by_layer: bool = False
    compare_poolings: bool = False
    against: str | None = None
    only_misses: bool = False
    occlusion: bool = False
    blank: str = "strongest"
    blanked_cells: int = 3
    fill: str = "blur"
    cell_sees: bool = False
    top: int = 12
    classes: tuple[str, ...] = ()
    keep_query: bool = False
    without_own_class: bool = False
    where: tuple[str, ...] = ()
    leave_out_equal: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    find: tuple[str, ...] = ()
    leave_out_copies: bool = False
    order: str = "margin"
    of_classes: tuple[str, ...] = ()
    taken_for: tuple[str, ...] = ()
    compared_with: str | None = None
    change: str = "all"
    regions: Region = NOTHING_DRAWN
    parts: tuple[QueryPart, ...] = ()
    show: str = "images"
    classes_shown: int = 3
    crop: bool = False
    fine: bool = False
    class_: str | None = None
    class2: str | None = None
    class_map: str = "class"
    class_top: int | None = None
    compare_class_poolings: bool = False
    pair_kinds: tuple[str, ...] = (SAME,)
    pairs: int = 1000
    seed: int = 0
    compared_networks: tuple[str, ...] = ()
    one_pair: bool = False
    channels: int = 3
    run: str | None = None
    run2: str | None = None
    run_network: str | None = None
    run_pooling: str | None = None
    run_size: str | None = None
    iterations1: tuple[int, int] | None = None
    iterations2: tuple[int, int] | None = None
    pretrained: bool = True
    follow: str = "matches"
    all_classes: bool = False
    why_changed: bool = False
    iterations_why: tuple[int, int] | None = None
    objects: tuple[str, ...] | None = None

    def __getitem__(self, name: str) -> Any:
        """The field that a parameter of the link names."""
        return getattr(self, _attribute(name))

    def with_fields(self, values: Mapping[str, Any]) -> Self:
        """The same view, with other values of the fields that are named as in the link."""
        return replace(self, **{_attribute(name): value for name, value in values.items()})

    @property
    def figure_style(self) -> FigureStyle:
        """How the maps are shown."""
        return FigureStyle(
            self.colours, self.opacity / 100, self.style != "cells", self.scale != "each"
        )


def _attribute(name: str) -> str:
    return "class_" if name == "class" else name


DEFAULTS = View()
NAMES = tuple("class" if field.name == "class_" else field.name for field in fields(View))
_ON_OFFER: dict[str, Sequence[Any]] = {
    "class_level": (*map(str, range(1, DEEPEST + 1)), OWN),
    "colours": COLOUR_MAPS,
    "style": ("smooth", "cells"),
    "scale": ("shared", "each"),
    "top": (6, 12, 24),
    "class_top": (6, 12, 24),
    "show": ("images", "classes"),
    "tier": TIERS,
    "pairs": (100, 300, 1000),
    "channels": (3, 5, 10),
    "follow": ("matches", "pair"),
    "blank": ("strongest", "pinned"),
    "order": tuple(MISS_ORDERS),
    "change": ("all", *COMPARED_KINDS),
    "fill": ("blur", "mean", "border"),
    "tail": ("auto", "keep", "drop"),
    "pair_kinds": (SAME, DIFFERENT),
}
_LIMITS = {
    "opacity": (0, 100),
    "blanked_cells": (1, 50),
    "classes_shown": (1, 12),
    "seed": (0, 10**6),
}
_OLD_NAMES = {"own_pooling": "pooling", "any_size": "size"}
"""Parameters of links that were made before one name served all networks."""
_OLD_VALUES = {
    "per image": "each",
    "best images": "images",
    "best of each class": "classes",
    "class map": "class",
    "best matches": "matches",
    "one pair": "pair",
    "if exact": "auto",
    "same class": SAME,
    "different classes": DIFFERENT,
}
"""Values that links once held as the pages show them."""
_REGION = re.compile(r"(include|exclude):([^,]+),([^,]+),([^,]+),([^,]+)")


def as_link(view: View, page: str) -> Link:
    """The parameters of a page's link: what differs from the defaults.

    Args:
        view: What is chosen.
        page: One of `PAGES`.
    """
    link: Link = {}
    for name in PAGES[page]:
        value, default = view[name], DEFAULTS[name]
        if value != default:
            link[name] = _as_texts(value)
    return link


def from_link(link: Mapping[str, Sequence[str]], page: str) -> tuple[View, list[str]]:
    """The view that a link names.

    Args:
        link: Its parameters. Those of other pages, and unknown ones, are passed over.
        page: One of `PAGES`.

    Returns:
        The view, with the defaults where the link names nothing, or nothing that can be; and what
        of the link was not understood, in words.
    """
    values: dict[str, Any] = {}
    problems = []
    for asked, texts in link.items():
        name = _OLD_NAMES.get(asked, asked)
        if name not in PAGES[page] or name in values:
            continue
        try:
            values[name] = _from_texts(name, list(texts))
        except (SettingsError, ValueError):
            problems.append(f"the link's {asked}={';'.join(texts)[:200]} is not understood")
    return DEFAULTS.with_fields(values), problems


def _as_texts(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, Region):
        return [region_as_text(value)]
    if value and isinstance(value, tuple) and isinstance(value[0], QueryPart):
        return [f"{part.weight!r} {part_text(part)}" for part in value]
    if isinstance(value, tuple):
        # No value at all cannot be told from no parameter.
        return [str(item) for item in value] or [""]
    return [str(value)]


def _from_texts(name: str, texts: list[str]) -> Any:
    """The value of a field.

    Raises:
        ValueError: It is none of that field's.
        SettingsError: The same.
    """
    default, text = DEFAULTS[name], texts[-1] if texts else ""
    if name == "regions":
        return region_from_text(text)
    if name == "parts":
        return tuple(_part(text) for text in texts if text)
    if name == "cell":
        return cell_block(text)
    if name == "relative_to":
        return _reference(text)
    if name == "class_map":
        return _class_map(text)
    if name in ("iterations1", "iterations2", "iterations_why"):
        first, last = (int(number) for number in texts)
        return min(first, last), max(first, last)
    if isinstance(default, tuple) or name == "objects":
        known = _plain if name in _ON_OFFER else str
        return tuple(_checked(name, known(text)) for text in texts if text)
    if isinstance(default, bool):
        return _flag(text)
    if isinstance(default, int) or name == "class_top":
        return _checked(name, int(text.removesuffix(" px")))
    if name in ("size", "run_size"):
        text = text.removesuffix(" px")
    if name in ("pooling", "run_pooling"):
        text = text.lower()
    if not text and default is None:
        return None
    if name == "selection" and not SELECTION_NAME.fullmatch(text):
        raise ValueError(text)
    return _checked(name, _plain(text) if name in _ON_OFFER else text)


def _part(text: str) -> QueryPart:
    """A part of a query: its weight, a space, and `part_text`."""
    weight, _, rest = text.partition(" ")
    return part_from_text(rest, float(weight))


def _reference(text: str) -> str:
    """What maps are relative to; an image is named in a field of its own."""
    if text in (LOST, OTHER_IMAGE):
        return text
    choice = relative_to(text)
    if choice.kind == OTHER_IMAGE:
        raise ValueError(text)
    return str(choice)


def _class_map(text: str) -> str:
    """What class maps are relative to: nothing, which is `class`, or what there is of a page."""
    if text.startswith("class:") and text != "class:":
        return text
    plain = _plain(text).lower()
    if plain not in CLASS_MAPS:
        raise ValueError(text)
    return plain


def _plain(text: str) -> str:
    """A choice by its name, whatever a page once called it in a link."""
    return _OLD_VALUES.get(text.lower(), text)


def _checked(name: str, value: Any) -> Any:
    offered, limits = _ON_OFFER.get(name), _LIMITS.get(name)
    if offered is not None and value not in offered:
        lowered = value.lower() if isinstance(value, str) else value
        if lowered not in offered:
            raise ValueError(name)
        return lowered
    if limits is not None and not limits[0] <= value <= limits[1]:
        raise ValueError(name)
    return value


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def region_as_text(region: Region) -> str:
    """A region as a link has it, such as `include:10,20,110,90`, in pixels of the original."""
    return ";".join(
        f"{kind}:{rectangle_text(rectangle)}"
        for kind, rectangles in (("include", region.include), ("exclude", region.exclude))
        for rectangle in rectangles
    )


def region_from_text(text: str) -> Region:
    """The region that a link names.

    Raises:
        ValueError: A part of it is no rectangle.
    """
    rectangles: dict[str, list[Rectangle]] = {"include": [], "exclude": []}
    for part in filter(None, text.split(";")):
        found = _REGION.fullmatch(part)
        if found is None:
            raise ValueError(part)
        x0, y0, x1, y1 = (float(number) for number in found.groups()[1:])
        if not all(map(math.isfinite, (x0, y0, x1, y1))):
            raise ValueError(part)
        rectangles[found.group(1)].append((x0, y0, x1, y1))
    return Region(tuple(rectangles["include"]), tuple(rectangles["exclude"]))
