"""Pictures, maps over them, and the colour scale that they have in common."""

import base64
import html
import io

import matplotlib
import numpy as np
import streamlit as st
from matplotlib.colors import to_hex
from numpy.typing import NDArray
from PIL import Image

from simviz_core.figures import (
    ColourScale,
    FigureStyle,
    upsample,
)
from simviz_core.figures.maps import CONTRIBUTION


def colour_bar(scale: ColourScale, measured: str = CONTRIBUTION) -> None:
    """The colour scale with its ends and its middle, and what it measures."""
    colour_map = matplotlib.colormaps[scale.colour_map]
    stops = ", ".join(to_hex(colour_map(share)) for share in np.linspace(0, 1, 17))
    values = (scale.low, (scale.low + scale.high) / 2, scale.high)
    ticks = "".join(f"<span>{value:.3g}</span>" for value in values)
    st.html(
        f'<div style="max-width:26rem;font-size:.8rem">'
        f'<div style="height:.7rem;border-radius:.2rem;'
        f'background:linear-gradient(to right, {stops})"></div>'
        f'<div style="display:flex;justify-content:space-between">{ticks}</div>'
        f'<div style="opacity:.75">{html.escape(measured)}</div></div>'
    )


def fitted(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """The image, as large as fits into a width and height in pixels."""
    factor = min(box[0] / image.width, box[1] / image.height)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)


def as_data_uri(image: Image.Image) -> str:
    """The image as a JPEG in a data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def heat_uri(
    picture: Image.Image, values: NDArray[np.float32], scale: ColourScale, style: FigureStyle
) -> str:
    """A map alone as a data URI, to be laid over its picture by the browser.

    Args:
        picture: What it is laid over; the map has its proportions.
        values: The map, (H, W).
        scale: How its values become colours, and where they are transparent.
        style: Whether the map is smooth. Its opacity is up to the browser.
    """
    factor = HEAT_SIDE / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    spread = upsample(values, width, height, style.smooth)
    opacities = (scale.opacities(spread) * 255).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([scale.colours(spread), opacities]), "RGBA").save(
        buffer, "WEBP", quality=90, method=0, lossless=not style.smooth
    )
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


HEAT_SIDE = 320
"""The longer side of a map, in pixels. It has far fewer cells: more would show nothing more."""
CARD_BOX = (400, 400)
"""Pictures of matches are as large as fits into this width and height, in pixels."""
