"""Measuring in the background: one job per index, whoever asks for it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event, Lock, Thread

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.evidence import TrustReport, measure_trust, save_trust
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import EmbeddingTable, GalleryIndex


class _Cancelled(Exception):
    """Nobody waits for the report any more."""


@dataclass
class TrustJob:
    """One report being measured, in a thread of its own.

    Attributes:
        done: Steps that are done.
        total: Steps that there are; 0 before the first one.
        step: What was done last.
        report: What was measured, once it has ended well.
        error: Why it failed, or why the report could not be kept.
        was_cancelled: Whether it was ended before it was done.
    """

    done: int = 0
    total: int = 0
    step: str = ""
    report: TrustReport | None = None
    error: str | None = None
    was_cancelled: bool = False
    _cancelled: Event = field(default_factory=Event)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.report is None and self.error is None and not self.was_cancelled

    def start(
        self,
        gallery: Gallery,
        load: Callable[[], SimilarityNetwork],
        index: GalleryIndex,
        table: EmbeddingTable,
    ) -> None:
        """Start the thread."""
        arguments = (gallery, load, index, table)
        Thread(target=self._run, args=arguments, name="simviz-trust", daemon=True).start()

    def cancel(self) -> None:
        """Have it end after the step that it is in."""
        self._cancelled.set()

    def _run(
        self,
        gallery: Gallery,
        load: Callable[[], SimilarityNetwork],
        index: GalleryIndex,
        table: EmbeddingTable,
    ) -> None:
        # Files that cannot be read have no embedding.
        readable = replace(gallery, images=tuple(index.images))
        try:
            report = measure_trust(load(), readable, index, self._show)
            save_trust(report, table)
            self.report = report
        except _Cancelled:
            self.was_cancelled = True
        except (SimVizError, OSError) as error:
            self.error = str(error)
        except Exception as error:
            # Nobody else would hear of it, and the page would wait for ever.
            logging.getLogger(__name__).exception("measuring failed")
            self.error = f"measuring failed ({type(error).__name__}: {error})"

    def _show(self, done: int, total: int, step: str) -> None:
        self.done, self.total, self.step = done, total, step
        if self._cancelled.is_set():
            raise _Cancelled


class TrustJobs:
    """The jobs of this process."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], TrustJob] = {}
        self._lock = Lock()

    def latest(self, table: EmbeddingTable) -> TrustJob | None:
        """The latest job on an index, running or ended."""
        return self._jobs.get(_key(table))

    def start(
        self,
        gallery: Gallery,
        load: Callable[[], SimilarityNetwork],
        index: GalleryIndex,
        table: EmbeddingTable,
    ) -> TrustJob:
        """Start measuring, or join whoever is already waiting for the same."""
        with self._lock:
            job = self._jobs.get(_key(table))
            if job is None or not job.is_running:
                job = self._jobs[_key(table)] = TrustJob()
                job.start(gallery, load, index, table)
            return job


def _key(table: EmbeddingTable) -> tuple[str, str]:
    return str(table.folder), table.name


@st.cache_resource(show_spinner=False)
def trust_jobs() -> TrustJobs:
    """The jobs of this process."""
    return TrustJobs()
