"""Overview: what SimViz is, and where to click."""

from pathlib import Path

import streamlit as st

from simviz_ui.choices.galleries import gallery_choice
from simviz_ui.choices.network import network_settings
from simviz_ui.navigation import enter_through_app

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pair.png"

enter_through_app()
gallery_choice()
network_settings()
st.title("SimViz")
st.markdown(
    "A similarity network embeds images so that similar ones lie close together. "
    "SimViz shows **which regions of two images make them similar**: the cosine of their "
    "embeddings is a sum over spatial cells, and each cell's share of it is laid over the image. "
    "The shares add up to the similarity exactly, and the Pair page shows the check."
)
st.page_link("pages/pair.py", label="**Explain a pair of images**", icon=":material/compare:")
st.page_link("pages/search.py", label="**Search a gallery**", icon=":material/image_search:")
st.page_link("pages/region.py", label="**Search by a drawn region**", icon=":material/select:")
st.page_link("pages/classes.py", label="**See what makes a class**", icon=":material/category:")
st.page_link(
    "pages/features.py",
    label="**Find the features that carry a similarity**",
    icon=":material/bar_chart:",
)
st.page_link(
    "pages/checkpoints.py",
    label="**Follow a query through the checkpoints of a training**",
    icon=":material/timeline:",
)
if PICTURE.is_file():
    st.image(
        str(PICTURE),
        caption="Two views of one hotel room of the demo gallery: the brighter a cell, the more "
        "it contributes.",
        width=980,
        alt="Two photos of a hotel room side by side, each with its similarity map laid over it",
    )
