"""Bring a gallery's index up to date from a page, and get hold of it."""

import operator
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from threading import Lock
from weakref import WeakValueDictionary

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from simviz_core.errors import DamagedStoreError, SimVizError, StoreError
from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    EmbeddingTable,
    GalleryIndex,
    IndexPlan,
    embedding_table,
    load_index,
    plan_index,
)
from simviz_ui.choices.galleries import upload_folder
from simviz_ui.display.messages import name_each, show_error
from simviz_ui.navigation import fragment
from simviz_ui.retrieval.progress import offer_job
from simviz_ui.serving.jobs import IndexJob, index_jobs
from simviz_ui.serving.resources import network_fingerprint, network_of
from simviz_ui.serving.with_index import keep_alike

AT_ONCE_UP_TO = 1000
"""As many images are indexed without asking first."""
MANY_EMBEDDINGS = 20_000
"""From so many on it is said that they are being read."""
ONE_RUN = " One run of the network does it for all poolings that are compared."


def gallery_index(
    gallery: Gallery,
    settings: NetworkSettings,
    beside: str | None = None,
    together: Sequence[NetworkSettings] = (),
    approximate: bool = False,
) -> GalleryIndex | None:
    """The gallery's embeddings; what is missing is indexed in the background.

    Args:
        gallery: The gallery.
        settings: The network.
        beside: What it is needed for beside the index of the page, as `loaded_index` has it. Then
            nothing is indexed before it is asked for, and unreadable files are not named again.
        together: The same network with other poolings, which are indexed in the same run as far
            as they are not yet.
        approximate: As for `load_index`.

    Returns:
        The index, of all images or of those that have been indexed so far; None where there is
        none yet, after the page has said what to do.
    """
    try:
        table = index_table(gallery, settings)
        job = index_jobs().latest(table)
        plan = current_plan(gallery, table, job)
    except SimVizError as error:
        show_error(error)
        return None
    if job is not None and job.is_running:
        job.wanted_by.add(session_id())
        _show_progress(job, table.name)
    elif not plan.is_empty:
        _offer(gallery, [settings, *together], table, plan, job, is_aside=beside is not None)
    if beside is None:
        _show_unreadable(plan)
    try:
        purpose = beside or "page"
        if not _has_any(gallery, plan):
            return None
        return loaded_index(gallery, table, purpose, approximate)
    except StoreError as error:
        show_error(error)
        st.button(
            "Index again",
            on_click=_restart,
            args=(gallery, [settings]),
            icon=":material/build:",
            key=f"index_again_{table.name}",
        )
        return None
    except SimVizError as error:
        show_error(error)
        return None


def index_table(gallery: Gallery, settings: NetworkSettings) -> EmbeddingTable:
    """Where the embeddings of a gallery by a network are, or are to go.

    Raises:
        SimVizError: See `network_fingerprint` and `embedding_table`.
    """
    return embedding_table(gallery, network_fingerprint(settings), folder=upload_folder(gallery))


def ready_index(gallery: Gallery, settings: NetworkSettings) -> GalleryIndex | None:
    """The gallery's embeddings where all of it is indexed; nothing is started.

    Returns:
        The index; None where some of the gallery is not indexed yet, or it cannot be read.
    """
    try:
        table = index_table(gallery, settings)
        job = index_jobs().latest(table)
        plan = current_plan(gallery, table, job)
        if (job is not None and job.is_running) or plan.new or plan.changed:
            return None
        return loaded_index(gallery, table, "page") if _has_any(gallery, plan) else None
    except SimVizError:
        return None  # the pages that need it say why


def _has_any(gallery: Gallery, plan: IndexPlan) -> bool:
    missing = len(plan.new) + len(plan.changed) + len(plan.unreadable)
    return missing < len(gallery.images)


def _offer(
    gallery: Gallery,
    wanted: Sequence[NetworkSettings],
    table: EmbeddingTable,
    plan: IndexPlan,
    job: IndexJob | None,
    is_aside: bool,
) -> None:
    """Start indexing if it is little work; else, or if it was stopped or failed, offer it."""
    count = len(plan.new) + len(plan.changed)
    if job is not None and job.error:
        show_error(job.error)
    elif (
        count <= AT_ONCE_UP_TO
        and not is_aside
        and not (job and job.report and job.report.was_cancelled)
    ):
        _show_progress(_start(gallery, wanted), table.name)
        return
    offer_job(
        f"{count:,} of {len(gallery.images):,} images are not indexed "
        f"{'with this pooling ' if is_aside else ''}yet. Indexing runs in the background and "
        f"goes on where it was stopped.{ONE_RUN if len(wanted) > 1 else ''}",
        ":material/database:",
        "Index them",
        f"index_{table.name}",
        partial(_start, gallery, wanted),
    )


def _start(gallery: Gallery, wanted: Sequence[NetworkSettings]) -> IndexJob:
    targets = [(partial(network_of, s), index_table(gallery, s)) for s in wanted]
    return index_jobs().start(gallery, targets, session_id())


def _restart(gallery: Gallery, wanted: Sequence[NetworkSettings]) -> None:
    _start(gallery, wanted)


@fragment(0.5)
def _show_progress(job: IndexJob, name: str) -> None:
    """How far indexing a table has come; runs the page anew when it has ended."""
    if not job.is_running:
        st.rerun()
    progress = job.progress
    if progress is None:
        bar, text = 0.0, "Indexing the gallery …"
    else:
        bar = progress.done / progress.total
        text = (
            f"Indexing the gallery: {progress.done:,} of {progress.total:,} images · "
            f"{progress.rate:.0f} images/s · {duration(progress.seconds_left)} left"
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(bar, text, width="stretch")
        if st.button("Cancel", icon=":material/stop:", key=f"cancel_{name}"):
            if not job.give_up(session_id()):
                st.toast("Another session is waiting for this index; it goes on for that one.")
            else:
                st.toast("Indexing stops after this batch. What is done is kept.")


def duration(seconds: float) -> str:
    """A span of time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show_unreadable(plan: IndexPlan) -> None:
    if count := len(plan.unreadable):
        name_each(
            f"{count:,} {'file' if count == 1 else 'files'} of the gallery cannot be read and "
            f"{'is' if count == 1 else 'are'} left out",
            [row.error or row.id for row in plan.unreadable],
            icon=":material/broken_image:",
        )
    if count := len(plan.absent):
        name_each(
            f"{count:,} {'file' if count == 1 else 'files'} of the gallery "
            f"{'is' if count == 1 else 'are'} not there now; what was indexed is kept, and found",
            plan.absent,
            icon=":material/folder_off:",
        )


def current_plan(gallery: Gallery, table: EmbeddingTable, job: IndexJob | None) -> IndexPlan:
    """What has to be indexed.

    Files are looked at once per session for a listing of the gallery, a job that has ended, and a
    table that is there; while a job is running its plan changes all the time.
    """
    is_settled = job is None or not job.is_running
    plans: dict[str, _Planned] = st.session_state.setdefault("index_plans", {})
    planned = plans.get(table.name)
    made_for = gallery, job, table.is_there
    if planned and is_settled and all(map(operator.is_, planned.made_for, made_for)):
        return planned.plan
    try:
        plan = plan_index(gallery, table)
    except DamagedStoreError:
        # Indexing starts from nothing.
        plan = IndexPlan(gallery.images, (), (), (), ())
    if is_settled:
        plans[table.name] = _Planned(made_for, plan)
    return plan


@dataclass(frozen=True)
class _Planned:
    """A plan, with the listing, the ended job, and whether the table was there, as it was made."""

    made_for: tuple[Gallery, IndexJob | None, bool]
    plan: IndexPlan


def session_id() -> str:
    """What tells this session from others."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


@dataclass(frozen=True)
class _HeldIndex:
    """An index in memory.

    Attributes:
        gallery: The listing that it was read for.
        version: Of the table that it was read from.
        index: The embeddings.
    """

    gallery: Gallery
    version: int
    index: GalleryIndex


def loaded_index(
    gallery: Gallery, table: EmbeddingTable, purpose: str, approximate: bool = False
) -> GalleryIndex:
    """The index in memory: held by the sessions that use it, one copy for all of them.

    Args:
        gallery: The gallery.
        table: With at least one of its images.
        purpose: What the session needs it for; it lets go of what it held for the same before.
        approximate: As for `load_index`.

    Returns:
        The index.

    Raises:
        StoreError: The table is damaged.
        GalleryError: The table has no image of the gallery.
    """
    key, version = (str(table.folder), table.name, gallery.level), table.version
    shared, lock = _shared_indexes()
    with lock:
        alike = [shared.get((*key, tier)) for tier in (approximate, not approximate)]
        held, other = (
            each if each and each.gallery is gallery and each.version == version else None
            for each in alike
        )
        if held is None:
            with _reading(len(gallery.images)):
                index = load_index(gallery, table, approximate)
            held = shared[*key, approximate] = _HeldIndex(gallery, version, index)
            if other is not None:
                keep_alike(other.index, index)
    st.session_state.setdefault("gallery_indexes", {})[purpose] = held
    return held.index


def _reading(count: int) -> AbstractContextManager[None]:
    """Say that many are being read; the first time, what searches need is made of them."""
    if count < MANY_EMBEDDINGS:
        return nullcontext()
    return st.spinner(f"Reading {count:,} embeddings …", show_time=True)


def let_go_of_indexes(purposes: Collection[str]) -> None:
    """Hold the indexes of no other purposes than these any more."""
    held = st.session_state.get("gallery_indexes", {})
    for purpose in set(held) - set(purposes):
        del held[purpose]


@st.cache_resource(show_spinner=False)
def _shared_indexes() -> "tuple[WeakValueDictionary[tuple[str, str, str, bool], _HeldIndex], Lock]":
    """Every index that a session holds; it goes when the last one lets go of it."""
    return WeakValueDictionary(), Lock()
