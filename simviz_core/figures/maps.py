"""Maps as pictures: colour scales and overlays.

Sign and scale are kept: values are never clamped at zero, and panels that are compared share one
scale. Where negative values occur the scale is diverging and centred at zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from simviz_core.errors import SettingsError
from simviz_core.figures.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

COLOUR_MAPS = ("inferno", "viridis", "magma", "cividis", "turbo", "jet")
"""On offer; the first four are perceptually uniform, jet is the paper's."""
DEFAULT_COLOUR_MAP = COLOUR_MAPS[0]
DIVERGING_COLOUR_MAP = "RdBu_r"
DEFAULT_OPACITY = 0.6
LONGEST_CAPTION = 52
"""Characters that fit over one image of a figure."""
CONTRIBUTION = "contribution of a cell to the similarity"
"""What the colours of a similarity map measure."""
Map = NDArray[np.float32]
NEGLIGIBLE = 1e-6
FAINT = 0.15
"""Maps that reach less of a scale than this share are hardly seen on it."""
"""Negative values smaller than this share of the largest magnitude are rounding, not sign."""

FADED = 0.35
"""Share of a fading scale's high end from which on its colours are as opaque as those of others."""


@dataclass(frozen=True)
class FigureStyle:
    """How maps are shown; no number depends on it.

    Attributes:
        colour_map: One of `COLOUR_MAPS`; used where no value is negative.
        opacity: Of the maps over their images, 0..1.
        smooth: Bilinear between the centres of the cells, or one flat patch per cell.
        shared_scale: One colour scale for all the maps that are compared, or one for each.
    """

    colour_map: str = DEFAULT_COLOUR_MAP
    opacity: float = DEFAULT_OPACITY
    smooth: bool = True
    shared_scale: bool = True


@dataclass(frozen=True)
class ColourScale:
    """How values become colours.

    Attributes:
        low: The value at the lower end of the colour map.
        high: The value at its upper end, greater than `low`.
        colour_map: The colour map's name.
        fades: Whether the map is transparent where its value is zero, as contrasts are: a cell
            that speaks for neither side leaves its image as it is.
    """

    low: float
    high: float
    colour_map: str
    fades: bool = False

    def colours(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The colour of each value: (H, W) gives (H, W, 3), red, green, blue, 0..255."""
        import matplotlib

        shares = (values - self.low) / (self.high - self.low)
        return matplotlib.colormaps[self.colour_map](shares, bytes=True)[..., :3]

    def opacities(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """How opaque each value is, (H, W), 0..1: 1 unless the scale fades."""
        if not self.fades:
            return np.ones_like(values)
        return (np.abs(values) / (FADED * self.high)).clip(0, 1)


def colour_scale(*maps: NDArray[np.float32], colour_map: str = DEFAULT_COLOUR_MAP) -> ColourScale:
    """One scale for all the maps that are compared.

    Args:
        maps: Maps of any shapes, signed.
        colour_map: One of `COLOUR_MAPS`; used where no value is negative.

    Returns:
        From 0 to the largest value; or, where negative values occur, a diverging scale that is
        centred at 0.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    if colour_map not in COLOUR_MAPS:
        offered = ", ".join(COLOUR_MAPS)
        raise SettingsError(f"unknown colour map {colour_map!r}; choose one of {offered}")
    largest = max(float(np.abs(values).max()) for values in maps) or 1.0
    if min(float(values.min()) for values in maps) < -NEGLIGIBLE * largest:
        return ColourScale(-largest, largest, DIVERGING_COLOUR_MAP)
    return ColourScale(0.0, largest, colour_map)


@dataclass(frozen=True)
class MapPanel:
    """A picture with its map.

    Attributes:
        picture: RGB.
        map: (H, W).
        caption: Over the picture.
        is_hit: Whether it is of the query's class; None where that is not known.
        note: Under the caption.
    """

    picture: Image.Image
    map: NDArray[np.float32]
    caption: str
    is_hit: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class MapScales:
    """The colour scales of maps that are compared: one for all, or each its own.

    A map is asked for by itself, never by its place among the others, so that no map takes over
    another one's scale where one is left out:

        scales = MapScales.of_maps([pair.query_map, pair.match_map], style)
        overlay(query, pair.query_map, scales.of(pair.query_map), style)
        if scales.shared:
            add_colour_bar(figure, panels, scales.shared)

    Attributes:
        shared: The scale of all the maps; None where each has its own, or where there are none.
        colour_map: Of the maps that have their own; used where no value is negative.
        is_centred: Whether those are diverging and centred at zero whatever their signs.
    """

    shared: ColourScale | None
    colour_map: str
    is_centred: bool = False

    @classmethod
    def of_maps(cls, maps: Iterable[NDArray[np.float32]], style: FigureStyle) -> MapScales:
        """The scales of maps of any shapes, as the style says; there may be none.

        Raises:
            SettingsError: The colour map is not on offer.
        """
        shown = list(maps)
        is_shared = style.shared_scale and bool(shown)
        shared = colour_scale(*shown, colour_map=style.colour_map) if is_shared else None
        return cls(shared, style.colour_map)

    @classmethod
    def of_contrasts(cls, maps: Iterable[NDArray[np.float32]], style: FigureStyle) -> MapScales:
        """The scales of contrast maps: diverging, centred at zero whatever their signs, fading."""
        shown = list(maps)
        shared = _centred_scale(*shown) if style.shared_scale and shown else None
        return cls(shared, style.colour_map, is_centred=True)

    def faint(self, groups: Mapping[str, Iterable[NDArray[np.float32]]]) -> dict[str, float]:
        """The groups of maps that can hardly be seen on the shared scale.

        Args:
            groups: Maps by what they are of.

        Returns:
            The share of the scale that the strongest of their cells reaches, 0..1, where it is
            less than `FAINT`; nothing where each map has its own scale.
        """
        if self.shared is None:
            return {}
        most = max(abs(self.shared.low), abs(self.shared.high))
        reached = {
            name: max((float(np.abs(values).max()) for values in maps), default=most) / most
            for name, maps in groups.items()
        }
        return {name: share for name, share in reached.items() if share < FAINT}

    def of(self, values: NDArray[np.float32]) -> ColourScale:
        """The scale of one of the maps.

        Raises:
            SettingsError: The colour map is not on offer.
        """
        if self.shared is not None:
            return self.shared
        if self.is_centred:
            return _centred_scale(values)
        return colour_scale(values, colour_map=self.colour_map)


def _centred_scale(*maps: NDArray[np.float32]) -> ColourScale:
    largest = max(float(np.abs(values).max()) for values in maps) or 1.0
    return ColourScale(-largest, largest, DIVERGING_COLOUR_MAP, fades=True)


def upsample(
    values: NDArray[np.float32], width: int, height: int, smooth: bool = True
) -> NDArray[np.float32]:
    """Spread a map over the pixels of its image.

    Args:
        values: The map, (H, W).
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        smooth: Bilinear between the centres of the cells; otherwise each cell is a flat patch.

    Returns:
        (height, width). Each cell's value is kept at its centre, so where the cells tile the
        pixels evenly the sum grows by the number of pixels per cell, and by nothing else.
    """
    mode = {"mode": "bilinear", "align_corners": False} if smooth else {"mode": "nearest-exact"}
    batch = torch.from_numpy(np.ascontiguousarray(values))[None, None]
    return torch.nn.functional.interpolate(batch, size=(height, width), **mode)[0, 0].numpy()


def overlay(
    image: Image.Image, values: NDArray[np.float32], scale: ColourScale, style: FigureStyle
) -> Image.Image:
    """Lay a map over its image.

    Args:
        image: RGB; the map spans the whole of it.
        values: The map, (H, W).
        scale: How its values become colours.
        style: Its opacity, and whether it is smooth.

    Returns:
        RGB, of the image's size.
    """
    values = upsample(values, image.width, image.height, style.smooth)
    colours = Image.fromarray(scale.colours(values))
    if not scale.fades:
        return Image.blend(image, colours, style.opacity)
    opacities = (scale.opacities(values) * style.opacity * 255).round().astype(np.uint8)
    return Image.composite(colours, image, Image.fromarray(opacities))


def contrast_legend(label: str, other: str) -> str:
    """What the two ends of a contrast map's colours mean, in words."""
    return f"red: speaks for {label} · blue: speaks for {other}"


def shortened(caption: str, longest: int = LONGEST_CAPTION) -> str:
    """The caption in one line, its middle left out where it would run into its neighbour."""
    caption = visible(caption).replace("\n", "\\n")
    half = longest // 2
    return caption if len(caption) <= longest else f"{caption[:half]}…{caption[-half:]}"


def add_colour_bar(
    figure: FigureBase,
    panels: list[Axes],
    scale: ColourScale,
    label: str = CONTRIBUTION,
) -> None:
    """Show a scale beside some panels of a figure, and what it measures."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colours = ScalarMappable(Normalize(scale.low, scale.high), scale.colour_map)
    bar = figure.colorbar(colours, ax=panels, shrink=0.8, pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
