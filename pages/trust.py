"""Trust: how far can the maps of this network be trusted on this gallery?"""

import streamlit as st

from simviz_ui.choices.galleries import gallery_choice
from simviz_ui.choices.network import network_settings
from simviz_ui.navigation import enter_through_app
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.trust.view import show_trust

enter_through_app()
st.title("Trust")
st.markdown(
    "How far can the maps of this network be trusted on this gallery? What was measured, and what "
    "each number means for reading them."
)
gallery = gallery_choice()
settings = network_settings()
if gallery is None:
    st.info("Choose a gallery in the sidebar.")
    st.stop()
index = gallery_index(gallery, settings)
if index is None:
    st.stop()
show_trust(gallery, index, settings)
