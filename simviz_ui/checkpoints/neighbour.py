"""Why was it that neighbour before and is it this one now, on the Checkpoints page."""

import json
from collections.abc import Sequence
from functools import partial

import streamlit as st

from simviz_core.cli.checkpoints import checkpoints_command
from simviz_core.errors import SimVizError
from simviz_core.figures import FigureStyle, against_figure
from simviz_core.following import (
    NeighbourChange,
    RunReport,
    nearest_at,
    neighbour_as_json,
    neighbour_change,
    neighbour_rows,
    reports_as_json,
    run_title,
)
from simviz_core.gallery import GalleryImage
from simviz_core.runs import checkpoint_settings
from simviz_ui.checkpoints.choice import keep_range
from simviz_ui.checkpoints.indexes import CheckpointIndex
from simviz_ui.checkpoints.reports import Followed
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import hold
from simviz_ui.pair.against import show_against
from simviz_ui.serving.resources import decomposed, gallery_picture

BETWEEN = "iterations_why"


def show_neighbour_change(
    places: Sequence[CheckpointIndex],
    reports: Sequence[RunReport],
    followed: Followed,
    style: FigureStyle,
    options: Sequence[str],
) -> None:
    """Offer why the nearest neighbour changed, and show it where it is wanted.

    Args:
        places: The checkpoints that are shown, those that are still being looked at, too.
        reports: Of the runs that are shown.
        followed: What is followed.
        style: How the maps are shown.
        options: Of the command that shows the same checkpoints, as words.
    """
    # The slider offers all checkpoints from the start, those that are not looked at yet, too.
    iterations = _iterations_of(places, reports)
    if len(iterations) < 2:
        return
    is_wanted = st.toggle(
        "Why another nearest neighbour?",
        **hold("why_changed"),
        help="The nearest neighbours before and now, set against one another at both checkpoints: "
        "why was it the one before, and why is it the other now.",
    )
    if not is_wanted:
        return
    before, after = _between(iterations)
    if before == after:
        st.info("Choose two different checkpoints.")
        return
    for report in reports:
        with st.container():
            _show_run(report, followed, (before, after), style, options, len(reports) > 1)


def _iterations_of(places: Sequence[CheckpointIndex], reports: Sequence[RunReport]) -> list[int]:
    """The iterations of the first run whose checkpoints can be used, as far as that is known."""
    failed = {
        (report.run.root, found.checkpoint.iteration)
        for report in reports
        for found in report.checkpoints
        if found.snapshot is None
    }
    first = places[0].run.root
    shown = [place.checkpoint.iteration for place in places if place.run.root == first]
    return [iteration for iteration in shown if (first, iteration) not in failed]


def _between(seen: list[int]) -> tuple[int, int]:
    keep_range(BETWEEN, seen)
    before, after = st.select_slider(
        "Before and now",
        seen,
        value=(seen[0], seen[-1]),
        **hold(BETWEEN, (seen[0], seen[-1])),
        width=260,
    )
    return before, after


def _show_run(
    report: RunReport,
    followed: Followed,
    between: tuple[int, int],
    style: FigureStyle,
    options: Sequence[str],
    is_one_of_several: bool,
) -> None:
    """Both neighbours at both checkpoints of one run."""
    if is_one_of_several:
        st.markdown(f"**{as_markdown(run_title(report.run))}**")
    before, after = between
    if missing := set(between) - {found.checkpoint.iteration for found in report.checkpoints}:
        st.info(f"Iteration {min(missing):,} is not shown, or still being looked at.")
        return
    try:
        was, now = (nearest_at(report.checkpoints, iteration) for iteration in between)
        change = _change(report, followed, was, now, between)
    except SimVizError as error:
        show_error(error)
        return
    if change is None:
        st.info(
            f"The nearest neighbour is {as_markdown(was.id)} at both iterations, {before:,} and "
            f"{after:,}. {_elsewhere(report, was)}",
            icon=":material/equal:",
        )
        return
    st.markdown(
        f"At iteration {before:,} the nearest is {as_markdown(was.id)}, at {after:,} it is "
        f"{as_markdown(now.id)}."
    )
    show_against(neighbour_rows(change, followed.chosen.id), style)
    _exports(report, followed, change, between, style, options)


def _elsewhere(report: RunReport, nearest: GalleryImage) -> str:
    """At which checkpoints that are shown another image is the nearest neighbour."""
    others = [
        f"at {iteration:,} it is {as_markdown(snapshot.ranking.matches[0].image.id)}"
        for iteration, snapshot in report.seen
        if snapshot.ranking.matches[0].image.id != nearest.id
    ]
    if not others:
        return "It is the same at every checkpoint that is shown."
    return f"Elsewhere: {', '.join(others)}."


def _change(
    report: RunReport,
    followed: Followed,
    was: GalleryImage,
    now: GalleryImage,
    between: tuple[int, int],
) -> NeighbourChange | None:
    places = {found.checkpoint.iteration: found.checkpoint for found in report.checkpoints}
    of_both = [checkpoint_settings(report.run, places[iteration]) for iteration in between]
    before, after = (
        (iteration, settings, partial(decomposed, settings=settings))
        for iteration, settings in zip(between, of_both, strict=True)
    )
    return neighbour_change(followed.query.picture, was, now, (before, after), gallery_picture)


def _exports(
    report: RunReport,
    followed: Followed,
    change: NeighbourChange,
    between: tuple[int, int],
    style: FigureStyle,
    options: Sequence[str],
) -> None:
    def figure(file_format: str) -> bytes:
        rows = neighbour_rows(change, followed.chosen.id)
        return against_figure(rows, run_title(report.run), style, file_format)

    def numbers() -> str:
        match = followed.partner.path if followed.partner else None
        objects = followed.objects if followed.query.mask is not None else ()
        values = reports_as_json([report], followed.chosen.path, match, objects)
        values["runs"][0]["why_changed"] = neighbour_as_json(change, *between, change.was)
        return json.dumps(values, indent=1)

    export_row(
        {
            **figure_files("neighbours", figure, "Both neighbours"),
            "Both neighbours (JSON)": ("neighbours.json", numbers),
        },
        in_gallery(
            checkpoints_command(
                followed.chosen.path,
                gallery_name(followed.gallery),
                [report.run],
                style,
                [*options, f"--why-changed={between[0]},{between[1]}"],
                followed.query.relative_to.choice,
            ),
            followed.gallery,
        ),
        key=f"neighbours {report.run.root}",
    )
