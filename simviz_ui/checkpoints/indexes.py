"""The gallery's embeddings by every checkpoint of a run, made in the background."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from simviz_core.errors import CheckpointError, SimVizError
from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import EmbeddingTable, GalleryIndex, embedding_table
from simviz_core.runs import Run, RunCheckpoint, checkpoint_settings
from simviz_ui.choices.galleries import upload_folder
from simviz_ui.navigation import fragment
from simviz_ui.retrieval.panel import (
    AT_ONCE_UP_TO,
    current_plan,
    duration,
    let_go_of_indexes,
    loaded_index,
    session_id,
)
from simviz_ui.retrieval.progress import offer_job
from simviz_ui.serving.jobs import IndexJob, index_jobs
from simviz_ui.serving.resources import changed_at, network_fingerprint, network_of


@dataclass(frozen=True)
class CheckpointIndex:
    """A checkpoint of a run, and how far it can be used.

    Attributes:
        run: The run.
        checkpoint: The checkpoint.
        settings: Its network.
        index: The gallery, embedded by it; None while that is being made.
        error: Why it cannot be used.
        job: What makes the index.
    """

    run: Run
    checkpoint: RunCheckpoint
    settings: NetworkSettings
    index: GalleryIndex | None = None
    error: str | None = None
    job: IndexJob | None = None


@dataclass(frozen=True)
class _Wanted:
    """An index that is still to be made.

    Attributes:
        settings: The checkpoint's network.
        table: Where the embeddings go.
        images: How many are missing.
        was_cancelled: Whether somebody has stopped making it.
    """

    settings: NetworkSettings
    table: EmbeddingTable
    images: int
    was_cancelled: bool


def checkpoint_indexes(
    gallery: Gallery, chosen: Sequence[tuple[Run, RunCheckpoint]]
) -> list[CheckpointIndex]:
    """The gallery's embeddings by each checkpoint; what is missing is made in the background.

    The images are read once for all checkpoints whose networks fit into memory together. A large
    gallery is not indexed before the user has asked for it.

    Args:
        gallery: The gallery.
        chosen: The checkpoints, with their runs.

    Returns:
        One for each, in their order.
    """
    found: list[CheckpointIndex] = []
    fingerprints: list[str] = []
    wanted: list[_Wanted] = []
    for run, checkpoint in chosen:
        settings = checkpoint_settings(run, checkpoint)
        place = CheckpointIndex(run, checkpoint, settings)
        try:
            fingerprints.append(_fingerprint(settings))
            found.append(_look(gallery, place, fingerprints[-1], wanted))
        except SimVizError as error:
            found.append(CheckpointIndex(run, checkpoint, settings, error=str(error)))
    let_go_of_indexes({"page", *fingerprints})
    running = [place.job for place in found if place.job and place.job.is_running]
    if wanted:
        if len(gallery.images) <= AT_ONCE_UP_TO and not any(job.was_cancelled for job in wanted):
            _start(gallery, wanted, running)
            st.rerun()
        _offer(gallery, wanted)
    if running:
        ready = sum(place.index is not None for place in found)
        _show_progress(running, ready, len(found))
    return found


def _look(
    gallery: Gallery, place: CheckpointIndex, fingerprint: str, wanted: list[_Wanted]
) -> CheckpointIndex:
    """How far a checkpoint can be used; what is still to be made is added to `wanted`."""
    table = embedding_table(gallery, fingerprint, folder=upload_folder(gallery))
    job = index_jobs().latest(table)
    if job is not None and job.is_running:
        job.wanted_by.add(session_id())
        return CheckpointIndex(place.run, place.checkpoint, place.settings, job=job)
    plan = current_plan(gallery, table, job)
    if job is not None and (error := job.error_of(table)):
        return CheckpointIndex(place.run, place.checkpoint, place.settings, error=error)
    if plan.is_empty:
        index = loaded_index(gallery, table, fingerprint)
        return CheckpointIndex(place.run, place.checkpoint, place.settings, index)
    was_cancelled = bool(job and job.report and job.report.was_cancelled)
    missing = len(plan.new) + len(plan.changed)
    wanted.append(_Wanted(place.settings, table, missing, was_cancelled))
    return place


def _fingerprint(settings: NetworkSettings) -> str:
    """The fingerprint of a checkpoint's network; why a file is refused is remembered, too.

    Raises:
        CheckpointError: The file cannot be read, or does not fit.
        NetworkError: The pretrained weights cannot be had.
    """
    changed = changed_at(Path(settings.checkpoint)) if settings.checkpoint else 0
    refused = _refusal(settings, changed)
    if refused is not None:
        raise CheckpointError(refused)
    return network_fingerprint(settings)


@st.cache_data(max_entries=512, show_spinner="Reading the checkpoints …", show_time=True)
def _refusal(settings: NetworkSettings, changed: int) -> str | None:
    try:
        network_fingerprint(settings)
    except CheckpointError as error:
        return str(error)
    return None


def _start(gallery: Gallery, wanted: Sequence[_Wanted], running: Sequence[IndexJob]) -> None:
    """Index with the checkpoints, when what is running has ended."""
    targets = [(partial(network_of, job.settings), job.table) for job in wanted]
    index_jobs().start(gallery, targets, session_id(), after=running[-1:])


def _offer(gallery: Gallery, wanted: Sequence[_Wanted]) -> None:
    images = sum(job.images for job in wanted)
    offer_job(
        f"{len(wanted)} checkpoints have not indexed the gallery yet: {images:,} images to "
        "embed. It runs in the background and goes on where it was stopped.",
        ":material/database:",
        "Index them",
        "index_checkpoints",
        partial(_start, gallery, wanted, ()),
    )


@fragment(0.5)
def _show_progress(jobs: Sequence[IndexJob], ready: int, count: int) -> None:
    """How far indexing has come; runs the page anew whenever a checkpoint is ready."""
    running = [job for job in jobs if job.is_running]
    if len(running) < len(jobs):
        st.rerun()
    progress = next((job.progress for job in running if job.progress), None)
    bar, text = 0.0, "Indexing the gallery with the checkpoints …"
    if progress is not None:
        bar = progress.done / progress.total
        text = (
            f"Indexing the gallery with the checkpoints: {ready} of {count} are ready, the next "
            f"have {progress.done:,} of {progress.total:,} images · "
            f"{duration(progress.seconds_left)} left for these"
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(bar, text, width="stretch")
        if st.button("Cancel", icon=":material/stop:", key="cancel_indexing"):
            for job in running:
                job.give_up(session_id())
            st.toast("Indexing stops after this batch. What is done is kept.")
