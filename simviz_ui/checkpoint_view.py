"""What the Checkpoints page shows of a followed query: the grid, the curves, the exports."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import streamlit as st
from cachetools import LRUCache
from numpy.typing import NDArray

from simviz_core.cli import checkpoints_command
from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import ImageError, SimVizError
from simviz_core.figures import ColourScale, FigureStyle, checkpoints_figure, map_scales
from simviz_core.following import FollowedQuery, checkpoint_report
from simviz_core.gallery import Gallery
from simviz_core.images import LoadedImage
from simviz_core.retrieval import GalleryIndex, Mask
from simviz_core.run_report import (
    CheckpointReport,
    RunReport,
    reports_as_json,
    run_rows,
    run_title,
)
from simviz_core.runs import Run
from simviz_core.timeline import held_out_rows
from simviz_ui.checkpoint_charts import show_curves
from simviz_ui.checkpoint_grid import ShownColumn, ShownPicture, ShownRun, checkpoint_grid
from simviz_ui.exports import export_row
from simviz_ui.galleries import gallery_name
from simviz_ui.image_picker import ChosenImage, choose_image
from simviz_ui.map_style import colour_bar, fitted, overlay_uri, style_controls
from simviz_ui.navigation import run_again
from simviz_ui.quality import index_quality
from simviz_ui.resources import decomposed, gallery_picture
from simviz_ui.run_index import CheckpointIndex

BOX = (240, 240)
"""Pictures are as large as fits into this width and height, in pixels."""
TOP = 3
"""Matches of a checkpoint, as in the paper's figure 5."""
REPORTS = 64
"""Reports that are kept of each index."""
CLICKED = "clicked_match"


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


@st.fragment
def show_checkpoints(places: Sequence[CheckpointIndex], followed: Followed) -> None:
    """The grid of checkpoints, the curves under it, and the exports.

    A fragment: its controls run it alone.
    """
    if CLICKED in st.session_state:
        del st.session_state[CLICKED]
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("Display", icon=":material/palette:"):
            style = style_controls()
        st.caption("Point at a match to see the query's map for it; click to keep it.")
    reports = [_kept_report(place, followed) for place in places]
    _show_grid(places, reports, followed, style)
    for place, report in zip(places, reports, strict=True):
        if place.index is not None and report is None:
            with st.spinner(f"Looking with iteration {place.checkpoint.iteration:,} …"):
                _make_report(place, followed)
            run_again()
    by_run = _by_run(places, reports)
    show_curves(by_run, followed.partner is not None)
    if any(report.seen for report in by_run):
        _exports(by_run, followed, style)


def rows_to_search(place: CheckpointIndex, all_classes: bool) -> Mask:
    """Which images of a checkpoint's index are searched, (N,)."""
    assert place.index is not None
    return held_out_rows(place.index, () if all_classes else place.run.held_out)


def _kept_report(place: CheckpointIndex, followed: Followed) -> CheckpointReport | None:
    """The report of a checkpoint, if it has been made already."""
    if place.error is not None:
        return CheckpointReport(place.checkpoint, error=place.error)
    if place.index is None:
        return None
    return _reports(place.index).get(_key(place, followed))


def _make_report(place: CheckpointIndex, followed: Followed) -> None:
    assert place.index is not None
    rows = rows_to_search(place, followed.all_classes)
    try:
        report = checkpoint_report(
            place.checkpoint,
            place.index,
            followed.query,
            rows,
            TOP,
            partial(_decomposed, place),
            index_quality(_part(place.index, rows)),
            gallery_picture,
        )
    except SimVizError as error:
        report = CheckpointReport(place.checkpoint, error=str(error))
    _reports(place.index)[_key(place, followed)] = report


def _decomposed(place: CheckpointIndex, images: Sequence[LoadedImage]) -> list[DecomposedImage]:
    return decomposed(images, place.settings)


def _reports(index: GalleryIndex) -> "LRUCache[tuple[object, ...], CheckpointReport]":
    """What this session has seen with an index; it goes with the index."""
    kept: WeakKeyDictionary[GalleryIndex, LRUCache[tuple[object, ...], CheckpointReport]]
    kept = st.session_state.setdefault("checkpoint_reports", WeakKeyDictionary())
    return kept.setdefault(index, LRUCache(REPORTS))


def _key(place: CheckpointIndex, followed: Followed) -> tuple[object, ...]:
    query, partner = followed.query, followed.query.partner
    return (
        place.settings,
        place.checkpoint,
        place.run.held_out,
        query.picture.digest,
        query.id,
        partner and partner.digest,
        followed.objects,
        followed.all_classes,
    )


def _part(index: GalleryIndex, rows: Mask) -> GalleryIndex:
    """The index of some rows, the same object each time, so that its quality is known."""
    if rows.all():
        return index
    kept: WeakKeyDictionary[GalleryIndex, dict[bytes, GalleryIndex]]
    kept = st.session_state.setdefault("index_parts", WeakKeyDictionary())
    parts = kept.setdefault(index, {})
    return parts.setdefault(rows.tobytes(), index.part(rows))


def _by_run(
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


def _show_grid(
    places: Sequence[CheckpointIndex],
    reports: Sequence[CheckpointReport | None],
    followed: Followed,
    style: FigureStyle,
) -> None:
    shown = [_maps_of(report) for report in reports if report]
    flat = [values for maps in shown for values in maps]
    scales = iter(map_scales(flat, style) if flat else [])
    columns: dict[Path, list[ShownColumn]] = {}
    titles = {place.run.root: run_title(place.run) for place in places}
    for place, report in zip(places, reports, strict=True):
        columns.setdefault(place.run.root, []).append(
            _column(place, report, followed, scales, style)
        )
    runs = [ShownRun(titles[root], tuple(found)) for root, found in columns.items()]
    checkpoint_grid(runs, "checkpoint_grid", _follow_with, _make_query_of)
    if style.shared_scale and flat:
        colour_bar(map_scales(flat, style)[0])


def _maps_of(report: CheckpointReport) -> list[NDArray[np.float32]]:
    """The maps that are shown of a report, in the order of `_column`."""
    if report.moment is None:
        return []
    if report.pair is not None:
        return [report.moment.map, report.pair.match_map]
    pairs = [values for maps in report.maps for values in (maps.match_map, maps.query_map)]
    return [report.moment.map, *pairs]


def _column(
    place: CheckpointIndex,
    report: CheckpointReport | None,
    followed: Followed,
    scales: Iterator[ColourScale],
    style: FigureStyle,
) -> ShownColumn:
    iteration = f"iteration {place.checkpoint.iteration:,}"
    title = f"{iteration} · pretrained" if place.checkpoint.path is None else iteration
    if report is None:
        running = place.job is not None and place.job.progress is not None
        text = "Computing maps …" if place.index else "Indexing …" if running else "Waiting …"
        return ShownColumn(title, "", waiting=text)
    if report.moment is None:
        return ShownColumn(title, "", error=report.error or "")
    note = ""
    if report.quality:
        note = f"R@1 {report.quality.recall_at[1]:.1%} · mAP@R {report.quality.map_at_r:.1%}"
    moment, query = report.moment, fitted(followed.query.picture.pixels, BOX)
    pictures = [
        ShownPicture(
            overlay_uri(query, moment.map, next(scales), style),
            f"{followed.chosen.id}, with its map at {iteration}",
            _reference_label(followed),
            f"{moment.similarity:.3f}",
        )
    ]
    if report.pair is not None and followed.partner is not None:
        partner = fitted(followed.partner.picture.pixels, BOX)
        source = overlay_uri(partner, report.pair.match_map, next(scales), style)
        alt = f"{followed.partner.id}, with its map at {iteration}"
        pictures.append(ShownPicture(source, alt, followed.partner.id, ""))
        return ShownColumn(title, note, tuple(pictures))
    for match, maps in zip(moment.ranking.matches, report.maps, strict=True):
        label, scale, query_scale = match.image.label, next(scales), next(scales)
        pictures.append(
            ShownPicture(
                _match_uri(match.image.path, maps.match_map, scale, style),
                f"{match.image.id}, with its map at {iteration}",
                label or match.image.path.name,
                f"{match.score:.3f}",
                match.image.id,
                label == followed.query.label if label and followed.query.label else None,
                overlay_uri(query, maps.query_map, query_scale, style),
            )
        )
    return ShownColumn(title, note, tuple(pictures))


def _reference_label(followed: Followed) -> str:
    """What the query's map is drawn for, in words."""
    if followed.partner is not None:
        return "query"
    label = followed.query.label
    return f"query, for {label}" if label else "query, for the nearest"


def _match_uri(
    path: Path, values: NDArray[np.float32], scale: ColourScale, style: FigureStyle
) -> str | None:
    try:
        return overlay_uri(fitted(gallery_picture(path).pixels, BOX), values, scale, style)
    except ImageError:
        return None


def _follow_with(image_id: str) -> None:
    choose_image("match", image_id)
    st.session_state["follow"] = "pair"
    st.session_state[CLICKED] = True


def _make_query_of(image_id: str) -> None:
    choose_image("query", image_id)
    st.session_state[CLICKED] = True


def _exports(reports: Sequence[RunReport], followed: Followed, style: FigureStyle) -> None:
    query = followed.query

    def figure() -> bytes:
        rows = [
            run_rows(report, query.picture, query.label, query.partner)
            for report in reports
            if report.seen
        ]
        return checkpoints_figure(rows, style)

    def numbers() -> str:
        match = followed.partner.path if followed.partner else None
        objects = followed.objects if query.mask is not None else ()
        return json.dumps(reports_as_json(reports, followed.chosen.path, match, objects), indent=1)

    options = ["--match", followed.partner.path] if followed.partner else []
    options += ["--all-classes"] if followed.all_classes else []
    options += ["--objects", ",".join(followed.objects)] if followed.own_objects else []
    export_row(
        {
            "Figure (PNG)": ("checkpoints.png", figure),
            "Numbers (JSON)": ("checkpoints.json", numbers),
        },
        checkpoints_command(
            followed.chosen.path,
            gallery_name(followed.gallery),
            [report.run for report in reports],
            style,
            options,
        ),
    )
