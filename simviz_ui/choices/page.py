"""What nearly every page begins with: a gallery and a network, chosen in the sidebar."""

import streamlit as st

from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_ui.choices.galleries import gallery_choice
from simviz_ui.choices.network import network_settings
from simviz_ui.serving.ending import end_page

NO_GALLERY = "Choose a gallery in the sidebar. Where the one chosen cannot be opened, it says why."


def gallery_and_network() -> tuple[Gallery, NetworkSettings]:
    """Show both choices; where no gallery is open the page says so and ends."""
    gallery, settings = gallery_choice(), network_settings()
    if gallery is None:
        st.info(NO_GALLERY)
        end_page()
    return gallery, settings
