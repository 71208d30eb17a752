"""How well the network retrieves the gallery's classes, at a glance."""

from dataclasses import replace

import numpy as np
import streamlit as st
from cachetools import LRUCache

from simviz_core.errors import GalleryError
from simviz_core.gallery import NO_CONDITIONS, Conditions
from simviz_core.retrieval import (
    MOST_QUERIES,
    Coverage,
    GalleryIndex,
    QueryOutcomes,
    RetrievalQuality,
    quality_of,
    query_outcomes,
    retrieval_quality,
)
from simviz_ui.display.messages import as_markdown
from simviz_ui.serving.with_index import kept_with

_NO_INDEX = GalleryIndex((), np.zeros((0, 0), dtype=np.float32))
KEPT = 4
"""Conditions under which what every query finds is kept, of each index."""


def index_outcomes(index: GalleryIndex, conditions: Conditions = NO_CONDITIONS) -> QueryOutcomes:
    """What every image finds, asked once: which of them are hits and which are misses.

    Raises:
        GalleryError: No class has two images that may be found.
    """
    kept = _kept(index)
    if conditions not in kept:
        bar = st.progress(0.0, "Asking for every image's nearest neighbours …")

        def show(done: int, total: int) -> None:
            text = f"Asking for nearest neighbours: {done:,} of {total:,} images …"
            bar.progress(done / total, text)

        try:
            found = query_outcomes(index, on_progress=show, conditions=conditions)
        finally:
            bar.empty()
        # What is kept with an index must not hold it, or it would never be let go of.
        kept[conditions] = replace(found, index=_NO_INDEX)
    return replace(kept[conditions], index=index)


def index_quality(
    index: GalleryIndex, conditions: Conditions = NO_CONDITIONS
) -> RetrievalQuality | None:
    """The quality of an index, computed once; None where there are no classes to find.

    Of a large gallery it rests on a sample of the queries, until all of them have been asked.
    """
    try:
        if conditions in _kept(index) or len(index.images) <= MOST_QUERIES:
            return quality_of(index_outcomes(index, conditions))
        return kept_with(index, f"quality {conditions}", lambda: _sampled(index, conditions))
    except GalleryError:
        return None


def _kept(index: GalleryIndex) -> "LRUCache[Conditions, QueryOutcomes]":
    return kept_with(index, "outcomes", lambda: LRUCache(KEPT))


def _sampled(index: GalleryIndex, conditions: Conditions) -> RetrievalQuality:
    with st.spinner("Asking for nearest neighbours …"):
        return retrieval_quality(index, MOST_QUERIES, conditions=conditions)


def misses(index: GalleryIndex, conditions: Conditions = NO_CONDITIONS) -> list[str] | None:
    """The ids of the images whose nearest neighbour is of another class; None without classes."""
    try:
        return index_outcomes(index, conditions).missed
    except GalleryError:
        return None


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
    if quality.conditions:
        st.caption(as_markdown(f"Asked and found are {quality.conditions.sentence}."))
