"""Overview: what SimViz is, what it finds, and where to click."""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_ui.choices.galleries import gallery_choice
from simviz_ui.choices.network import network_settings
from simviz_ui.overview.stories import show_stories

gallery_choice()
network_settings(is_run=False)
st.title("SimViz")
st.markdown(
    "**Which regions of two images make them similar?** The cosine of their embeddings is a sum "
    "over spatial cells, exactly; each cell's share of it is laid over the image. Click a finding:"
)
show_stories()
LINKS = (
    ("pair", "Explain a pair of images", "compare"),
    ("search", "Search a gallery", "image_search"),
    ("region", "Search by a drawn region", "select"),
    ("map", "See the whole gallery as a map", "scatter_plot"),
    ("errors", "List the misses", "rule"),
    ("classes", "See what makes a class", "category"),
    ("features", "Find the features that carry a similarity", "bar_chart"),
    ("trust", "Test how far maps can be trusted", "verified"),
    ("checkpoints", "Follow a query through a training", "timeline"),
)
st.markdown("**What you can do** with the gallery and the network of the sidebar:")
with st.container(horizontal=True, gap="small"):
    for page, label, icon in LINKS:
        st.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", width="content")
