"""Curves over the iterations of a training."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import plotly.graph_objects as go
import streamlit as st

from simviz_core.following import (
    MEASURED_NOTE,
    NEIGHBOURS,
    Change,
    CheckpointReport,
    RunReport,
    change,
)
from simviz_ui.display.messages import as_plotly_text

Points = list[tuple[int, float]]
CURVES_SIDE_BY_SIDE = (
    "<style>.st-key-curves { display: grid; gap: 1rem;"
    " grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }</style>"
)
"""As many beside one another as there is room for."""
DASHES = ("solid", "dash", "dot")


def show_curves(reports: Sequence[RunReport], is_pair: bool) -> None:
    """The figures of each checkpoint, and what changed from each to the next.

    Args:
        reports: Of one or two runs, with what is ready.
        is_pair: Whether the query is followed with another image, and not with its class.
    """
    if not any(len(report.seen) > 1 for report in reports):
        return
    st.subheader("Over the training")
    has_masks = any(c.mask_share is not None for r in reports for c in r.checkpoints)
    charts = [
        _retrieval_chart(reports),
        _chart(
            "Similarity",
            "of the pair" if is_pair else "with the query's class",
            reports,
            lambda report: report.snapshot.similarity if report.snapshot else None,
        ),
        _chart(
            "Spread of the map",
            "entropy; 1 = all cells alike",
            reports,
            lambda report: report.snapshot.entropy if report.snapshot else None,
        ),
    ]
    if any(report.reference for report in reports):
        st.caption(MEASURED_NOTE)
        charts.insert(
            2,
            _chart(
                "Difference",
                "beyond what it is relative to",
                reports,
                lambda report: report.relative.query.difference if report.relative else None,
            ),
        )
    if has_masks:
        charts.append(
            _chart(
                "Share of the map on the objects",
                "inside their masks",
                reports,
                lambda report: report.mask_share,
                percent=True,
            )
        )
    charts += [
        _change_chart("The map, from one to the next", "Pearson's r", reports, _pearson),
        _change_chart(
            "The map, from one to the next", "Jensen-Shannon divergence, bits", reports, _divergence
        ),
        _change_chart(
            f"The {NEIGHBOURS} nearest, from one to the next",
            "share that stayed",
            reports,
            _overlap,
        ),
    ]
    st.html(CURVES_SIDE_BY_SIDE)
    with st.container(key="curves"):
        for number, chart in enumerate(charts):
            st.plotly_chart(chart, key=f"curve_{number}", config={"displayModeBar": False})


def _pearson(found: Change) -> float | None:
    return found.pearson


def _divergence(found: Change) -> float | None:
    return found.jensen_shannon


def _overlap(found: Change) -> float | None:
    return found.neighbour_overlap


def _retrieval_chart(reports: Sequence[RunReport]) -> go.Figure:
    figure = _empty("Retrieval", "Recall, mAP@R", percent=True)
    for number, report in enumerate(reports):
        curves: dict[str, Points] = {"R@1": [], "R@5": [], "mAP@R": []}
        for checkpoint in report.checkpoints:
            if (quality := checkpoint.quality) is not None:
                iteration = checkpoint.checkpoint.iteration
                curves["R@1"].append((iteration, quality.recall_at[1]))
                curves["R@5"].append((iteration, quality.recall_at[5]))
                curves["mAP@R"].append((iteration, quality.map_at_r))
        for (name, points), dash in zip(curves.items(), DASHES, strict=True):
            title = name if len(reports) == 1 else f"{name} {_name(report)}"
            _add(figure, title, points, number, dash, percent=True)
    figure.update_layout(showlegend=True)
    return figure


def _chart(
    title: str,
    unit: str,
    reports: Sequence[RunReport],
    value: Callable[[CheckpointReport], float | None],
    percent: bool = False,
) -> go.Figure:
    figure = _empty(title, unit, percent)
    for number, report in enumerate(reports):
        points = [
            (checkpoint.checkpoint.iteration, found)
            for checkpoint in report.checkpoints
            if (found := value(checkpoint)) is not None
        ]
        _add(figure, _name(report), points, number, percent=percent)
    figure.update_layout(showlegend=len(reports) > 1)
    return figure


def _change_chart(
    title: str,
    unit: str,
    reports: Sequence[RunReport],
    value: Callable[[Change], float | None],
) -> go.Figure:
    """A point at the later one of each two checkpoints."""
    figure = _empty(title, unit, percent=False)
    for number, report in enumerate(reports):
        found = [
            (iteration, change(before, after))
            for (_, before), (iteration, after) in pairwise(report.seen)
        ]
        points = [(i, y) for i, item in found if (y := value(item)) is not None]
        _add(figure, _name(report), points, number)
    figure.update_layout(showlegend=len(reports) > 1)
    return figure


def _name(report: RunReport) -> str:
    """A run's name, as Plotly is to show it."""
    return as_plotly_text(report.run.root.resolve().name)


def _empty(title: str, unit: str, percent: bool) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 14}},
        xaxis_title="iteration",
        yaxis={"title": unit, "tickformat": ".1~%" if percent else None},
        height=300,
        margin={"t": 44, "b": 40, "l": 10, "r": 10},
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "entrywidthmode": "fraction",
            "entrywidth": 0.5,
            "font": {"size": 11},
        },
    )
    return figure


def _add(
    figure: go.Figure,
    name: str,
    points: Points,
    number: int,
    dash: str = "solid",
    percent: bool = False,
) -> None:
    colours = st.get_option("theme.chartCategoricalColors")
    figure.add_scatter(
        x=[iteration for iteration, _ in points],
        y=[value for _, value in points],
        name=name,
        mode="lines+markers",
        line={"color": colours[number], "dash": dash},
        hovertemplate=f"%{{x}}: %{{y:{'.1%' if percent else '.3f'}}}<extra>{name}</extra>",
    )
