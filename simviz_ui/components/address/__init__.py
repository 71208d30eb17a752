"""Put a link into the browser's address bar without an entry in its history."""

from itertools import count

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from simviz_ui.components.assets import asset

_address = st.components.v2.component("simviz_address", js=asset("address/address.js"))
_numbers = count(1)


def replace_address(page: str, link: str, number: int | None = None) -> int:
    """Replace the parameters in the address bar; does nothing once another page is open.

    Streamlit's own query parameters make an entry in the history each time they are set. Where
    the next run begins at once the browser may drop what it was given without having drawn it.

    Args:
        page: The last part of the page's address.
        link: The parameters, encoded.
        number: What an earlier call gave, to say the same again.

    Returns:
        The number of this replacement. The browser makes it once: an element may be drawn again
        long after the link has changed.
    """
    context = get_script_run_ctx()
    session = context.session_id if context else ""
    number = number or next(_numbers)
    data = {"page": page, "link": link, "session": session, "number": number}
    _address(data=data, key=f"address {number}", height=0)
    return number
