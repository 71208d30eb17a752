"""The cells that are pinned on the Pair page: part of the link, and kept through a page switch."""

import streamlit as st

from simviz_core.errors import SettingsError
from simviz_core.pairs import CellBlock, CellPairs, Side, cell_block

PARAMETER = "cell"
"""Of the link: a block of cells, such as `query,3,5`."""
PINNED = "pinned_cells"
"""In the session: the block and the id of its image, or None."""


def pinned_cells(pairs: CellPairs, images: dict[Side, str]) -> CellBlock | None:
    """The block that is pinned in this session, or by the link that it began with.

    A block stays as long as its own image does, whichever image it is compared with.

    Args:
        pairs: The pairs of cells of both images.
        images: The ids of both images.

    Returns:
        The block; None where there is none, or where its image or its grid is another now.
    """
    if PINNED not in st.session_state:
        linked = _read(st.query_params.get(PARAMETER, ""))
        st.session_state[PINNED] = (linked, images[linked.side]) if linked else None
    held: tuple[CellBlock, str] | None = st.session_state[PINNED]
    if held is not None:
        block, image_id = held
        if image_id != images[block.side] or not block.lies_in(pairs.map_of(block.side).shape):
            held = st.session_state[PINNED] = None
    _link(held[0] if held else None)
    return held[0] if held else None


def pin_cells(text: str, images: dict[Side, str]) -> None:
    """Pin a block, or nothing for an empty text; for callbacks."""
    block = _read(text)
    st.session_state[PINNED] = (block, images[block.side]) if block else None
    _link(block)


def pinned_now() -> CellBlock | None:
    """The block that is pinned at this moment, which a fragment may know before its page does."""
    held: tuple[CellBlock, str] | None = st.session_state.get(PINNED)
    return held[0] if held else None


def _read(text: str) -> CellBlock | None:
    """The block that a text names; what it does not understand is passed over."""
    try:
        return cell_block(text)
    except SettingsError:
        return None


def _link(block: CellBlock | None) -> None:
    if st.query_params.get(PARAMETER, "") == (str(block) if block else ""):
        return
    if block:
        st.query_params[PARAMETER] = str(block)
    else:
        st.query_params.pop(PARAMETER, None)
