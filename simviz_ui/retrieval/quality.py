"""How well the network retrieves the gallery's classes, at a glance."""

from weakref import WeakKeyDictionary

import streamlit as st

from simviz_core.errors import GalleryError
from simviz_core.retrieval import MOST_QUERIES, GalleryIndex, RetrievalQuality, retrieval_quality


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
    """Recall@1, @5, @10 and mAP@R in one line.

    Args:
        quality: The figures; None where there are no classes to find.
        images: How many images the index has.
    """
    if quality is None:
        st.caption("Recall@K needs a class with two images; this gallery has none.")
        return
    figures = [f"Recall@{k} **{recall:.1%}**" for k, recall in quality.recall_at.items()]
    figures.append(f"mAP@R **{quality.map_at_r:.1%}**")
    st.markdown(
        " · ".join(figures),
        help="Recall@K: the share of images with one of their class among the K nearest. mAP@R: "
        "mean average precision among the R nearest, R being the number of other images of the "
        f"class. {quality.queries:,} of {images:,} images were asked.",
    )


@st.cache_resource(show_spinner=False)
def _qualities() -> "WeakKeyDictionary[GalleryIndex, RetrievalQuality | None]":
    return WeakKeyDictionary()
