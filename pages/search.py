"""Search: which images of the gallery are most similar to this one, and why?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_ui.choices.image_picker import image_picker
from simviz_ui.choices.page import gallery_and_network
from simviz_ui.choices.selection import (
    chosen_selection,
    part_selected,
    show_selection,
    steps_inside,
)
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import hold, wanted
from simviz_ui.retrieval.conditions import asked_ids, chosen_conditions
from simviz_ui.retrieval.matches import make_query
from simviz_ui.retrieval.outcomes import misses
from simviz_ui.retrieval.panel import gallery_index, let_go_of_indexes
from simviz_ui.retrieval.quality import index_quality, show_quality
from simviz_ui.retrieval.tier import say_exact, tier_control, wants_approximate
from simviz_ui.search.poolings import show_poolings
from simviz_ui.search.view import show_matches
from simviz_ui.serving.ending import end_page

st.title("Search")
st.markdown(
    "Which images are most similar to the query, and which regions make them so? "
    "Point at a match to see the query's map for it."
)
gallery, settings = gallery_and_network()
is_approximate = not wanted("compare_poolings") and wants_approximate(gallery, settings)
index = gallery_index(gallery, settings, approximate=is_approximate)

with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    at_a_glance = st.empty()
    only_misses = st.toggle(
        "Only misses",
        **hold("only_misses"),
        disabled=index is None or not gallery.by_label,
        help="Step through the images whose nearest neighbour is of another class.",
    )
    compares = st.toggle(
        "Compare poolings",
        **hold("compare_poolings"),
        disabled=index is None,
        help="The matches with average, max and GeM pooling, one row each. Each needs an index of "
        "its own.",
    )
    if compares:
        say_exact("Poolings are compared exactly.")
    else:
        tier_control(gallery, settings)
steps = None
conditions = chosen_conditions(gallery)
selection = chosen_selection(gallery)
show_selection(selection)
searched = None if index is None else part_selected(index, selection)
if only_misses and searched is not None:
    steps = misses(gallery, searched, settings, conditions)
    if steps == []:
        st.info("There are no misses: every nearest neighbour is of its image's class.")
steps = asked_ids(gallery, conditions) if steps is None else steps
inside = steps_inside(selection, gallery, steps)
first = gallery.position[steps[0]] if steps and conditions.has_two_sets else 0
chosen = image_picker("query", "Query", gallery, first, inside, wide=True)
if index is None or searched is None or chosen is None:
    end_page()
try:
    query = make_query(chosen, gallery, settings)
except SimVizError as error:
    show_error(error)
    end_page()
if compares:
    show_poolings(gallery, index, query, settings)
else:
    let_go_of_indexes({"page"})
    show_matches(gallery, index, query, settings)
with at_a_glance.container():
    show_quality(index_quality(searched, conditions), searched)
