"""Reports of the checkpoints that a page shows: made once, and kept."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import streamlit as st
from cachetools import LRUCache

from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import SimVizError
from simviz_core.following import (
    CheckpointReport,
    FollowedQuery,
    RunReport,
    checkpoint_report,
    held_out_rows,
)
from simviz_core.gallery import Gallery
from simviz_core.images import LoadedImage
from simviz_core.retrieval import AllowedRows, GalleryIndex
from simviz_core.runs import Run
from simviz_ui.checkpoints.indexes import CheckpointIndex
from simviz_ui.chosen import ChosenImage
from simviz_ui.retrieval.quality import index_quality
from simviz_ui.serving.resources import decomposed, gallery_picture, with_weights_and_engine
from simviz_ui.serving.with_index import kept_with

TOP = 3
"""Matches of a checkpoint, as in the paper's figure 5."""
SECONDS_TO_WAIT = 1.5
"""After as long, what has been computed is shown."""
REPORTS = 64
"""Reports that are kept of each index."""


@dataclass(frozen=True)
class Followed:
    """What is followed through the checkpoints.

    Attributes:
        gallery: Where matches are found.
        chosen: The query, as it was chosen.
        query: The query.
        partner: The image that it is followed with, as it was chosen, if any.
        objects: The categories of the masks that the maps' share is measured of.
        own_objects: Whether they were chosen, and are not the gallery's own.
        all_classes: Whether images of the classes that training saw are searched, too.
    """

    gallery: Gallery
    chosen: ChosenImage
    query: FollowedQuery
    partner: ChosenImage | None
    objects: tuple[str, ...]
    own_objects: bool
    all_classes: bool


def rows_to_search(place: CheckpointIndex, all_classes: bool) -> AllowedRows:
    """Which images of a checkpoint's index are searched, (N,)."""
    assert place.index is not None
    return held_out_rows(place.index, () if all_classes else place.run.held_out)


def kept_report(place: CheckpointIndex, followed: Followed) -> CheckpointReport | None:
    """The report of a checkpoint, if it has been made already."""
    if place.error is not None:
        return CheckpointReport(place.checkpoint, error=place.error)
    if place.index is None:
        return None
    return _reports(place.index).get(_key(place, followed))


def make_missing(places: Sequence[CheckpointIndex], followed: Followed) -> bool:
    """Make reports that are missing, for as long as the page may stay as it is.

    Returns:
        Whether there were any.
    """
    start, count = time.perf_counter(), 0
    for place in places:
        if place.index is not None and kept_report(place, followed) is None:
            with st.spinner(f"Looking with iteration {place.checkpoint.iteration:,} …"):
                _make_report(place, followed)
            count += 1
            if time.perf_counter() - start > SECONDS_TO_WAIT:
                break
    return count > 0


def _make_report(place: CheckpointIndex, followed: Followed) -> None:
    assert place.index is not None
    rows = rows_to_search(place, followed.all_classes)
    try:
        settings = with_weights_and_engine(place.settings)
        report = replace(
            checkpoint_report(
                place.checkpoint,
                place.index,
                followed.query,
                rows,
                TOP,
                partial(_decomposed, place),
                index_quality(_part(place.index, rows)),
                place.settings.frame,
                gallery_picture,
            ),
            weights=settings.weights_line,
            engine=settings.engine,
        )
    except SimVizError as error:
        report = CheckpointReport(place.checkpoint, error=str(error))
    _reports(place.index)[_key(place, followed)] = report


def _decomposed(place: CheckpointIndex, images: Sequence[LoadedImage]) -> list[DecomposedImage]:
    return decomposed(images, place.settings)


def _reports(index: GalleryIndex) -> "LRUCache[tuple[object, ...], CheckpointReport]":
    """What has been seen with an index, in all sessions; it goes with the index."""
    return kept_with(index, "reports", lambda: LRUCache(REPORTS))


def _key(place: CheckpointIndex, followed: Followed) -> tuple[object, ...]:
    query, partner = followed.query, followed.query.partner
    return (
        place.settings,
        place.checkpoint,
        place.run.held_out,
        query.picture.digest,
        query.id,
        query.relative_to.choice,
        query.relative_to.picture and query.relative_to.picture.digest,
        partner and partner.digest,
        followed.objects,
        followed.all_classes,
    )


def _part(index: GalleryIndex, rows: AllowedRows) -> GalleryIndex:
    """The index of some rows, the same object each time, so that its quality is known."""
    if rows.all():
        return index
    return kept_with(index, f"part {rows.tobytes().hex()}", lambda: index.part(rows))


def by_run(
    places: Sequence[CheckpointIndex], reports: Sequence[CheckpointReport | None]
) -> list[RunReport]:
    """The reports that there are, run by run."""
    runs: dict[Path, Run] = {place.run.root: place.run for place in places}
    return [
        RunReport(
            run,
            tuple(
                report
                for place, report in zip(places, reports, strict=True)
                if report is not None and place.run.root == root
            ),
        )
        for root, run in runs.items()
    ]
