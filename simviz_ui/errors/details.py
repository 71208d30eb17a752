"""One miss: the query with the wrong match and the right one beside, and where to go from there."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from simviz_core.errors import ImageError, SimVizError
from simviz_core.gallery import Gallery
from simviz_core.retrieval import Match, Ranking, whole_vector
from simviz_ui.choices.allowed import readable_path
from simviz_ui.choices.display import style_controls
from simviz_ui.choices.network import as_fields
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.results import ShownQuery, results_grid
from simviz_ui.display.map_style import as_data_uri, colour_bar, fitted
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.errors.rows import ShownMiss
from simviz_ui.navigation import PAIR_PAGE, SEARCH_PAGE, open_page, page_fragment
from simviz_ui.retrieval.matches import (
    QUERY_BOX,
    make_query,
    maps_of,
    match_scales,
    shown_matches,
)
from simviz_ui.serving.resources import gallery_picture, open_picture, run_missing


@page_fragment
def show_miss(gallery: Gallery, row: ShownMiss) -> None:
    """The query, its wrong nearest neighbour and the best right one, each with its map.

    A fragment: its controls run it alone.
    """
    miss, settings = row.outcome, row.settings
    try:
        picture = gallery_picture(miss.query)
        query = make_query(
            ChosenImage(miss.query.id, readable_path(miss.query.path), picture), gallery, settings
        )
    except (ImageError, SimVizError) as error:
        show_error(error)
        return
    matches = (Match(miss.nearest, miss.nearest_score), Match(miss.right, miss.right_score))
    scores = (miss.nearest_score, miss.right_score)
    ranking = Ranking(whole_vector(query.image), matches, scores)
    pictures = [open_picture(match) for match in matches]
    st.markdown(_sentence(row))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _buttons(row)
        with st.popover("Display", icon=":material/palette:"):
            style = style_controls()
    maps = maps_of(query, ranking, pictures, None, settings)
    scales = match_scales(maps, style, with_query_maps=True)
    notes = ("wrong: nearest of all", f"right: {_ordinal(miss.rank)} of all")
    shown = shown_matches(query, ranking, pictures, maps, style, scales, notes, True)
    shown[1] = replace(shown[1], rank=miss.rank)
    plain = as_data_uri(fitted(query.seen, QUERY_BOX))
    show_weights(settings)
    results_grid(
        shown,
        "miss",
        lambda image_id: _open(PAIR_PAGE, row, match=image_id),
        lambda image_id: _open(SEARCH_PAGE, row, query=image_id),
        ShownQuery(plain, miss.query.id),
        card_width="max(10rem, 40%)",
    )
    if run_missing(pictures, settings):
        st.rerun()
    if scales.shared:
        colour_bar(scales.shared)


def _sentence(row: ShownMiss) -> str:
    miss = row.outcome
    change = {
        "fixed": " The other network finds it right.",
        "broken": " The first network finds it right; this is what the other one finds.",
        "missed": " The other network misses it, too.",
    }
    return (
        f"**{as_markdown(miss.query.id)}** of {as_markdown(miss.query.label)} is taken for "
        f"**{as_markdown(miss.taken_for)}**: {miss.nearest_score:.4f}, {miss.margin:.4f} more than "
        f"the best right one, which is {_ordinal(miss.rank)}; average precision at R "
        f"{miss.average_precision:.3f}, R = {miss.relevant:,}.{change.get(row.change, '')}"
    )


def _ordinal(rank: int) -> str:
    return f"no. {rank:,}"


def _buttons(row: ShownMiss) -> None:
    miss = row.outcome
    st.button(
        "Why the wrong one is nearest",
        icon=":material/compare_arrows:",
        type="primary",
        key="why_wrong",
        on_click=_open,
        args=(PAIR_PAGE, row),
        kwargs={"match": miss.nearest.id, "against": miss.right.id},
        help="The exact difference of the query's two maps, on the Pair page.",
    )
    for key, label, match in (
        ("pair_wrong", "Pair with the wrong one", miss.nearest),
        ("pair_right", "Pair with the right one", miss.right),
    ):
        st.button(
            label,
            icon=":material/compare:",
            key=key,
            on_click=_open,
            args=(PAIR_PAGE, row),
            kwargs={"match": match.id, "against": None},
        )
    st.button(
        "Search",
        icon=":material/image_search:",
        key="search_miss",
        on_click=_open,
        args=(SEARCH_PAGE, row),
        help="All matches of the query.",
    )


def _open(page: str, row: ShownMiss, **fields: str | None) -> None:
    """Have a page opened on the query, with the network that misses it; for callbacks."""
    open_page(page, **{"query": row.outcome.query.id, **as_fields(row.settings), **fields})


def place_of(rows: Sequence[ShownMiss], query: str | None) -> int:
    """The place of a query in the table; the first row where it is not there."""
    ids = [row.outcome.query.id for row in rows]
    return ids.index(query) if query in ids else 0
