"""What the Trust page shows: the offer to measure, progress, and what was found."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from simviz_core.cli.evidence.trust import trust_command
from simviz_core.errors import SimVizError
from simviz_core.evidence import (
    Finding,
    TrustReport,
    charted,
    finding_basis,
    finding_number,
    read_trust,
    trust_as_json,
    trust_figure,
)
from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import EmbeddingTable, GalleryIndex
from simviz_core.tables import as_csv
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.display.exports import Content, export_row, figure_files
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.retrieval.panel import index_table
from simviz_ui.retrieval.progress import show_job
from simviz_ui.retrieval.quality import show_coverage
from simviz_ui.retrieval.standing import index_distributions, show_distributions
from simviz_ui.serving.background import Job
from simviz_ui.serving.resources import network_of
from simviz_ui.trust.jobs import latest_measuring, start_measuring

WHOLE_NAMES = (
    "<style>[data-testid='stMetricLabel'] [data-testid='stMarkdownContainer'] p {"
    " white-space: normal; }</style>"
)
"""In a narrow window names of numbers take a second line, and are not cut off."""


def show_trust(gallery: Gallery, index: GalleryIndex, settings: NetworkSettings) -> None:
    """The report on a network and a gallery: at once where there is one, else the offer of it.

    Args:
        gallery: The gallery.
        index: Its embeddings.
        settings: The network.
    """
    try:
        table = index_table(gallery, settings)
    except SimVizError as error:
        show_error(error)
        return
    show_weights(settings)
    job = latest_measuring(table)
    report = read_trust(table)
    if job is not None and job.is_running:
        show_job(job, _words, "cancel_measuring", "Measuring stops after the step that it is in.")
    else:
        if job is not None and job.error:
            show_error(job.error)
        report = report or (job.value if job else None)
        _offer(gallery, index, settings, table, is_again=report is not None)
    if report is not None:
        _show_report(report, gallery, index, settings)
    _show_standing(index)


def _offer(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    table: EmbeddingTable,
    is_again: bool,
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if not is_again:
            st.info(
                "Nothing has been measured of this network on this gallery yet. It takes some "
                "hundred runs of the network, in the background; the report is kept beside the "
                "index.",
                icon=":material/science:",
                width="stretch",
            )
        st.button(
            "Measure again" if is_again else "Measure",
            type="secondary" if is_again else "primary",
            icon=":material/play_arrow:",
            key="measure",
            on_click=_start,
            args=(gallery, index, settings, table),
        )


def _start(
    gallery: Gallery, index: GalleryIndex, settings: NetworkSettings, table: EmbeddingTable
) -> None:
    start_measuring(gallery, partial(network_of, settings), index, table)


def _words(job: Job[TrustReport]) -> str:
    if not job.total:
        return "Measuring: the network is loaded …"
    return f"Measuring: {job.done} of {job.total} steps · {as_markdown(job.step)} …"


def _show_report(
    report: TrustReport, gallery: Gallery, index: GalleryIndex, settings: NetworkSettings
) -> None:
    known = charted(report)
    st.html(WHOLE_NAMES)
    for finding in report.findings:
        _show_finding(finding)
    if known:
        st.plotly_chart(_chart(known), key="findings", config={"displaylogo": False})
        st.caption("Lines are 95% intervals over the items that were measured, where there are.")
    if index.coverage is not None and index.coverage.note:
        st.caption(f"The report {index.coverage.note}.")
    _exports(report, known, gallery, settings)


def _show_finding(finding: Finding) -> None:
    with st.container(border=True):
        number, words = st.columns([1, 3], gap="medium", vertical_alignment="center")
        number.metric(finding.name[:1].upper() + finding.name[1:], finding_number(finding))
        words.markdown(f"**Measured**: {as_markdown(finding.measured)} {finding_basis(finding)}")
        words.markdown(f"**For reading the maps**: {as_markdown(finding.meaning)}")


def _chart(findings: Sequence[Finding]) -> go.Figure:
    values = [finding.value or 0.0 for finding in findings]
    highs = [value if f.high is None else f.high for f, value in zip(findings, values, strict=True)]
    lows = [value if f.low is None else f.low for f, value in zip(findings, values, strict=True)]
    figure = go.Figure()
    figure.add_bar(
        x=values,
        y=[finding.name for finding in findings],
        orientation="h",
        marker_color=st.get_option("theme.chartCategoricalColors")[0],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value for high, value in zip(highs, values, strict=True)],
            "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
        },
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
    )
    figure.update_layout(
        xaxis={"range": [min(0.0, *lows) - 0.02, 1.02], "title": "share or correlation"},
        yaxis={"autorange": "reversed", "automargin": True},
        height=90 + 42 * len(findings),
        margin={"t": 16, "b": 48},
    )
    return figure


def _show_standing(index: GalleryIndex) -> None:
    """How well similarities tell the gallery's classes apart."""
    found = index_distributions(index)
    if found is None:
        return
    st.subheader("Similarities of the gallery")
    show_coverage(index.coverage)
    show_distributions(found)
    st.caption(
        "Where both lie apart, a score tells classes apart; where they lie over one another, no "
        "map can make up for it."
        if found.has_classes
        else "The gallery has no classes with two images: these are all pairs."
    )


def _exports(
    report: TrustReport,
    findings: Sequence[Finding],
    gallery: Gallery,
    settings: NetworkSettings,
) -> None:
    name = gallery_name(gallery)

    def numbers() -> str:
        return json.dumps(trust_as_json(report, name, settings), indent=1)

    def figure(file_format: str) -> bytes:
        return trust_figure(findings, f"{name} · {settings.title}", file_format)

    files: dict[str, tuple[str, Content]] = figure_files("trust", figure) if findings else {}
    files |= {
        "Report (JSON)": ("trust.json", numbers),
        "Findings (CSV)": ("trust.csv", lambda: as_csv(map(asdict, report.findings))),
    }
    export_row(files, in_gallery(trust_command(name, settings), gallery))
