"""What a cell sees: the pixels that can reach it, and those that do in this image."""

import json

import streamlit as st
from PIL import Image

from simviz_core.cli.evidence.check import check_command
from simviz_core.errors import SimVizError
from simviz_core.evidence import SeenByCell, seen_as_json, seen_by_cell
from simviz_core.figures import FigureStyle, field_figure, field_picture
from simviz_core.pairs import CellBlock
from simviz_ui.checks.checked import CheckedPair, kept_checks
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import fitted
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import hold
from simviz_ui.serving.resources import network_of
from simviz_ui.serving.turns import network_turn

PICTURE_BOX = (480, 360)


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
            network = network_of(pair.settings)
            with network_turn(), st.spinner("Following the cell back to the pixels …"):
                kept[key] = seen_by_cell(
                    network,
                    pair.chosen.picture.pixels,
                    pair.image.grid,
                    pair.other.unit_embedding,
                    row,
                    column,
                )
    except SimVizError as error:
        show_error(error)
        return
    _show(pair, kept[key], style)


def _show(pair: CheckedPair, seen: SeenByCell, style: FigureStyle) -> None:
    left, right = st.columns(2, gap="medium")
    shown = _picture(seen, fitted(pair.seen, PICTURE_BOX), style)
    words = f"row {seen.row}, column {seen.column}"
    left.image(shown, alt=f"What the cell in {words} sees", output_format="JPEG")
    right.markdown(f"**Measured** (colours): {as_markdown(seen.measured)}")
    right.markdown(f"**In theory**: {as_markdown(seen.in_theory)}")
    names = pair.chosen.path, pair.other_path

    def figure(file_format: str) -> bytes:
        words = f"Measured: {seen.measured}\nIn theory: {seen.in_theory}"
        picture = _picture(seen, pair.seen, style)
        return field_figure(picture, (pair.title, words), file_format)

    def numbers() -> str:
        return json.dumps(seen_as_json(seen, *names, pair.settings), indent=1)

    cell = CellBlock("query", seen.row, seen.column, seen.row, seen.column)
    export_row(
        {
            **figure_files("cell", figure, "What it sees"),
            "What it sees (JSON)": ("cell.json", numbers),
        },
        check_command(*names, pair.settings, style, cell, shown=pair.chosen.picture.value_range),
        key="sees_files",
    )


def _picture(seen: SeenByCell, picture: Image.Image, style: FigureStyle) -> Image.Image:
    field = None if seen.field is None else seen.field.outline
    return field_picture(picture, seen.heat, seen.outline, field, style)
