"""Trust: how far can the maps of this network be trusted on this gallery?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_ui.choices.page import gallery_and_network
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.serving.ending import end_page
from simviz_ui.trust.view import show_trust

st.title("Trust")
st.markdown(
    "How far can the maps of this network be trusted on this gallery? What was measured, and what "
    "each number means for reading them."
)
gallery, settings = gallery_and_network()
index = gallery_index(gallery, settings)
if index is None:
    end_page()
show_trust(gallery, index, settings)
