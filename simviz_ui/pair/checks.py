"""The Pair page's checks: blank cells and run the network again, and what a cell sees."""

import streamlit as st
import torch

from simviz_core.decomposition import DecomposedImage, similarity_map
from simviz_core.evidence import Fill, removed_cells, strongest_cells
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
    of_query = CheckedPair(query, *images, match.id, match.picture.digest, settings)
    of_match = CheckedPair(match, *images[::-1], query.id, query.picture.digest, settings)
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
    elif blank == PINNED and block is not None:
        weights = block.weights(pinned_on.image.grid)
        _show(pinned_on, weights, f"{pinned_on.chosen.id}, {_in_words(block)}", fill, style)
    else:
        count = min(int(count), cells)
        values = similarity_map(*images).numpy(force=True)
        words = f"{query.id}, its {'strongest cell' if count == 1 else f'{count} strongest cells'}"
        _show(of_query, strongest_cells(values, count), words, fill, style)
    all_cells(pinned_on if blank == PINNED else of_query, fill)


def _show(
    pair: CheckedPair, weights: torch.Tensor, words: str, fill: Fill, style: FigureStyle
) -> None:
    part = tuple(weights.flatten().nonzero().flatten().tolist())
    show_occlusion(pair, words, part, lambda network: removed_cells(weights, network), fill, style)


def _in_words(block: CellBlock) -> str:
    if block.cells == 1:
        return f"row {block.top}, column {block.left}"
    return f"rows {block.top}–{block.bottom}, columns {block.left}–{block.right}"
