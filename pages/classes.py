"""Classes: what makes a class a class, and what tells it from another?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_core.classes import NO_CLASSES
from simviz_ui.choices.page import gallery_and_network
from simviz_ui.choices.selection import chosen_selection, part_selected, show_selection
from simviz_ui.classes.choice import class_choice
from simviz_ui.classes.matrix import RESULT, show_class_matrix
from simviz_ui.classes.view import show_classes, sums_of
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.serving.ending import end_page

st.title("Classes")
st.markdown("What do the images of a class have in common, and what tells it from another class?")
gallery, settings = gallery_and_network()
with st.container():
    index = gallery_index(gallery, settings)
if index is None:
    end_page()
selection = chosen_selection(gallery)
show_selection(selection)
index = part_selected(index, selection)
if not index.classes:
    st.info(f"There is nothing to show: {NO_CLASSES}.")
    end_page()
sums = sums_of(index)
with st.container(key=RESULT):
    choice = class_choice(sums)
show_classes(gallery, sums, choice, settings)
show_class_matrix(sums, choice.labels)
