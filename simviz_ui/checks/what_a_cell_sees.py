"""What a cell sees: the pixels that can reach it, and those that do in this image."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from PIL import ImageDraw

from simviz_core.decomposition import cells_carrying
from simviz_core.errors import SimVizError
from simviz_core.evidence import ReceptiveField, cell_heat, receptive_field
from simviz_core.figures import FigureStyle, colour_scale, overlay
from simviz_ui.checks.checked import CheckedPair, kept_checks
from simviz_ui.display.map_style import fitted
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import hold
from simviz_ui.serving.resources import network_of

PICTURE_BOX = (480, 360)
OUTLINE, CELL = "#f5b301", "#ffffff"


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is known of one cell.

    Attributes:
        field: Pixels that can reach it; None where no way can be followed.
        heat: How strongly each place drives it, (H, W), shares.
    """

    field: ReceptiveField | None
    heat: NDArray[np.float32]


def what_a_cell_sees(pair: CheckedPair, row: int, column: int, style: FigureStyle) -> None:
    """Offer the receptive field of a cell, and show it where it is wanted.

    Args:
        pair: The image that the cell is on, and the one that it is compared with.
        row: Of the cell.
        column: Of the cell.
        style: How maps are shown.
    """
    is_wanted = st.toggle(
        "What this cell sees",
        **hold("cell_sees"),
        help="A cell responds to more of the image than it covers: the pixels that can reach it at "
        "all, and how strongly each of them drives its contribution here (a gradient).",
    )
    if not is_wanted:
        return
    kept, key = kept_checks(), pair.key("sees", row, column)
    try:
        if key not in kept:
            with st.spinner("Following the cell back to the pixels …"):
                network = network_of(pair.settings)
                unit = pair.other.unit_embedding
                heat = cell_heat(network, pair.chosen.picture.pixels, unit, row, column)
                kept[key] = _Seen(receptive_field(network, row, column), heat)
    except SimVizError as error:
        show_error(error)
        return
    except RuntimeError:
        # A program's network, or one with steps that have no gradient.
        st.info("This network gives no gradient that a cell could be followed back by.")
        return
    _show(pair, kept[key], row, column, style)


def _show(pair: CheckedPair, seen: _Seen, row: int, column: int, style: FigureStyle) -> None:
    left, right = st.columns(2, gap="medium")
    picture = fitted(pair.chosen.picture.pixels, PICTURE_BOX)
    shown = overlay(picture, seen.heat, colour_scale(seen.heat, colour_map=style.colour_map), style)
    rows, columns = pair.image.grid
    draw = ImageDraw.Draw(shown)
    cell = (column / columns, row / rows, (column + 1) / columns, (row + 1) / rows)
    for corners, colour in ((_outline(seen.field), OUTLINE), (cell, CELL)):
        if corners is not None:
            x0, y0, x1, y1 = (
                round(share * side) for share, side in zip(corners, shown.size * 2, strict=True)
            )
            draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=colour, width=3)
    words = f"row {row}, column {column}"
    left.image(shown, alt=f"What the cell in {words} sees", output_format="JPEG")
    half, most = (_share_carrying(seen.heat, share) for share in (0.5, 0.9))
    right.markdown(
        f"**Measured** (colours): half of what drives the contribution of {words} comes from "
        f"**{half:.0%}** of the image, 90% of it from {most:.0%}. The cell itself (white) covers "
        f"{1 / (rows * columns):.1%} and gives {_own_share(seen.heat, cell):.0%} of it. "
        "The gradient of the contribution at this very image, its size summed over colours."
    )
    field = seen.field
    if field is None:
        right.markdown(
            "**In theory**: no way from the pixels to the cell can be followed through this "
            "network's layers, as where attention compares; take it to see all of the image."
        )
        return
    right.markdown(
        f"**In theory** (yellow): {field.right - field.left} × {field.bottom - field.top} pixels "
        f"of the input's {field.width} × {field.height}, columns {field.left} to {field.right - 1} "
        f"and rows {field.top} to {field.bottom - 1}: {field.share:.0%} of the image can reach it."
    )


def _outline(field: ReceptiveField | None) -> tuple[float, float, float, float] | None:
    if field is None:
        return None
    return (
        field.left / field.width,
        field.top / field.height,
        field.right / field.width,
        field.bottom / field.height,
    )


def _share_carrying(heat: NDArray[np.float32], share: float) -> float:
    return cells_carrying(torch.from_numpy(heat), share).item()


def _own_share(heat: NDArray[np.float32], cell: tuple[float, float, float, float]) -> float:
    """The share of the heat that lies on the cell itself, whole squares of it."""
    height, width = heat.shape
    x0, x1 = (round(corner * width) for corner in cell[::2])
    y0, y1 = (round(corner * height) for corner in cell[1::2])
    return float(heat[y0:y1, x0:x1].sum(dtype=np.float64))
