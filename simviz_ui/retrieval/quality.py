"""How well the network retrieves the gallery's classes, at a glance."""

import streamlit as st

from simviz_core.errors import GalleryError
from simviz_core.retrieval import (
    MOST_QUERIES,
    Coverage,
    GalleryIndex,
    RetrievalQuality,
    retrieval_quality,
)
from simviz_ui.display.messages import as_markdown
from simviz_ui.serving.with_index import kept_with


def index_quality(index: GalleryIndex) -> RetrievalQuality | None:
    """The quality of an index, computed once; None where there are no classes to find."""
    return kept_with(index, "quality", lambda: _quality(index))


def _quality(index: GalleryIndex) -> RetrievalQuality | None:
    try:
        with st.spinner("Asking for every image's nearest neighbours …"):
            return retrieval_quality(index, MOST_QUERIES)
    except GalleryError:
        return None


def misses(index: GalleryIndex, quality: RetrievalQuality) -> list[str]:
    """The ids of the images whose nearest neighbour is of another class."""
    return [index.images[row].id for row in quality.rows[~quality.is_hit]]


def show_coverage(coverage: Coverage | None) -> None:
    """Say how much of the gallery the figures beside it rest on, where that is not all of it."""
    if coverage is not None and coverage.note:
        st.caption(f":material/warning: What is shown here {as_markdown(coverage.note)}.")


def show_quality(quality: RetrievalQuality | None, index: GalleryIndex) -> None:
    """Recall@1, @5, @10 and mAP@R in one line, and how much of the gallery they rest on.

    Args:
        quality: The figures; None where there are no classes to find.
        index: That they are of.
    """
    show_coverage(index.coverage)
    if quality is None:
        st.caption("Recall@K needs a class with two images; this gallery has none.")
        return
    figures = [f"Recall@{k} **{recall:.1%}**" for k, recall in quality.recall_at.items()]
    figures.append(f"mAP@R **{quality.map_at_r:.1%}**")
    st.markdown(
        " · ".join(figures),
        help="Recall@K: the share of images with one of their class among the K nearest. mAP@R: "
        "mean average precision among the R nearest, R being the number of other images of the "
        f"class. {quality.queries:,} of {len(index.images):,} images were asked.",
    )
