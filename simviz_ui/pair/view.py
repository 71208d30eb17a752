"""What the Pair page shows of an explanation: maps, figures, features, exports."""

import io
import json
from collections.abc import Callable
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from simviz_core.cli.pair import pair_command
from simviz_core.evidence import standing_as_json
from simviz_core.figures import FigureStyle, describe, pair_figure
from simviz_core.gallery import Gallery
from simviz_core.images import common_range
from simviz_core.networks.inspection.reading import APPROXIMATE
from simviz_core.networks.poolings import AS_IT_IS
from simviz_core.pairs import (
    TOP_FEATURES,
    BlockPart,
    CellBlock,
    CellPairs,
    LostMaps,
    PairExplanation,
    PairPadding,
    RelativePair,
    Side,
    block_part,
    feature_rows,
    padding_as_json,
    padding_words,
    pair_as_json,
    pair_padding,
    save_pair_arrays,
)
from simviz_core.retrieval import NOTHING, GalleryIndex
from simviz_core.tables import as_csv
from simviz_ui.choices.display import style_controls
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.cell_maps import cell_maps
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.messages import as_markdown
from simviz_ui.display.values import show_values
from simviz_ui.navigation import page_fragment
from simviz_ui.pair.against import pair_against
from simviz_ui.pair.checks import pair_checks
from simviz_ui.pair.instead import (
    Instead,
    as_other_maps,
    instead_as_json,
    maps_instead,
    say_instead,
)
from simviz_ui.pair.layers import layers_json, pair_layers
from simviz_ui.pair.pinned_cells import pin_cells, pinned_now
from simviz_ui.pair.poolings import pair_poolings
from simviz_ui.retrieval.standing import index_distributions
from simviz_ui.serving.resources import decomposed, network_reading_of


@page_fragment
def show_maps(
    pair: PairExplanation,
    cells: CellPairs,
    query: ChosenImage,
    match: ChosenImage,
    pinned: CellBlock | None,
    gallery: Gallery,
    index: Callable[[], GalleryIndex | None],
) -> None:
    """Both images with their maps and their cells, the controls of the display, and the exports.

    A fragment: its controls redraw it alone.

    Args:
        pair: The explanation.
        cells: The pairs of cells.
        query: One image.
        match: The other image.
        pinned: The cells that are pinned when the page is run; while the fragment runs on its own
            the browser knows better.
        gallery: Whose mean and classes the maps may be relative to.
        index: Gives its embeddings; None where it is not indexed with this network. Asked once the
            maps are shown: the first time in a server it takes a second or two.
    """
    i, j = decomposed([query.picture, match.picture], pair.settings)
    pictures = st.container()  # come first on the page, whatever the controls below them say
    style = style_controls()
    instead = maps_instead(gallery, query, (i, j), pair.settings)
    images: dict[Side, str] = {"query": query.id, "match": match.id}
    with pictures:
        cell_maps(
            cells,
            query,
            match,
            pair.settings,
            style,
            key="cells",
            pinned=str(pinned) if pinned else "",
            on_pin=partial(pin_cells, images=images),
            other=as_other_maps(instead),
        )
        show_values([query.picture, match.picture])
        if padding := _padding(pair, query, match):
            st.caption(f":material/info: {as_markdown(padding_words(pair.similarity, padding))}")
        if instead is not None:
            say_instead(instead)
    block = pinned_now()
    parts = [block_part(cells, block, (i, j))] if block else []
    for part in parts:
        _show_without(part)
    _exports(pair, cells, parts, query, match, style, instead, gallery, index())
    pair_checks(query, match, (i, j), block, pair.settings, style)
    pair_layers(pair, query, match)
    pair_poolings(pair, query, match, style, is_relative=instead is not None)
    pair_against(pair, query, match, gallery, style)


def _padding(pair: PairExplanation, query: ChosenImage, match: ChosenImage) -> PairPadding | None:
    return pair_padding(pair, query.picture.pixels, match.picture.pixels)


def _show_without(part: BlockPart) -> None:
    """What the similarity would be without the cells that are pinned."""
    if part.without is None or part.lost is None:
        return
    which = "this cell" if part.block.cells == 1 else "these cells"
    st.markdown(
        f"Without {which} ({describe(part)}) the similarity would be **{part.without:.4f}** "
        f"({-part.lost:+.4f}).",
        help="The cosine of the embedding without their contributions, in closed form; the network "
        "does not run. It is not the similarity minus their contribution: the rest counts for more "
        "once they are gone, so that even without cells that contribute it may be higher. Nor does "
        "it foretell what blanking their pixels does; the occlusion check measures that.",
    )


def show_score(pair: PairExplanation) -> DeltaGenerator:
    """The similarity, and beside it the check that the map adds up to it and the weights.

    Returns:
        Where more can be said of the score.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        st.metric(
            "Similarity",
            f"{pair.similarity:.4f}",
            help="The cosine of the two embeddings, -1 to 1.",
            width="content",
        )
        beside = st.container(gap="xxsmall", width="stretch")
    with beside:
        st.caption(
            f"Sum of the map {pair.query_map.sum(dtype=np.float64):.4f}{pair.bias_words} · "
            f"residual {pair.residual:.0e}",
            help="The sum is over the cells of the query; those of the match add up to the same. "
            "The residual is its difference from the similarity, computed each time. It is "
            "rounding: the map is exact, not an approximation.",
        )
        show_weights(pair.settings)
    if pair.is_class_token:
        st.caption(
            f":material/info: Class token, **{AS_IT_IS}**. A cell has what attention to its patch "
            "token adds; MLPs, biases and the other tokens lie in no cell. A value may have come "
            "from elsewhere in the image."
        )
    if pair.settings.tail == "keep" and network_reading_of(pair.settings).verdict == APPROXIMATE:
        st.caption(
            ":material/warning: **Approximate.** A layer after the pooling is not affine. Cells "
            "get the effect of a small change; what that leaves of the similarity is the bias."
        )
    return beside


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
    pair: PairExplanation,
    cells: CellPairs,
    parts: list[BlockPart],
    query: ChosenImage,
    match: ChosenImage,
    style: FigureStyle,
    instead: Instead | None,
    gallery: Gallery,
    index: GalleryIndex | None,
) -> None:
    def figure(file_format: str) -> bytes:
        see = pair.settings.seen
        pictures = see(query.picture.pixels), see(match.picture.pixels)
        padding = _padding(pair, query, match)
        return pair_figure(
            pair, *pictures, (query.id, match.id), style, parts, instead, file_format, padding
        )

    def numbers() -> str:
        values = pair_as_json(pair, query.path, match.path, parts)
        for side, chosen in (("query", query), ("match", match)):
            values[f"{side}_values"] = chosen.picture.values_as_json()
            values[f"{side}_note"] = chosen.picture.note or None
        values |= padding_as_json(_padding(pair, query, match))
        found = None if index is None else index_distributions(index)
        standing = None if found is None else found.standing(pair.similarity)
        values["standing"] = standing_as_json(standing)
        return json.dumps(
            values | layers_json(pair, query, match) | instead_as_json(instead), indent=1
        )

    def arrays() -> bytes:
        buffer = io.BytesIO()
        save_pair_arrays(pair, cells, buffer)
        return buffer.getvalue()

    blocks = [part.block for part in parts]
    relative = instead.reference.choice if isinstance(instead, RelativePair) else NOTHING
    export_row(
        {
            **figure_files("pair", figure),
            "Numbers (JSON)": ("pair.json", numbers),
            "Numbers (NPZ)": ("pair.npz", arrays),
            "Features (CSV)": ("pair.csv", lambda: as_csv(feature_rows(pair))),
        },
        in_gallery(
            pair_command(
                query.path,
                match.path,
                pair.settings,
                style,
                blocks,
                relative=relative,
                gallery=gallery_name(gallery)
                if index is not None or relative.needs_gallery
                else None,
                is_lost=isinstance(instead, LostMaps),
                shown=common_range([query.picture, match.picture]),
            ),
            gallery,
        ),
    )


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
