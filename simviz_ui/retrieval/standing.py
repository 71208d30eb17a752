"""Is 0.6 high? Where a score stands among the similarities of its own gallery."""

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from simviz_core.evidence import (
    SimilarityDistributions,
    similarity_distributions,
    standing_sentence,
)
from simviz_core.retrieval import GalleryIndex
from simviz_ui.display.messages import as_markdown
from simviz_ui.serving.with_index import kept_with

LEAST_SHARE = 1e-4
"""Steps at the ends of the plot that hold fewer pairs than this share are not shown."""


def index_distributions(index: GalleryIndex) -> SimilarityDistributions | None:
    """The similarities within a gallery, compared once; None where it has no pair."""
    if len(index.images) < 2:
        return None
    # Around it: a run that ends with what it shows does not lose what it has compared.
    with st.spinner("Comparing the gallery's images with one another …", show_time=True):
        return kept_with(index, "distributions", lambda: similarity_distributions(index))


def show_standing(
    score: float, index: GalleryIndex, what: str = "", sentence: DeltaGenerator | None = None
) -> None:
    """Where a score stands, in words, and the distributions behind an expander.

    Args:
        score: A similarity.
        index: Of the gallery, with the same network.
        what: Whose score it is, before the sentence.
        sentence: Where the words stand; None for here, above the distributions.
    """
    found = index_distributions(index)
    words = st.container() if sentence is None else sentence
    if found is None:
        return
    if not found.different.any():
        words.caption("The index has no pairs of different classes yet to compare this score with.")
        return
    said = standing_sentence(found.standing(score), found.has_classes)
    if index.coverage is not None and index.coverage.note:
        said += f" This comparison {index.coverage.note}."
    words.caption(f"{what}{as_markdown(said)}")
    with st.expander(f"Is {score:.2f} high?", icon=":material/query_stats:"):
        show_distributions(found, score)
        notes = [_error_words(found), _basis(found)]
        st.caption(as_markdown(" ".join(filter(None, notes))))


def show_distributions(found: SimilarityDistributions, score: float | None = None) -> None:
    """Both distributions and the ROC, as plots.

    Args:
        found: The distributions.
        score: To mark.
    """
    if not found.different.any():
        st.caption("There are no pairs of different classes to compare with.")
        return
    places = st.columns([3, 2], gap="medium") if found.has_classes else [st.container()]
    key = "standing" if score is not None else "distributions"
    with places[0]:
        st.plotly_chart(_histogram(found, score), key=key, config={"displaylogo": False})
    if found.has_classes:
        with places[1]:
            st.plotly_chart(_roc(found, score), key=f"{key}_roc", config={"displaylogo": False})


def _error_words(found: SimilarityDistributions) -> str:
    """The threshold of equal error and what is to be expected at it; empty without classes."""
    if found.equal_error is None:
        return "The gallery has no classes with two images: a score is compared with all pairs."
    threshold, rate = found.equal_error
    alarms = found.standing(threshold).false_alarms
    return (
        f"At {threshold:.3f} both errors are equal: {rate:.1%} of the pairs of one class lie below "
        f"it and as many of different classes above; for one query {alarms:.1f} images of other "
        "classes are to be expected above it."
    )


def _basis(found: SimilarityDistributions) -> str:
    pairs = f"{int(found.same.sum() + found.different.sum()):,} pairs"
    if found.is_sampled:
        return (
            f"From {pairs} of a sample of {found.images:,} of the gallery's "
            f"{found.gallery_images:,} images."
        )
    return f"From all {pairs} of the gallery's {found.images:,} images."


def _histogram(found: SimilarityDistributions, score: float | None) -> go.Figure:
    colours = st.get_option("theme.chartCategoricalColors")
    counts = found.histogram()
    centres = (counts["edges"][:-1] + counts["edges"][1:]) / 2
    of_others = "pairs of different classes" if found.has_classes else "all pairs"
    figure = go.Figure()
    lines = [("different", of_others), *([("same", "pairs of one class")] * found.has_classes)]
    seen = sum(counts[name] for name, _ in lines) > LEAST_SHARE
    for (name, title), colour in zip(lines, (colours[1], colours[0]), strict=False):
        figure.add_scatter(
            x=centres,
            y=counts[name],
            mode="lines",
            line={"color": colour, "shape": "hvh"},
            fill="tozeroy",
            name=title,
            hovertemplate=f"%{{x:.2f}}: %{{y:.1%}}<extra>{title}</extra>",
        )
    _mark(figure, found, score)
    shown = centres[seen]
    ends = [*shown[[0, -1]], *([] if score is None else [score])]
    figure.update_layout(
        xaxis={"title": "similarity", "range": [min(ends) - 0.04, max(ends) + 0.04]},
        yaxis={"title": "share of the pairs", "tickformat": ".0%", "rangemode": "tozero"},
        height=320,
        margin={"t": 32, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def _mark(figure: go.Figure, found: SimilarityDistributions, score: float | None) -> None:
    """Lines at the score and at the threshold of equal error."""
    if score is not None:
        figure.add_vline(
            score, annotation_text=f"{score:.2f}", annotation_position="bottom right", line_width=2
        )
    if found.equal_error is not None:
        figure.add_vline(
            found.equal_error[0],
            annotation_text="equal error",
            annotation_position="top left",
            line_dash="dot",
        )


def _roc(found: SimilarityDistributions, score: float | None) -> go.Figure:
    colours = st.get_option("theme.chartCategoricalColors")
    false_alarms, hits = found.roc()
    figure = go.Figure()
    figure.add_scatter(
        x=false_alarms,
        y=hits,
        mode="lines",
        line_color=colours[0],
        hovertemplate="%{y:.1%} found at %{x:.1%} false alarms<extra></extra>",
        showlegend=False,
    )
    if score is not None:
        here = found.standing(score)
        figure.add_scatter(
            x=[1 - here.different_below],
            y=[1 - (here.same_below or 0)],
            mode="markers",
            marker={"size": 10, "color": colours[1]},
            hovertemplate=f"at {score:.2f}: %{{y:.1%}} found, %{{x:.1%}} false alarms"
            "<extra></extra>",
            showlegend=False,
        )
    whole = {"tickformat": ".0%", "range": [-0.02, 1.02], "dtick": 0.25}
    interval = found.area_interval
    ends = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    figure.update_layout(
        title={"text": f"ROC, area {found.area:.3f}{ends}", "font": {"size": 14}},
        xaxis={"title": "pairs of different classes above", **whole},
        yaxis={"title": "pairs of one class above", **whole},
        height=320,
        margin={"t": 40, "b": 48},
    )
    return figure
