"""The rankings of the Region page, beside one another, with their maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress

import streamlit as st
from torch import Tensor

from simviz_core.figures import FigureStyle
from simviz_core.images import LoadedImage
from simviz_core.networks import FINE_LABEL, FineNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import block_around
from simviz_core.retrieval import (
    FINE_NOTE,
    MatchMaps,
    Ranking,
    Reference,
    Region,
    searched_region,
)
from simviz_ui.components.results import ShownQuery, results_grid
from simviz_ui.display.map_style import CONTRIBUTION, as_data_uri, colour_bar, fitted
from simviz_ui.pair.pinned_cells import open_pinned
from simviz_ui.retrieval.matches import (
    QUERY_BOX,
    Query,
    make_query_of,
    maps_of,
    match_scales,
    open_in_pair,
    query_scales,
    shown_matches,
)
from simviz_ui.retrieval.relative import in_words, relative_maps_of, shown_instead
from simviz_ui.serving.resources import open_picture

BY_REGION = (
    "By what the region contributes to the similarity: the sum of the query's map inside it."
)


def by_fine_cells(fine: FineNetwork) -> str:
    """How a ranking by fine regions is made."""
    rows, columns = fine.grid
    return (
        f"By what the region contributes to the similarity, from the {rows} × {columns} cells of "
        f"the layer `{fine.layer}`, {FINE_LABEL}. {FINE_NOTE}"
    )


@dataclass(frozen=True)
class Column:
    """One ranking on the page.

    Attributes:
        title: What was searched.
        help: How.
        query: The query that its maps belong to: the whole one, or the crop.
        ranking: What was found.
        weights: Of the cells that its maps show; None for all.
        notes: A second line for each match.
        region: What its export names.
        measured: What its matches' colours measure, where that is not what the page says.
        fine: What the region that its maps show was taken from; None for the cells of the last
            feature map.
    """

    title: str
    help: str
    query: Query
    ranking: Ranking
    weights: Tensor | None
    notes: tuple[str, ...]
    region: Region
    measured: str = ""
    fine: FineNetwork | None = None

    @property
    def searched(self) -> str:
        """What was searched for, in the title of its figure."""
        name = self.title.lower()
        return (
            name
            if self.fine is None or not self.region.is_drawn
            else name.replace("region", searched_region(True), 1)
        )


def show_columns(
    columns: Sequence[Column],
    style: FigureStyle,
    settings: NetworkSettings,
    stacked: bool,
    reference: Reference | None,
) -> list[LoadedImage | None]:
    """Show rankings beside one another, or one below the other.

    Args:
        columns: At least one.
        style: How maps are shown.
        settings: The network.
        stacked: Whether they are shown one below the other.
        reference: What maps are relative to; None for nothing.

    Returns:
        The pictures of all matches, with and without maps.
    """
    pictures = [[open_picture(match) for match in c.ranking.matches] for c in columns]
    maps = [
        shown_instead(
            maps_of(c.query, c.ranking, opened, c.weights, settings),
            relative_maps_of(c.query.image, opened, c.weights, settings, reference),
        )
        for c, opened in zip(columns, pictures, strict=True)
    ]
    places = [st.container() for _ in columns] if stacked else st.columns(len(columns), gap="small")
    for place, column, opened, found in zip(places, columns, pictures, maps, strict=True):
        # Maps of one region share their scale; a crop is a query of its own.
        alike = [
            other.query is column.query and other.weights is column.weights for other in columns
        ]
        related = [m for group in compress(maps, alike) for m in group]
        with place:
            is_fine = column.fine is not None and column.region.is_drawn
            label = f" · fine, *{FINE_LABEL}*" if is_fine else ""
            st.markdown(f"**{column.title}**{label}", help=column.help)
            _show_column(
                column,
                opened,
                found,
                related if style.shared_scale else found,
                style,
                stacked,
                reference,
            )
    if reference is not None:
        _say_reference(reference, columns)
    return [picture for opened in pictures for picture in opened]


def _show_column(
    column: Column,
    opened: Sequence[LoadedImage | None],
    found: Sequence[MatchMaps | None],
    related: Sequence[MatchMaps | None],
    style: FigureStyle,
    stacked: bool,
    reference: Reference | None,
) -> None:
    """One ranking; where a region's maps are relative, the query is shown with its own."""
    is_relative = reference is not None and column.weights is None
    with_query = reference is not None and column.weights is not None and column.region.is_drawn
    scales = match_scales(related, style, False, is_relative)
    of_query = query_scales(found, style) if with_query else None
    shown = shown_matches(
        column.query,
        column.ranking,
        opened,
        found,
        style,
        scales,
        column.notes,
        with_query,
        of_query,
    )
    if not shown:
        st.caption("No image is left to be found.")
        return
    picture = fitted(column.query.seen, QUERY_BOX) if with_query else None
    # The Pair page pins the cells that the region covers.
    block = None if column.weights is None else block_around(column.weights, "query")
    results_grid(
        shown,
        f"matches {column.title}",
        open_in_pair if block is None else partial(open_pinned, block=block),
        make_query_of,
        ShownQuery(as_data_uri(picture), column.query.chosen.id) if picture else None,
        card_width="6.5rem" if not stacked else "9.5rem",
        query_share=0.4,
    )
    if column.measured:
        measured = column.measured
    elif column.fine is not None:
        measured = "contribution to the fine region's score, of the match"
    elif reference is None:
        measured = CONTRIBUTION
    elif is_relative:
        measured = in_words(reference).measured
    else:
        measured = "contribution to the region's score, of the match"
    if scales.shared:
        colour_bar(scales.shared, measured)
    if reference is not None and of_query is not None and of_query.shared:
        colour_bar(of_query.shared, f"{in_words(reference).measured}, of the query")


def _say_reference(reference: Reference, columns: Sequence[Column]) -> None:
    """What the colours mean, and which maps are not relative."""
    note = ""
    if any(column.weights is not None for column in columns):
        note = (
            " Relative is the query's map inside the region, shown for the match under the "
            "pointer; the matches' own maps are not: the reference has no region."
        )
    st.caption(in_words(reference).colours + note)
