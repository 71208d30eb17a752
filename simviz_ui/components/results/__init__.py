"""The matches of a search as a grid of pictures, by mouse or keyboard."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from simviz_ui.components.assets import asset

_results = st.components.v2.component(
    "simviz_results",
    css=asset("layers.css") + asset("results/results.css"),
    js=asset("layers.js") + asset("results/results.js"),
)


@dataclass(frozen=True)
class ShownMatch:
    """A match as it is shown.

    Attributes:
        id: Of its image.
        source: Its picture, as a data URI; None for a file that cannot be read.
        alt: What the picture shows, in words.
        label: Its class, or its file's name.
        score: As it is written.
        note: A second line.
        is_hit: Whether it is of the query's class; None where that is not known.
        rank: Its place in the ranking; None for its place among the matches that are shown.
        heat: Its map alone, as a data URI; None where there is none.
        query_heat: The query's map for this match, as a data URI.
    """

    id: str
    source: str | None
    alt: str
    label: str
    score: str
    note: str = ""
    is_hit: bool | None = None
    rank: int | None = None
    heat: str | None = None
    query_heat: str | None = None


@dataclass(frozen=True)
class ShownQuery:
    """The query as it is shown beside its matches.

    Attributes:
        source: Its picture, as a data URI.
        caption: Its id.
    """

    source: str
    caption: str


def results_grid(
    matches: Sequence[ShownMatch],
    key: str,
    on_pair: Callable[[str], None],
    on_query: Callable[[str], None],
    query: ShownQuery | None = None,
    card_width: str = "9.5rem",
    query_share: float = 0.3,
) -> None:
    """Show matches as a grid.

    Args:
        matches: Best first.
        key: The widget's key.
        on_pair: Called with the id of a match that is to be opened on the Pair page.
        on_query: Called with the id of a match that is to be the new query.
        query: Shown beside the grid, with its map for the match under the pointer or the one that
            was clicked; None leaves it out.
        card_width: The least width of a match, as a CSS length.
        query_share: Of the width, for the query.
    """

    def take(name: str, act: Callable[[str], None]) -> None:
        image_id = getattr(st.session_state[key], name)
        if image_id is not None:
            act(image_id)

    data = {
        "query": asdict(query) if query else None,
        "matches": [asdict(match) for match in matches],
        "card_width": card_width,
        "query_share": query_share,
    }
    _results(
        data=data,
        key=key,
        on_pair_change=lambda: take("pair", on_pair),
        on_query_change=lambda: take("query", on_query),
    )
