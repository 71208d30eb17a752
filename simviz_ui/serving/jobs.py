"""Indexing in the background: one job per table, whoever asks for it."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    EmbeddingTable,
    IndexProgress,
    IndexReport,
    index_each,
)
from simviz_ui.serving.background import forget_ended, start_thread
from simviz_ui.serving.logs import session_name
from simviz_ui.serving.turns import TURNS

_log = logging.getLogger(__name__)
Wanted = tuple[Callable[[], SimilarityNetwork], EmbeddingTable]
"""What loads a network, and where its embeddings go."""


@dataclass
class IndexJob:
    """One gallery being indexed, in a thread of its own; with several networks, if need be.

    Attributes:
        progress: How far it has come; None before the first batch.
        report: What it did, once it has ended well; of the first table that it could fill.
        error: Why it failed, once it has failed; of the first table that it could not.
        errors: The same of each table that it could not fill, by the table's name.
        wanted_by: The sessions that wait for it.
        folder: Of the embeddings.
    """

    progress: IndexProgress | None = None
    report: IndexReport | None = None
    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    wanted_by: set[str] = field(default_factory=set)
    folder: Path | None = None
    _cancelled: Event = field(default_factory=Event)
    _thread: Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.report is None and self.error is None

    def error_of(self, table: EmbeddingTable) -> str | None:
        """Why a table could not be filled, once the job has ended."""
        return self.errors.get(table.name) if self.errors else self.error

    def start(
        self,
        gallery: Gallery,
        wanted: Sequence[Wanted],
        after: "Sequence[IndexJob]",
    ) -> None:
        """Start the thread, which waits until other jobs have ended where some are named."""
        self.folder = wanted[0][1].folder
        run = partial(self._run, gallery, wanted, after)
        self._thread = start_thread(run, "index", self._cancelled)

    def _run(
        self,
        gallery: Gallery,
        wanted: Sequence[Wanted],
        after: "Sequence[IndexJob]",
    ) -> None:
        def show(progress: IndexProgress) -> None:
            self.progress = progress

        def is_cancelled() -> bool:
            if not self._cancelled.is_set():
                TURNS.give_way()
            return self._cancelled.is_set()

        for job in after:
            if job._thread:
                job._thread.join()
        begun = time.monotonic()
        _log.info("%s: indexing %s begins", self._sessions(), gallery.source)
        try:
            targets = [partial(_target, *each) for each in wanted]
            with TURNS.background(self._words):
                results = index_each(gallery, targets, show, is_cancelled)
        except Exception as error:
            # Nobody else would hear of it, and the pages would wait for ever.
            _log.exception("%s: indexing %s failed", self._sessions(), gallery.source)
            self.error = f"indexing failed ({type(error).__name__}: {error})"
            return
        self.errors = {
            table.name: str(result)
            for (_, table), result in zip(wanted, results, strict=True)
            if isinstance(result, SimVizError)
        }
        for reason in self.errors.values():
            _log.warning("%s: indexing %s failed: %s", self._sessions(), gallery.source, reason)
        seconds = time.monotonic() - begun
        _log.info("%s: indexing %s ended, %.1f s", self._sessions(), gallery.source, seconds)
        self.error = next(iter(self.errors.values()), None)
        self.report = next((each for each in results if isinstance(each, IndexReport)), None)

    def _sessions(self) -> str:
        return f"for session {', '.join(sorted(map(session_name, tuple(self.wanted_by))))}"

    def _words(self) -> str:
        how_far = f", {self.progress.done:,} of {self.progress.total:,}" if self.progress else ""
        return f"a gallery is being indexed{how_far}"

    def give_up(self, session: str) -> bool:
        """Let a session wait no longer; the job ends when no session that is open waits for it.

        A reload of the page begins another session, and the one before it is gone.

        Returns:
            Whether the job ends.
        """
        self.wanted_by = {other for other in self.wanted_by - {session} if _is_open(other)}
        if not self.wanted_by:
            self._cancelled.set()
        return self._cancelled.is_set()

    def stop(self) -> None:
        """End the job, whoever waits for it, and wait until it has ended."""
        self._cancelled.set()
        if self._thread:
            self._thread.join()


def _target(
    load: Callable[[], SimilarityNetwork], table: EmbeddingTable
) -> tuple[SimilarityNetwork, EmbeddingTable]:
    return load(), table


def _is_open(session: str) -> bool:
    """Whether somebody's browser shows the session."""
    return st.runtime.exists() and st.runtime.get_instance().is_active_session(session)


class IndexJobs:
    """The jobs of this process."""

    def __init__(self) -> None:
        self._jobs: dict[str, IndexJob] = {}
        self._lock = Lock()

    def latest(self, table: EmbeddingTable) -> IndexJob | None:
        """The latest job on a table, running or ended."""
        return self._jobs.get(table.name)

    def all(self) -> list[IndexJob]:
        """The latest job on each table, running or ended."""
        return list(self._jobs.values())

    def stop(self, folder: Path) -> None:
        """End every job that writes below a folder, and wait until it has ended."""
        for job in self.all():
            if job.folder and job.folder.is_relative_to(folder):
                job.stop()

    def start(
        self,
        gallery: Gallery,
        wanted: Sequence[Wanted],
        session: str,
        after: Sequence[IndexJob] = (),
    ) -> IndexJob:
        """Start indexing, or join whoever is already waiting for the same.

        Args:
            gallery: What to index.
            wanted: Where embeddings go, and what loads the network of each, in the job's own
                thread. Images are read once for those that fit into memory together.
            session: Who waits for it.
            after: Jobs that have to end first, so that not all networks are in memory together.

        Returns:
            The job of the first table.
        """
        with self._lock:
            free = [(load, table) for load, table in wanted if not self._is_running(table)]
            if free:
                job = IndexJob(wanted_by={session})
                for _, table in free:
                    self._jobs.pop(table.name, None)
                    self._jobs[table.name] = job
                forget_ended(self._jobs)
                job.start(gallery, free, after)
            for _, table in wanted:
                self._jobs[table.name].wanted_by.add(session)
            return self._jobs[wanted[0][1].name]

    def _is_running(self, table: EmbeddingTable) -> bool:
        job = self._jobs.get(table.name)
        return job is not None and job.is_running


@st.cache_resource(show_spinner=False)
def index_jobs() -> IndexJobs:
    """The jobs of this process."""
    return IndexJobs()
