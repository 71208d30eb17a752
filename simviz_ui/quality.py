"""How well the network retrieves the gallery's classes, at a glance."""

from weakref import WeakKeyDictionary

import streamlit as st

from simviz_core.errors import GalleryError
from simviz_core.evaluation import RetrievalQuality, retrieval_quality
from simviz_core.retrieval import GalleryIndex

MOST_QUERIES = 2000
"""Of larger galleries as many images are asked, drawn at random; the page says so."""


def index_quality(index: GalleryIndex) -> RetrievalQuality | None:
    """The quality of an index, computed once; None where there are no classes to find."""
    known = _qualities()
    if index not in known:
        try:
            with st.spinner("Asking for every image's nearest neighbours …"):
                known[index] = retrieval_quality(index, MOST_QUERIES)
        except GalleryError:
            known[index] = None
    return known[index]


def misses(index: GalleryIndex, quality: RetrievalQuality) -> list[str]:
    """The ids of the images whose nearest neighbour is of another class."""
    return [index.images[row].id for row in quality.rows[~quality.is_hit]]


def show_quality(quality: RetrievalQuality | None, images: int) -> None:
    """Recall@1, @5, @10 and mAP@R in one row.

    Args:
        quality: The figures; None where there are no classes to find.
        images: How many images the index has.
    """
    if quality is None:
        st.caption("Recall@K needs a class with two images; this gallery has none.")
        return
    asked = f"{quality.queries:,} of {images:,} images were asked."
    with st.container(horizontal=True, gap="large", wrap=True):
        for k, recall in quality.recall_at.items():
            st.metric(
                f"Recall@{k}",
                f"{recall:.1%}",
                help=f"Share of images with one of their class among the {k} nearest. {asked}",
                width="content",
            )
        st.metric(
            "mAP@R",
            f"{quality.map_at_r:.1%}",
            help="Mean average precision among the R nearest, R being the number of other images "
            f"of the class: 100 % only if the whole class comes first. {asked}",
            width="content",
        )


@st.cache_resource(show_spinner=False)
def _qualities() -> "WeakKeyDictionary[GalleryIndex, RetrievalQuality | None]":
    return WeakKeyDictionary()
