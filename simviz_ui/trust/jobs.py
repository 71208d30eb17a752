"""Measuring in the background: one job per index, whoever asks for it."""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from simviz_core.evidence import TrustReport, measure_trust, save_trust
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import EmbeddingTable, GalleryIndex
from simviz_ui.serving.background import Job, Jobs, Show, showing_until_cancelled


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[TrustReport]:
    """The reports being measured in this process."""
    return Jobs("measuring")


def latest_measuring(table: EmbeddingTable) -> Job[TrustReport] | None:
    """The latest job on an index, running or ended."""
    return _jobs().latest(_key(table))


def start_measuring(
    gallery: Gallery,
    load: Callable[[], SimilarityNetwork],
    index: GalleryIndex,
    table: EmbeddingTable,
) -> None:
    """Start measuring, or join whoever is already waiting for the same."""

    def work(show: Show, is_cancelled: Callable[[], bool]) -> TrustReport:
        step = showing_until_cancelled(show, is_cancelled)
        # Files that cannot be read have no embedding.
        readable = replace(gallery, images=tuple(index.images))
        report = measure_trust(load(), readable, index, step)
        save_trust(report, table)
        return report

    _jobs().start(_key(table), work)


def _key(table: EmbeddingTable) -> str:
    return f"{table.folder}/{table.name}"
