"""Which row of a table was clicked."""

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

Row = TypeVar("Row")


def clicked_row(table: str, rows: Sequence[Row]) -> Row | None:
    """What the row that was clicked stands for; for the callback of a table, once a click.

    The table takes a click on the row that is marked already for one that takes the mark away.
    Whoever clicks it wants it again: what it led to may have been left since.

    Args:
        table: The key of the table, of which one row can be marked.
        rows: What its rows stand for, in their order.

    Returns:
        It; None where no row was marked before, either.
    """
    last = f"{table}_clicked"
    marked = st.session_state[table].selection.rows
    if marked:
        st.session_state[last] = marked[0]
    place = st.session_state.get(last)
    return rows[place] if place is not None and place < len(rows) else None
