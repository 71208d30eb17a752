"""What every image of a gallery finds: asked once, in the background where that takes long."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st
from cachetools import LRUCache

from simviz_core.errors import GalleryError, SimVizError
from simviz_core.gallery import NO_CONDITIONS, Conditions, Gallery
from simviz_core.misses import outcomes_key, read_outcomes, save_outcomes
from simviz_core.networks.settings import NetworkSettings
from simviz_core.projection import content_of
from simviz_core.retrieval import (
    EmbeddingTable,
    GalleryIndex,
    QueryOutcomes,
    query_outcomes,
)
from simviz_ui.display.messages import show_error
from simviz_ui.retrieval.panel import index_table
from simviz_ui.retrieval.progress import offer_job, show_job
from simviz_ui.serving.background import Job, Jobs, Show, showing_until_cancelled
from simviz_ui.serving.with_index import kept_with

AT_ONCE_UP_TO = 5000
"""As many images are asked while the page waits, which takes a second or two."""
UNASKED_UP_TO = 25_000
"""As many are asked in the background without asking the user first, for half a minute; more
take minutes."""
KEPT = 4
"""Conditions under which what every query finds is kept, of each index."""
_NO_INDEX = GalleryIndex((), np.zeros((0, 0), dtype=np.float32))


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[QueryOutcomes]:
    """The galleries being asked in this process."""
    return Jobs("asking")


def index_outcomes(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    conditions: Conditions = NO_CONDITIONS,
) -> QueryOutcomes | None:
    """What every image finds, asked once: which of them are hits and which are misses.

    Args:
        gallery: The gallery.
        index: Its embeddings, or those of a part of it.
        settings: By this network.
        conditions: On the columns of the gallery's manifest.

    Returns:
        None while they are being asked in the background, or where that was ended, has failed or
        has to be asked for; the page says so.

    Raises:
        GalleryError: No class has two images that may be found.
    """
    if are_known(index, conditions) or len(index.images) <= AT_ONCE_UP_TO:
        return outcomes_at_once(index, conditions)
    query_outcomes(index, most_queries=1, conditions=conditions)  # whether there is one at all
    try:
        table = index_table(gallery, settings)
    except SimVizError as error:
        show_error(error)
        return None
    content = index_content(index)
    key = outcomes_key(content, index, conditions)
    job = _jobs().latest(key)
    found = (job.value if job else None) or read_outcomes(index, conditions, key, table)
    if found is not None:
        return _keep(found, index)
    if job is not None and job.is_running:
        _show_progress(job, key)
    elif job is None and len(index.images) <= UNASKED_UP_TO:
        _show_progress(_start(index, conditions, key, table), key)
    else:
        _offer(index, conditions, key, table, job)
    return None


def index_content(index: GalleryIndex) -> str:
    """What tells an index from any other, found out once; see `content_of`."""
    return kept_with(index, "content", lambda: content_of(index))


def misses(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    conditions: Conditions = NO_CONDITIONS,
) -> list[str] | None:
    """The ids of the images whose nearest neighbour is of another class.

    Args: As of `index_outcomes`.

    Returns:
        None without classes, and while the images are being asked.
    """
    try:
        found = index_outcomes(gallery, index, settings, conditions)
    except GalleryError:
        return None
    return None if found is None else found.missed


def outcomes_at_once(index: GalleryIndex, conditions: Conditions = NO_CONDITIONS) -> QueryOutcomes:
    """The same while the page waits: for few images, or where `are_known` says so.

    Raises:
        GalleryError: No class has two images that may be found.
    """
    kept = _kept(index)
    if conditions in kept:
        return replace(kept[conditions], index=index)
    bar = st.progress(0.0, "Asking for every image's nearest neighbours …")

    def show(done: int, total: int) -> None:
        bar.progress(done / total, f"Asking for nearest neighbours: {done:,} of {total:,} images …")

    try:
        return _keep(query_outcomes(index, on_progress=show, conditions=conditions), index)
    finally:
        bar.empty()


def are_known(index: GalleryIndex, conditions: Conditions = NO_CONDITIONS) -> bool:
    """Whether the images have been asked under these conditions."""
    return conditions in _kept(index)


def _kept(index: GalleryIndex) -> "LRUCache[Conditions, QueryOutcomes]":
    return kept_with(index, "outcomes", lambda: LRUCache(KEPT))


def _keep(found: QueryOutcomes, index: GalleryIndex) -> QueryOutcomes:
    # What is kept with an index must not hold it, or it would never be let go of.
    _kept(index)[found.conditions] = replace(found, index=_NO_INDEX)
    return replace(found, index=index)


def _start(
    index: GalleryIndex, conditions: Conditions, key: str, table: EmbeddingTable
) -> Job[QueryOutcomes]:
    def work(show: Show, is_cancelled: Callable[[], bool]) -> QueryOutcomes:
        step = showing_until_cancelled(show, is_cancelled)
        found = query_outcomes(
            index, on_progress=lambda done, total: step(done, total, ""), conditions=conditions
        )
        with suppress(OSError):  # then they are asked again after a restart
            save_outcomes(found, key, table)
        return replace(found, index=_NO_INDEX)

    return _jobs().start(key, work)


def _offer(
    index: GalleryIndex,
    conditions: Conditions,
    key: str,
    table: EmbeddingTable,
    job: Job[QueryOutcomes] | None,
) -> None:
    if job is not None and job.error:
        show_error(job.error)
    offer_job(
        f"The {len(index.images):,} images have not been asked for their nearest neighbours "
        "yet. That is done once, in the background, and kept with the index.",
        ":material/rule:",
        "Ask them",
        f"ask_{key[:8]}",
        partial(_start, index, conditions, key, table),
    )


def _show_progress(job: Job[QueryOutcomes], key: str) -> None:
    show_job(job, _words, f"cancel_asking_{key[:8]}")


def _words(job: Job[QueryOutcomes]) -> str:
    if not job.total:
        return "Asking for every image's nearest neighbours …"
    return f"Asking for nearest neighbours: {job.done:,} of {job.total:,} images …"
