"""Checkpoints: what did the network learn, and when?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_ui.checkpoints.changed_queries import show_most_changed
from simviz_ui.checkpoints.choice import checkpoint_choice
from simviz_ui.checkpoints.followed_query import followed_query
from simviz_ui.checkpoints.indexes import checkpoint_indexes
from simviz_ui.checkpoints.runs import run_choice, watch_runs
from simviz_ui.checkpoints.view import show_checkpoints
from simviz_ui.choices.galleries import gallery_choice
from simviz_ui.choices.page import NO_GALLERY
from simviz_ui.serving.ending import end_page

st.title("Checkpoints")
st.markdown("What did the network learn to look at, and when? Follow a query through a training.")
gallery = gallery_choice()
if gallery is None:
    st.info(NO_GALLERY)
    end_page()
row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
runs = run_choice(row)
if runs is None:
    watch_runs()
    end_page()
chosen = checkpoint_choice(runs, row)
followed = followed_query(gallery, runs)
with st.container():  # so that what follows keeps its place, whether progress is shown or not
    places = checkpoint_indexes(gallery, chosen)
if followed is None:
    end_page()
show_checkpoints(places, followed)
show_most_changed(gallery, places, followed.all_classes)
watch_runs()
