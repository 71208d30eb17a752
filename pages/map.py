"""Map: which images of the gallery lie near one another?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_ui.choices.image_picker import image_picker
from simviz_ui.choices.page import gallery_and_network
from simviz_ui.choices.selection import chosen_selection, steps_inside
from simviz_ui.gallery_map.view import map_of, show_map
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.serving.ending import end_page

st.title("Map")
st.markdown(
    "Which images of the gallery lie near one another? Point at a dot to see its picture, click it "
    "to make it the query, draw around some to look at them alone."
)
gallery, settings = gallery_and_network()
index = gallery_index(gallery, settings)
selection = chosen_selection(gallery)
query = image_picker(
    "query", "Query", gallery, 0, steps_inside(selection, gallery, None), wide=True
)
if index is None:
    end_page()
found = map_of(gallery, index, settings)
if found is None:
    end_page()
show_map(gallery, index, settings, found, query, selection)
