"""Region: which images match this part of the query?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_ui.choices.image_picker import image_picker
from simviz_ui.choices.page import gallery_and_network
from simviz_ui.choices.selection import chosen_selection, show_selection, steps_inside
from simviz_ui.display.messages import show_error
from simviz_ui.region.view import region_search
from simviz_ui.retrieval.conditions import asked_ids, chosen_conditions
from simviz_ui.retrieval.matches import make_query
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.retrieval.tier import tier_control, wants_approximate
from simviz_ui.serving.ending import end_page

st.html("<style>.st-key-rankings { min-width: min(100%, 26rem); }</style>")
st.title("Region")
st.markdown("Which images match **this part** of the query? Draw on it; the ranking follows.")
gallery, settings = gallery_and_network()
index = gallery_index(gallery, settings, approximate=wants_approximate(gallery, settings))
tier_control(gallery, settings)
selection = chosen_selection(gallery)
show_selection(selection)
asked = asked_ids(gallery, chosen_conditions(gallery))
steps = steps_inside(selection, gallery, asked)
first = gallery.position[asked[0]] if asked else 0
chosen = image_picker("query", "Query", gallery, first, steps, wide=True)
if index is None or chosen is None:
    end_page()
try:
    query = make_query(chosen, gallery, settings)
except SimVizError as error:
    show_error(error)
    end_page()
region_search(gallery, index, query, settings)
