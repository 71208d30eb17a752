"""Errors: which queries find another class first, and what are they taken for?"""

import streamlit as st

from simviz_ui.choices.galleries import gallery_choice
from simviz_ui.choices.network import network_settings
from simviz_ui.errors.view import show_errors
from simviz_ui.navigation import enter_through_app
from simviz_ui.retrieval.panel import gallery_index

enter_through_app()
st.title("Errors")
st.markdown(
    "Which queries find another class first, what are they taken for, and by how much? "
    "Click a row to see the wrong match beside the right one."
)
gallery = gallery_choice()
settings = network_settings()
if gallery is None:
    st.info("Choose a gallery in the sidebar.")
    st.stop()
with st.container():
    index = gallery_index(gallery, settings)
if index is None:
    st.stop()
show_errors(gallery, index, settings)
