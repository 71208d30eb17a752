"""An image that is chosen on a page, and choosing one."""

from dataclasses import dataclass

import streamlit as st

from simviz_core.images import LoadedImage


@dataclass(frozen=True)
class ChosenImage:
    """An image that is chosen on a page.

    Attributes:
        id: Its gallery id, or its upload id; what the page and the link show.
        path: The path to name in a command; of an upload, its file name.
        picture: The image itself.
    """

    id: str
    path: str
    picture: LoadedImage


def choose_image(key: str, image_id: str) -> None:
    """Choose an image for the picker of that key; for callbacks."""
    st.session_state[key] = image_id
