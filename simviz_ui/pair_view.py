"""What the Pair page shows of an explanation: maps, figures, features, exports."""

import io
import json
from collections.abc import Callable
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from simviz_core.cli import pair_command
from simviz_core.figures import (
    FigureStyle,
    map_scales,
    overlay,
    pair_figure,
)
from simviz_core.networks.reading import APPROXIMATE
from simviz_core.pairs import TOP_FEATURES, PairExplanation, pair_as_json, save_pair_arrays
from simviz_ui.exports import export_row
from simviz_ui.image_picker import ChosenImage
from simviz_ui.map_style import colour_bar, fitted, style_controls
from simviz_ui.resources import network_reading_of

PICTURE_BOX = (720, 480)
"""Pictures are shown as large as fits into this width and height, in pixels."""


@st.fragment
def show_maps(pair: PairExplanation, query: ChosenImage, match: ChosenImage) -> None:
    """Both images with their maps, the controls of the display, and the exports.

    A fragment: its controls redraw it alone.
    """
    style = style_controls()
    maps = (pair.query_map, pair.match_map)
    scales = map_scales(maps, style)
    panels = st.columns(2, gap="medium")
    for panel, chosen, values, scale in zip(panels, (query, match), maps, scales, strict=True):
        with panel:
            st.image(
                overlay(fitted(chosen.picture.pixels, PICTURE_BOX), values, scale, style),
                alt=f"{chosen.id}, with its similarity map",
                output_format="JPEG",
            )
            if not style.shared_scale:
                colour_bar(scale)
    if style.shared_scale:
        colour_bar(scales[0])
    _exports(pair, query, match, style)


def show_score(pair: PairExplanation) -> None:
    """The similarity, and the check that the map adds up to it."""
    bias = f" + bias {pair.bias:.4f}" if pair.bias else ""
    score, total, residual = st.columns(3)
    score.metric(
        "Similarity", f"{pair.similarity:.4f}", help="The cosine of the two embeddings, -1 to 1."
    )
    total.metric(
        "Sum of the map",
        f"{pair.query_map.sum(dtype=np.float64):.4f}{bias}",
        help="Over the cells of the query; the cells of the match add up to the same.",
    )
    residual.metric(
        "Residual",
        f"{pair.residual:.0e}",
        help="The difference between the sum and the similarity, computed each time. It is "
        "rounding: the map is exact, not an approximation.",
    )
    if pair.settings.tail == "keep" and network_reading_of(pair.settings).verdict == APPROXIMATE:
        st.caption(
            ":material/warning: **Approximate.** A layer after the pooling is not affine. Cells "
            "get the effect of a small change; what that leaves of the similarity is the bias."
        )


def show_features(pair: PairExplanation) -> None:
    """The strongest feature components, and the share that the top k of them carry."""
    strongest, curve = st.columns(2, gap="medium")
    strongest.plotly_chart(_strongest_chart(pair), key="strongest", config={"displaylogo": False})
    curve.plotly_chart(_curve_chart(pair), key="curve", config={"displaylogo": False})
    if pair.similarity:
        share = pair.feature_curve[min(TOP_FEATURES, pair.features.size) - 1]
        st.caption(
            f"The {TOP_FEATURES} strongest of {pair.features.size:,} feature components carry "
            f"{share:.0%} of this similarity. Each component contributes the product of its "
            "values in the two unit embeddings."
        )


def _exports(
    pair: PairExplanation, query: ChosenImage, match: ChosenImage, style: FigureStyle
) -> None:
    export_row(
        {
            "Figure (PNG)": ("pair.png", _figure(pair, query, match, style)),
            "Numbers (JSON)": ("pair.json", partial(_json, pair, query, match)),
            "Numbers (NPZ)": ("pair.npz", partial(_npz, pair)),
        },
        pair_command(query.path, match.path, pair.settings, style),
    )


def _figure(
    pair: PairExplanation, query: ChosenImage, match: ChosenImage, style: FigureStyle
) -> Callable[[], bytes]:
    """Draws the figure when it is called, which is when its button is clicked."""
    return partial(
        pair_figure,
        pair,
        query.picture.pixels,
        match.picture.pixels,
        captions=(query.id, match.id),
        style=style,
    )


def _json(pair: PairExplanation, query: ChosenImage, match: ChosenImage) -> str:
    return json.dumps(pair_as_json(pair, query.path, match.path), indent=1)


def _npz(pair: PairExplanation) -> bytes:
    buffer = io.BytesIO()
    save_pair_arrays(pair, buffer)
    return buffer.getvalue()


def _strongest_chart(pair: PairExplanation) -> go.Figure:
    channels, contributions = zip(*pair.top_features, strict=True)
    bars = go.Bar(
        x=contributions,
        y=[str(channel) for channel in channels],
        orientation="h",
        marker_color=_chart_colours()[0],
        hovertemplate="channel %{y}: %{x:.4f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(
        title=f"The {len(channels)} strongest features",
        xaxis_title="contribution to the similarity",
        yaxis={"title": "channel", "type": "category", "autorange": "reversed"},
        height=360,
        margin={"t": 48, "b": 48},
    )
    return figure


def _curve_chart(pair: PairExplanation) -> go.Figure:
    counts = np.arange(1, pair.features.size + 1)
    curve = go.Scatter(
        x=counts,
        y=pair.feature_curve,
        mode="lines",
        line_color=_chart_colours()[0],
        hovertemplate="top %{x}: %{y:.1%}<extra></extra>",
        showlegend=False,
    )
    top = min(TOP_FEATURES, counts.size)
    mark = go.Scatter(
        x=[top],
        y=[pair.feature_curve[top - 1]],
        mode="markers+text",
        marker={"size": 10, "color": _chart_colours()[1]},
        text=[f" top {top}: {pair.feature_curve[top - 1]:.0%}"],
        textposition="middle right",
        hoverinfo="skip",
        showlegend=False,
    )
    figure = go.Figure([curve, mark])
    figure.update_layout(
        title="Share carried by the top k",
        xaxis={"title": "k, number of features", "type": "log"},
        yaxis={"title": "share of the similarity", "tickformat": ".0%", "rangemode": "tozero"},
        height=360,
        margin={"t": 48, "b": 48},
    )
    return figure


def _chart_colours() -> list[str]:
    """The theme's colours for series, in their order."""
    return st.get_option("theme.chartCategoricalColors")
