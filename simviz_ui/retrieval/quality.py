"""How well the network retrieves the gallery's classes, at a glance."""

import streamlit as st

from simviz_core.errors import GalleryError
from simviz_core.gallery import NO_CONDITIONS, Conditions
from simviz_core.retrieval import (
    MOST_QUERIES,
    Coverage,
    GalleryIndex,
    RetrievalQuality,
    quality_of,
    retrieval_quality,
)
from simviz_ui.display.messages import as_markdown
from simviz_ui.retrieval.outcomes import are_known, outcomes_at_once
from simviz_ui.serving.with_index import kept_with


def index_quality(
    index: GalleryIndex, conditions: Conditions = NO_CONDITIONS
) -> RetrievalQuality | None:
    """The quality of an index, computed once; None where there are no classes to find.

    Of a large gallery it rests on a sample of the queries, until all of them have been asked.
    """
    try:
        if len(index.images) <= MOST_QUERIES or are_known(index, conditions):
            return quality_of(outcomes_at_once(index, conditions))
        return kept_with(index, f"quality {conditions}", lambda: _sampled(index, conditions))
    except GalleryError:
        return None


def _sampled(index: GalleryIndex, conditions: Conditions) -> RetrievalQuality:
    with st.spinner("Asking for nearest neighbours …"):
        return retrieval_quality(index, MOST_QUERIES, conditions=conditions)


def show_coverage(coverage: Coverage | None) -> None:
    """Say how much of the gallery the figures beside it rest on, where that is not all of it."""
    if coverage is not None and coverage.note:
        st.caption(f":material/warning: What is shown here {as_markdown(coverage.note)}.")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def show_quality(quality: RetrievalQuality | None, index: GalleryIndex) -> None:
    """Recall@1, @5, @10 and mAP@R in one line, and how much of the gallery they rest on.

    Args:
        quality: The figures; None where there are no classes to find.
        index: That they are of.
    """
    show_coverage(index.coverage)
    if quality is None:
        st.caption("Recall@K needs a class with two images to be found; there is none here.")
        return
    figures = [f"Recall@{k} **{recall:.1%}**" for k, recall in quality.recall_at.items()]
    figures.append(f"mAP@R **{quality.map_at_r:.1%}**")
    st.markdown(
        " · ".join(figures),
        help="Recall@K: the share of images with one of their class among the K nearest. mAP@R: "
        "mean average precision among the R nearest, R being the number of other images of the "
        f"class. {quality.queries:,} of {len(index.images):,} images were asked.",
    )
    if quality.conditions.has_two_sets:
        st.caption(as_markdown(f"{quality.conditions.words}."))
    elif quality.conditions:
        st.caption(as_markdown(f"Asked and found are {quality.conditions.sentence}."))
    if quality.copies_note:
        st.caption(f":material/content_copy: {as_markdown(_sentence(quality.copies_note))}.")
