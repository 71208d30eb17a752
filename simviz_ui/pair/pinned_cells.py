"""The cells that are pinned on the Pair page: part of the link, and kept through a page switch."""

import streamlit as st

from simviz_core.errors import SettingsError
from simviz_core.pairs.cells import CellBlock, CellPairs, Side, cell_block
from simviz_ui.navigation import PAIR_PAGE, open_page, remember, view

PINNED_ON = "pinned_on"
"""In the session: the id of the image that the pinned block lies on."""


def pinned_cells(pairs: CellPairs, images: dict[Side, str]) -> CellBlock | None:
    """The block that is pinned in this session, or by the link.

    A block stays as long as its own image does, whichever image it is compared with.

    Args:
        pairs: The pairs of cells of both images.
        images: The ids of both images.

    Returns:
        The block; None where there is none, or where its image or its grid is another now.
    """
    block = view().cell
    if block is None:
        st.session_state.pop(PINNED_ON, None)
        return None
    # One that came with a link lies on whatever image the link names.
    image_id = st.session_state.setdefault(PINNED_ON, images[block.side])
    if image_id != images[block.side] or not block.lies_in(pairs.map_of(block.side).shape):
        pin_cells("", images)
        return None
    return block


def pin_cells(text: str, images: dict[Side, str]) -> None:
    """Pin a block, or nothing for an empty text; for callbacks."""
    try:
        block = cell_block(text) if text else None
    except SettingsError:
        block = None
    st.session_state.pop(PINNED_ON, None)
    if block is not None:
        st.session_state[PINNED_ON] = images[block.side]
    remember(cell=block)


def open_pinned(match_id: str, block: CellBlock) -> None:
    """Have the Pair page opened on the query and a match, with a block pinned; for callbacks."""
    st.session_state.pop(PINNED_ON, None)
    open_page(PAIR_PAGE, match=match_id, cell=block)


def pinned_now() -> CellBlock | None:
    """The block that is pinned at this moment, which a fragment may know before its page does."""
    return view().cell
