"""Features: which components of the embedding carry a similarity?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.features import pair_line
from simviz_ui.choices.image_picker import image_picker
from simviz_ui.choices.page import gallery_and_network
from simviz_ui.display.messages import show_error
from simviz_ui.features.channels import show_channels
from simviz_ui.features.curves import curve_choice, show_curves
from simviz_ui.navigation import hold
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.serving.ending import end_page
from simviz_ui.serving.resources import decomposed

st.title("Features")
st.markdown(
    "Few components of the embedding carry most of a similarity. Which, and what do they look at?"
)
gallery, settings = gallery_and_network()
with st.container():
    index = gallery_index(gallery, settings)
if index is None:
    end_page()
choice = curve_choice(settings, bool(index.classes))
if not index.classes:
    st.info("The gallery has no classes to draw pairs from; choose one pair instead.")
curves = st.container()
is_pair = st.toggle(
    "One pair",
    **hold("one_pair"),
    help="The curve of one pair, and the channels that contribute most to it.",
)
pair = None
if is_pair:
    with st.container():
        query = image_picker("query", "Query", gallery, 0, wide=True)
        match = image_picker("match", "Match", gallery, 1, wide=True)
    if query is None or match is None:
        end_page()
    try:
        i, j = decomposed([query.picture, match.picture], settings)
        pair = pair_line(i, j, "This pair")
        if pair is None:
            st.info("These two images are not similar at all: there is nothing to share out.")
        show_channels(gallery, index, settings, query, match)
    except SimVizError as error:
        show_error(error)
with curves:
    show_curves(gallery, index, settings, choice, pair)
