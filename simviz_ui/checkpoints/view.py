"""What the Checkpoints page shows of a followed query: the grid, the curves, the exports."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from simviz_core.cli.checkpoints import checkpoints_command
from simviz_core.errors import ImageError
from simviz_core.figures import FigureStyle, MapScales, checkpoints_figure
from simviz_core.following import (
    CheckpointReport,
    RunReport,
    checkpoint_table,
    reports_as_json,
    run_rows,
    run_title,
    score_line,
    weights_lines,
)
from simviz_core.gallery import GalleryImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import padding_note
from simviz_core.retrieval import is_hit
from simviz_core.tables import as_csv
from simviz_ui.checkpoints.charts import show_curves
from simviz_ui.checkpoints.choice import MOST_COLUMNS
from simviz_ui.checkpoints.indexes import CheckpointIndex
from simviz_ui.checkpoints.neighbour import show_neighbour_change
from simviz_ui.checkpoints.relative import say_relative, with_reference
from simviz_ui.checkpoints.reports import Followed, by_run, kept_report, make_missing
from simviz_ui.choices.display import offer_own_scales, style_controls
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.network import as_fields
from simviz_ui.components.checkpoint_grid import (
    ShownColumn,
    ShownPicture,
    ShownRun,
    checkpoint_grid,
)
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import CONTRIBUTION, as_data_uri, colour_bar, fitted, heat_uri
from simviz_ui.display.messages import as_markdown
from simviz_ui.display.values import show_values
from simviz_ui.navigation import PAIR_PAGE, choose, open_page, page_fragment, run_again
from simviz_ui.retrieval.quality import show_coverage
from simviz_ui.retrieval.relative import in_words
from simviz_ui.serving.resources import gallery_picture, open_picture

BOX = (240, 240)
"""Pictures are as large as fits into this width and height, in pixels."""


@page_fragment
def show_checkpoints(places: Sequence[CheckpointIndex], followed: Followed) -> None:
    """The grid of checkpoints, the curves under it, and the exports.

    A fragment: its controls run it alone.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("Display", icon=":material/palette:"):
            style = style_controls()
        st.caption("Point at a match to see the query's map for it; click to keep it.")
    followed = with_reference(followed)
    reports = [kept_report(place, followed) for place in places]
    _show_grid(places, reports, followed, style)
    if make_missing(places, followed):
        run_again()
    runs = by_run(places, reports)
    _show_weights(runs)
    _show_notes(reports, followed)
    show_curves(runs, followed.partner is not None)
    if any(report.seen for report in runs):
        options = _options(runs, followed)
        _exports(runs, followed, style, options)
        show_neighbour_change(places, runs, followed, style, options)


def _show_grid(
    places: Sequence[CheckpointIndex],
    reports: Sequence[CheckpointReport | None],
    followed: Followed,
    style: FigureStyle,
) -> None:
    shown = [values for report in reports if report for values in _maps_of(report)]
    references = [each.relative.reference for each in reports if each and each.relative]
    scales = (MapScales.of_contrasts if references else MapScales.of_maps)(shown, style)
    columns: dict[Path, list[ShownColumn]] = {}
    numbers = column_numbers(places)
    titles = {place.run.root: run_title(place.run) for place in places}
    for number, (place, report) in enumerate(zip(places, reports, strict=True)):
        columns.setdefault(place.run.root, []).append(
            _column(place, report, (numbers[number], number), followed, scales, style)
        )
    runs = [ShownRun(titles[root], tuple(found)) for root, found in columns.items()]

    checkpoint_grid(
        runs,
        "checkpoint_grid",
        lambda number, image_id: _open_pair(places[number], image_id),
        _follow_with,
        _make_query_of,
    )
    if scales.shared:
        colour_bar(scales.shared, in_words(references[0]).measured if references else CONTRIBUTION)
    groups: dict[str, list[NDArray[np.float32]]] = {}
    for place, report in zip(places, reports, strict=True):
        if report and (maps := _maps_of(report)):
            groups.setdefault(titles[place.run.root], []).extend(maps)
    offer_own_scales(scales, groups, "own_scales_of_runs")
    if say_relative(reports):
        return
    if snapshots := [report.snapshot for report in reports if report and report.snapshot]:
        residual = max(snapshot.residual for snapshot in snapshots)
        st.caption(
            "Every map of the query adds up to its similarity; the largest difference here is "
            f"{residual:.0e}."
        )


def _show_notes(reports: Sequence[CheckpointReport | None], followed: Followed) -> None:
    """How much of the gallery the figures rest on, and which values the pictures show."""
    made = [report for report in reports if report is not None]
    coverages = [report.quality.coverage for report in made if report.quality is not None]
    show_coverage(next((found for found in coverages if found.note), None))
    matches = [match for r in made if r.snapshot for match in r.snapshot.ranking.matches]
    partner = followed.partner.picture if followed.partner else None
    shown = [partner] if partner else [open_picture(match) for match in matches]
    show_values([followed.query.picture, *shown])


def _show_weights(runs: Sequence[RunReport]) -> None:
    """What of the files the numbers of the grid come from."""
    for report in runs:
        name = f"{as_markdown(report.run.root.resolve().name)}: " if len(runs) > 1 else ""
        for line in weights_lines(report):
            words = line if name else line[:1].upper() + line[1:]
            st.caption(f":material/database: {name}{as_markdown(words)}")


def column_numbers(places: Sequence[CheckpointIndex]) -> list[int]:
    """The column of each checkpoint, from 1.

    Equal iterations of two runs share a column; where they have none in common after the
    beginning, or there are too many, the last checkpoints do.
    """
    by_root: dict[Path, list[int]] = {}
    for place in places:
        by_root.setdefault(place.run.root, []).append(place.checkpoint.iteration)
    common = set.intersection(*(set(iterations) for iterations in by_root.values())) - {0}
    every = sorted({place.checkpoint.iteration for place in places})
    if common and len(every) <= MOST_COLUMNS:
        return [every.index(place.checkpoint.iteration) + 1 for place in places]
    widest = max(len(iterations) for iterations in by_root.values())
    return [
        widest - len(iterations) + number
        for iterations in by_root.values()
        for number in range(1, len(iterations) + 1)
    ]


def _maps_of(report: CheckpointReport) -> list[NDArray[np.float32]]:
    """The maps that are shown of a report."""
    if report.snapshot is None:
        return []
    if report.shown_pair is not None:
        return [report.shown_map, report.shown_pair.match_map]
    pairs = [values for maps in report.shown_maps for values in (maps.match_map, maps.query_map)]
    return [report.shown_map, *pairs]


def _column(
    place: CheckpointIndex,
    report: CheckpointReport | None,
    number: tuple[int, int],
    followed: Followed,
    scales: MapScales,
    style: FigureStyle,
) -> ShownColumn:
    iteration = f"iteration {place.checkpoint.iteration:,}"
    title = iteration if place.checkpoint.path else "0 · pretrained"
    see = place.settings.seen
    if report is None:
        running = place.job is not None and place.job.progress is not None
        text = "Computing maps …" if place.index else "Indexing …" if running else "Waiting …"
        query = fitted(see(followed.query.picture.pixels), BOX)
        plain = ShownPicture(as_data_uri(query), followed.chosen.id, "query", "")
        return ShownColumn(title, "", *number, (plain,), waiting=text)
    if report.snapshot is None:
        return ShownColumn(title, "", *number, error=_shortened(report.error, place))
    note = ""
    if report.quality:
        note = f"R@1 {report.quality.recall_at[1]:.1%} · mAP@R {report.quality.map_at_r:.1%}"
    snapshot, query = report.snapshot, fitted(see(followed.query.picture.pixels), BOX)
    own, *differences = report.differences
    whole = snapshot.similarity if own is None else None
    frame, of_query = place.settings.frame, place.settings.frame(followed.query.picture.pixels)
    pictures = [
        ShownPicture(
            as_data_uri(query),
            f"{followed.chosen.id}, with its map at {iteration}",
            _reference_label(followed),
            score_line(snapshot.similarity, own),
            heat=heat_uri(query, report.shown_map, scales.of(report.shown_map), style),
            padding=padding_note(of_query, report.shown_map, whole),
        )
    ]
    if report.shown_pair is not None and followed.partner is not None:
        partner = fitted(see(followed.partner.picture.pixels), BOX)
        values = report.shown_pair.match_map
        over = heat_uri(partner, values, scales.of(values), style)
        alt = f"{followed.partner.id}, with its map at {iteration}"
        padding = padding_note(frame(followed.partner.picture.pixels), values, whole)
        pictures.append(
            ShownPicture(
                as_data_uri(partner), alt, followed.partner.id, "", heat=over, padding=padding
            )
        )
        return ShownColumn(title, note, *number, tuple(pictures))
    for match, maps, difference in zip(
        snapshot.ranking.matches, report.shown_maps, differences, strict=True
    ):
        label = match.image.label
        score = match.score if difference is None else None
        source, heat, padding = _match_shown(
            match.image, place.settings, maps.match_map, score, scales, style
        )
        pictures.append(
            ShownPicture(
                source,
                f"{match.image.id}, with its map at {iteration}",
                label or match.image.path.name,
                score_line(match.score, difference),
                match.image.id,
                is_hit(followed.query.label, match.image),
                heat,
                heat_uri(query, maps.query_map, scales.of(maps.query_map), style),
                padding,
                padding_note(of_query, maps.query_map, score),
            )
        )
    return ShownColumn(title, note, *number, tuple(pictures))


def _shortened(error: str | None, place: CheckpointIndex) -> str:
    """The message, without the folder that all checkpoints of the run lie in."""
    return (error or "").replace(f"{place.run.root}{os.sep}", "")


def _reference_label(followed: Followed) -> str:
    """What the query's map is drawn for, in words."""
    if followed.partner is not None:
        return "query"
    label = followed.query.label
    return f"query, for {label}" if label else "query, for the nearest"


def _match_shown(
    image: GalleryImage,
    settings: NetworkSettings,
    values: NDArray[np.float32],
    score: float | None,
    scales: MapScales,
    style: FigureStyle,
) -> tuple[str | None, str | None, str]:
    """A match's picture, its map and its note of the padding; nothing of an unreadable file."""
    try:
        pixels = gallery_picture(image).pixels
    except ImageError:
        return None, None, ""
    picture = fitted(settings.seen(pixels), BOX)
    heat = heat_uri(picture, values, scales.of(values), style)
    return as_data_uri(picture), heat, padding_note(settings.frame(pixels), values, score)


def _follow_with(number: int, image_id: str) -> None:
    choose(match=image_id, follow="pair")


def _make_query_of(number: int, image_id: str) -> None:
    choose(query=image_id)


def _open_pair(place: CheckpointIndex, image_id: str) -> None:
    """Have the Pair page opened on the query and a match, with the network of a checkpoint."""
    open_page(PAIR_PAGE, match=image_id, **as_fields(place.settings))


def _options(reports: Sequence[RunReport], followed: Followed) -> list[str]:
    """The options of the command that shows the same."""
    options = _chosen_checkpoints(reports)
    options += ["--match", followed.partner.path] if followed.partner else []
    options += ["--all-classes"] if followed.all_classes else []
    return options + (["--objects", ",".join(followed.objects)] if followed.own_objects else [])


def _exports(
    reports: Sequence[RunReport], followed: Followed, style: FigureStyle, options: Sequence[str]
) -> None:
    query = followed.query

    def figure(file_format: str) -> bytes:
        rows = [
            run_rows(report, query.picture, query.label, query.partner)
            for report in reports
            if report.seen
        ]
        reference = next((report.reference for report in reports if report.reference), None)
        return checkpoints_figure(rows, style, file_format, reference)

    def numbers() -> str:
        match = followed.partner.path if followed.partner else None
        objects = followed.objects if query.mask is not None else ()
        return json.dumps(reports_as_json(reports, followed.chosen.path, match, objects), indent=1)

    export_row(
        {
            **figure_files("checkpoints", figure),
            "Numbers (JSON)": ("checkpoints.json", numbers),
            "Curves (CSV)": ("checkpoints.csv", lambda: as_csv(checkpoint_table(reports))),
        },
        in_gallery(
            checkpoints_command(
                followed.chosen.path,
                gallery_name(followed.gallery),
                [report.run for report in reports],
                style,
                options,
                query.relative_to.choice,
            ),
            followed.gallery,
        ),
    )


def _chosen_checkpoints(reports: Sequence[RunReport]) -> list[str]:
    """The options that choose the checkpoints that are shown."""
    shown: set[int] = set()
    own: set[int] = set()
    begins_before = False
    for report in reports:
        own |= {checkpoint.iteration for checkpoint in report.run.checkpoints}
        shown |= {found.checkpoint.iteration for found in report.checkpoints}
        begins_before |= any(
            found.checkpoint not in report.run.checkpoints for found in report.checkpoints
        )
    words = ["--before-training"] if begins_before else []
    if shown >= own:
        return words
    return [*words, "--iterations", ",".join(map(str, sorted(shown)))]
