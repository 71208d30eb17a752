"""The Pair page's checks: blank cells and run the network again, and what a cell sees."""

import streamlit as st

from simviz_core.decomposition import DecomposedImage
from simviz_core.evidence import BlankedPart
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import CellBlock
from simviz_ui.checks.all_cells import all_cells
from simviz_ui.checks.checked import CheckedPair
from simviz_ui.checks.occlusion import fill_choice, occlusion_wanted, show_occlusion
from simviz_ui.checks.what_a_cell_sees import what_a_cell_sees
from simviz_ui.chosen import ChosenImage
from simviz_ui.navigation import hold

PINNED, STRONGEST = "pinned", "strongest"


def pair_checks(
    query: ChosenImage,
    match: ChosenImage,
    images: tuple[DecomposedImage, DecomposedImage],
    block: CellBlock | None,
    settings: NetworkSettings,
    style: FigureStyle,
) -> None:
    """Offer the checks, and show those that are wanted.

    Args:
        query: One image.
        match: The other image.
        images: Both, decomposed.
        block: The cells that are pinned; None for none.
        settings: The network.
        style: How maps are shown.
    """
    of_query, of_match = (
        CheckedPair(one, *both, other.id, other.path, other.picture.digest, settings)
        for one, other, both in ((query, match, images), (match, query, images[::-1]))
    )
    pinned_on = of_match if block is not None and block.side == "match" else of_query
    if block is not None and block.cells == 1:
        what_a_cell_sees(pinned_on, block.top, block.left, style)
    if not occlusion_wanted("the strongest cells, or those that are pinned,"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        blank = st.segmented_control(
            "Blank",
            [STRONGEST, PINNED],
            required=True,
            format_func=lambda name: "Strongest cells" if name == STRONGEST else "Pinned cells",
            **hold("blank"),
        )
        cells = images[0].grid[0] * images[0].grid[1]
        count = st.number_input(
            "How many",
            1,
            50,
            **hold("blanked_cells"),
            width=110,
            disabled=blank == PINNED,
            help="Of the query's cells, those that contribute most.",
        )
        fill = fill_choice()
    if blank == PINNED and block is None:
        st.info("Pin a cell of either image, or drag over several, to blank them.")
    elif blank == PINNED:
        show_occlusion(pinned_on, BlankedPart(block=block), fill, style)
    else:
        show_occlusion(of_query, BlankedPart(min(int(count), cells)), fill, style)
    all_cells(pinned_on if blank == PINNED else of_query, fill, style)
