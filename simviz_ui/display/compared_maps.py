"""The same images in columns, one for each pooling, with how widely each map is spread."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from simviz_core.figures import FigureStyle, MapScales, overlay, spread_line
from simviz_core.map_measures import map_spread
from simviz_ui.display.map_style import CONTRIBUTION, colour_bar, fitted

PANEL_BOX = (480, 360)
"""Pictures are shown as large as fits into this width and height, in pixels."""
SPREAD_HELP = (
    "Entropy of the map: −Σ p log₂ p, p being a cell's share of Σ|M|; an even map of 7 × 7 cells "
    "has 5.61 bits, one of 14 × 14 has 7.61. And the least number of cells whose |M| add up to "
    "90% of Σ|M|; for maps without negative values that is 90% of the similarity."
)


@dataclass(frozen=True)
class ComparedMap:
    """One image under its map.

    Attributes:
        picture: RGB.
        values: The map, (H, W).
        alt: What the picture shows, in words.
    """

    picture: Image.Image
    values: NDArray[np.float32]
    alt: str


@dataclass(frozen=True)
class ComparedColumn:
    """What is shown of one pooling (or of whatever else is compared).

    Attributes:
        title: Its name.
        label: What its figure measures, such as "Similarity".
        figure: The figure, as it is written.
        maps: The images that every column shows, in the same order.
    """

    title: str
    label: str
    figure: str
    maps: Sequence[ComparedMap]


def compared_maps(
    columns: Sequence[ComparedColumn], style: FigureStyle, measured: str = CONTRIBUTION
) -> MapScales:
    """Show columns of maps beside one another, on one colour scale or each on its own.

    Args:
        columns: At least one, each with at least one map.
        style: How the maps are shown; a shared scale is shared by all the columns.
        measured: What the maps' values are.

    Returns:
        The scales that they are shown with.
    """
    values = [shown.values for column in columns for shown in column.maps]
    scales = MapScales.of_maps(values, style)
    for place, column in zip(st.columns(len(columns), gap="medium"), columns, strict=True):
        with place:
            st.metric(f"{column.title} · {column.label}", column.figure)
            for shown in column.maps:
                scale = scales.of(shown.values)
                picture = fitted(shown.picture, PANEL_BOX)
                st.image(
                    overlay(picture, shown.values, scale, style),
                    alt=shown.alt,
                    output_format="JPEG",
                )
                st.caption(spread_line(map_spread(shown.values)), help=SPREAD_HELP)
                if not style.shared_scale:
                    colour_bar(scale, measured)
    if scales.shared:
        colour_bar(scales.shared, measured)
    return scales


def by_title(columns: Sequence[ComparedColumn]) -> dict[str, list[NDArray[np.float32]]]:
    """The maps of each column."""
    return {column.title: [shown.values for shown in column.maps] for column in columns}
