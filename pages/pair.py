"""Pair: why are these two images similar?"""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import random
from functools import cache, partial

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.gallery import Gallery, random_pair
from simviz_ui.choices.image_picker import image_picker
from simviz_ui.choices.page import gallery_and_network
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import choose, remember, view
from simviz_ui.pair.pinned_cells import pinned_cells
from simviz_ui.pair.view import show_features, show_maps, show_score
from simviz_ui.retrieval.panel import ready_index
from simviz_ui.retrieval.standing import show_standing
from simviz_ui.serving.ending import end_page
from simviz_ui.serving.resources import explain, pairs_of_cells


def pair_tools(gallery: Gallery) -> None:
    """Buttons that change both images at once."""

    def draw(same_class: bool) -> None:
        query, match = random_pair(gallery, same_class, random.Random())
        choose(query=query, match=match)

    def swap() -> None:
        shown = view()
        choose(query=shown.match, match=shown.query)
        if shown.cell is not None:
            remember(cell=shown.cell.swapped)  # it stays on its image

    classes = gallery.by_label
    largest = max((len(images) for images in classes.values()), default=0)
    st.button("Swap", icon=":material/swap_horiz:", on_click=swap, shortcut="S")
    st.button(
        "Random, same class",
        icon=":material/shuffle:",
        on_click=draw,
        args=(True,),
        disabled=largest < 2,
        help="Needs a class of two images." if largest < 2 else None,
        shortcut="M",
    )
    st.button(
        "Random, different classes",
        icon=":material/shuffle:",
        on_click=draw,
        args=(False,),
        disabled=len(classes) < 2,
        help="Needs two classes." if len(classes) < 2 else None,
        shortcut="D",
    )


# In a small window the pictures need the room more than what newcomers are told.
LAYOUT = (
    "<style>@media (max-height: 800px) and (max-width: 1100px) {"
    " .stMainBlockContainer { padding-top: 3rem; }"
    " .st-key-pair_question { display: none; } }</style>"
)

st.html(LAYOUT)
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    st.title("Pair", width="content")
    tools = st.container(horizontal=True, gap="small")
with st.container(key="pair_question"):
    st.markdown(
        "Which regions make these two images similar? The colours are what each cell contributes; "
        "point at one to see its counterparts."
    )
gallery, settings = gallery_and_network()

with tools:
    pair_tools(gallery)
left, right = st.columns(2, gap="medium")
with left:
    query = image_picker("query", "Query", gallery, default=0)
with right:
    match = image_picker("match", "Match", gallery, default=1)
if query is None or match is None:
    st.info("Choose another image to see the maps.")
    end_page()

try:
    pair = explain(query.picture, match.picture, settings)
    cells = pairs_of_cells(query.picture, match.picture, settings)
except SimVizError as error:
    show_error(error)
    end_page()

beside = show_score(pair)
pinned = pinned_cells(cells, {"query": query.id, "match": match.id})
ask_index = cache(partial(ready_index, gallery, settings))
show_maps(pair, cells, query, match, pinned, gallery, ask_index)
index = ask_index()
if index is None:
    beside.caption(
        "Is that high? Once the gallery is indexed with this network, which the Search page does, "
        "this says where it stands among the gallery's own pairs."
    )
else:
    show_standing(pair.similarity, index, sentence=beside)
st.subheader("Features")
show_features(pair)
