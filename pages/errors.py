"""Errors: which queries find another class first, and what are they taken for?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_ui.choices.page import gallery_and_network
from simviz_ui.choices.selection import chosen_selection, show_selection
from simviz_ui.errors.view import show_errors
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.serving.ending import end_page

st.title("Errors")
st.markdown(
    "Which queries find another class first, what are they taken for, and by how much? "
    "Click a row to see the wrong match beside the right one."
)
gallery, settings = gallery_and_network()
with st.container():
    index = gallery_index(gallery, settings)
if index is None:
    end_page()
selection = chosen_selection(gallery)
show_selection(selection)
show_errors(gallery, index, settings, selection)
