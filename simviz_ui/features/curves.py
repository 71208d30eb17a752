"""The Features page's curves: what share of the similarity the strongest components carry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from simviz_core.cli.features import features_command
from simviz_core.errors import GalleryError
from simviz_core.features import (
    PAIRS,
    FeatureCurve,
    caveats,
    curve_as_json,
    curve_line,
    curve_rows,
    draw_pairs,
    feature_curve,
    settings_as_json,
    top_words,
)
from simviz_core.figures import CurveLine, feature_curves_figure
from simviz_core.gallery import Gallery
from simviz_core.networks import DEFAULT_SIZE, NETWORKS, SIZES
from simviz_core.networks.poolings import POOLING_TITLES
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import GalleryIndex
from simviz_core.tables import as_csv
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.messages import as_markdown, as_plotly_text, show_error
from simviz_ui.navigation import hold
from simviz_ui.retrieval.panel import gallery_index
from simviz_ui.serving.resources import with_weights_and_engine
from simviz_ui.view import DIFFERENT, SAME

KINDS = {SAME: "Same class", DIFFERENT: "Different classes"}
NOT_COMPARED = "Of the networks and poolings of the link these can be compared with: {shown}."
COUNTS = (100, 300, PAIRS)
PURPOSE = "features with"
"""Of the indexes beside that of the page, before the network's name."""


@dataclass(frozen=True)
class CurveChoice:
    """Which curves are drawn.

    Attributes:
        kinds: Of the pairs, of `SAME` and `DIFFERENT`.
        count: How many random pairs.
        seed: Of the pairs.
        others: Networks and poolings beside those of the sidebar.
    """

    kinds: tuple[str, ...]
    count: int
    seed: int
    others: tuple[NetworkSettings, ...]


def curve_choice(settings: NetworkSettings, has_classes: bool) -> CurveChoice:
    """Show which curves can be drawn, and return which are chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kinds = st.pills(
            "Random pairs of",
            list(KINDS),
            selection_mode="multi",
            format_func=KINDS.__getitem__,
            **hold("pair_kinds"),
            disabled=not has_classes,
        )
        count = st.segmented_control("Pairs", COUNTS, required=True, **hold("pairs"))
        seed = st.number_input(
            "Seed",
            min_value=0,
            max_value=10**6,
            step=1,
            **hold("seed"),
            width=110,
            help="The same seed draws the same pairs.",
        )
        titles = _offered(settings)
        others = st.multiselect(
            "Compare with",
            list(titles),
            **hold("compared_networks", options=list(titles), instead=NOT_COMPARED),
            width=320,
            placeholder="Other poolings and networks",
            disabled=not has_classes,
        )
    return CurveChoice(
        tuple(kinds), count or PAIRS, int(seed), tuple(titles[title] for title in others)
    )


def _offered(settings: NetworkSettings) -> dict[str, NetworkSettings]:
    """Other poolings of the sidebar's network, then the networks of the catalogue."""
    offered = {
        f"{POOLING_TITLES[pooling]} pooling": replace(settings, pooling=pooling)
        for pooling in POOLING_TITLES
        if pooling != settings.pooling
    }
    size = settings.size if settings.size in SIZES else DEFAULT_SIZE
    for name, entry in NETWORKS.items():
        if name != settings.network:
            title = f"{entry.title}, {entry.pooling} pooling"
            offered[title] = NetworkSettings(
                name, entry.pooling, size, preprocessing=entry.preprocessing.fitted(settings.fit)
            )
    return offered


def show_curves(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    choice: CurveChoice,
    pair: CurveLine | None,
) -> None:
    """The curves, what they say in words, and the exports.

    Args:
        gallery: Where the pairs are drawn.
        index: Its embeddings with the sidebar's network.
        settings: Of the sidebar.
        choice: Which curves.
        pair: The curve of one pair, if one is chosen.
    """
    lines, curves = [], []
    indexes = [(settings, index)]
    for other in choice.others:
        purpose = f"{PURPOSE} {other.network} {other.pooling}"
        same = [one for one in choice.others if one != other and one.network == other.network]
        found = gallery_index(gallery, other, beside=purpose, together=same)
        if found is not None:
            indexes.append((with_weights_and_engine(other), found))
    for shown, embeddings in indexes:
        for kind in choice.kinds:
            try:
                sample = draw_pairs(embeddings, kind == SAME, choice.count, choice.seed)
                curve = feature_curve(embeddings, sample)
            except GalleryError as error:
                show_error(error)
                continue
            curves.append((shown, curve))
            lines.append(curve_line(curve, _title(shown, kind, len(indexes) > 1)))
    lines += [pair] if pair else []
    if not lines:
        st.info("Choose random pairs of the same class or of different classes, or one pair below.")
        return
    show_weights(*(shown for shown, _ in indexes))
    st.plotly_chart(_chart(lines), key="feature_curves", config={"displaylogo": False})
    for shown, curve in curves:
        words = top_words(curve) + (f" ({_network(shown)})" if len(indexes) > 1 else "")
        words = as_markdown(f"{words}. {' '.join(caveats(curve))}")
        bullet = "- " if len(curves) > 1 else ""
        st.markdown(f"{bullet}{words}")
    _exports(gallery, settings, choice, lines, curves)


def _title(settings: NetworkSettings, kind: str, with_network: bool) -> str:
    return f"{KINDS[kind]}, {_network(settings)}" if with_network else KINDS[kind]


def _network(settings: NetworkSettings) -> str:
    return f"{settings.network}, {settings.pooling}"


def _exports(
    gallery: Gallery,
    settings: NetworkSettings,
    choice: CurveChoice,
    lines: Sequence[CurveLine],
    curves: Sequence[tuple[NetworkSettings, FeatureCurve]],
) -> None:
    name = gallery_name(gallery)

    def figure(file_format: str) -> bytes:
        return feature_curves_figure(lines, _network(settings), file_format)

    def numbers() -> str:
        values = [settings_as_json(shown, name) | curve_as_json(curve) for shown, curve in curves]
        return json.dumps(values[0] if len(values) == 1 else values, indent=1)

    is_same = SAME in choice.kinds or not choice.kinds
    export_row(
        {
            **figure_files("features", figure),
            "Numbers (JSON)": ("features.json", numbers),
            "Curves (CSV)": ("features.csv", lambda: as_csv(curve_rows(lines))),
        },
        in_gallery(features_command(name, settings, choice.count, choice.seed, is_same), gallery),
        key="curves",
    )


def _chart(lines: Sequence[CurveLine]) -> go.Figure:
    colours = st.get_option("theme.chartCategoricalColors")
    figure = go.Figure()
    for number, line in enumerate(lines):
        colour, title = colours[number % len(colours)], as_plotly_text(line.title)
        k = np.arange(1, line.shares.size + 1)
        if line.spread is not None:
            _add_band(figure, k, line, colour)
        figure.add_scatter(
            x=k,
            y=line.shares,
            mode="lines",
            name=title,
            line={"color": colour, "dash": "dash" if line.is_dashed else "solid"},
            hovertemplate=f"top %{{x}}: %{{y:.1%}}<extra>{title}</extra>",
        )
        mark = line.shares[line.top - 1]
        figure.add_scatter(
            x=[line.top],
            y=[mark],
            mode="markers+text",
            marker={"size": 10, "color": colour},
            # The marks of more curves than two would lie on one another.
            text=[f" top {line.top}: {mark:.0%}" if number < 2 else ""],
            textposition="bottom right" if number % 2 == 0 else "top left",
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_layout(
        xaxis={"title": "k, number of feature components, strongest first", "type": "log"},
        yaxis={"title": "share of the similarity", "tickformat": ".0%", "rangemode": "tozero"},
        height=430,
        margin={"t": 16, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def _add_band(figure: go.Figure, k: np.ndarray, line: CurveLine, colour: str) -> None:
    """One standard deviation to either side."""
    assert line.spread is not None
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    for shares, fill in ((line.shares - line.spread, None), (line.shares + line.spread, "tonexty")):
        figure.add_scatter(
            x=k,
            y=shares,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=f"rgba({red},{green},{blue},0.18)",
            hoverinfo="skip",
            showlegend=False,
        )
