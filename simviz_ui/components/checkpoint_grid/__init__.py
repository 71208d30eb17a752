"""A grid of checkpoints: columns of pictures with their maps, the runs stacked."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from simviz_ui.components.assets import asset

_grid = st.components.v2.component(
    "simviz_checkpoints",
    css=asset("layers.css") + asset("checkpoint_grid/checkpoints.css"),
    js=asset("layers.js") + asset("checkpoint_grid/checkpoints.js"),
)


@dataclass(frozen=True)
class ShownPicture:
    """A picture in a column.

    Attributes:
        source: As a data URI; None for a file that cannot be read.
        alt: What it shows, in words.
        label: Its class, or what it is.
        score: As it is written.
        id: Of a match, to be followed or searched for; None where there is nothing to click.
        is_hit: Whether it is of the query's class; None where that is not known.
        heat: Its map alone, as a data URI; None where there is none.
        query_heat: The query's map for this match, as a data URI.
        padding: How much of the score lies in the padding, in words; "" where there is none.
        query_padding: The same of the query's map for this match.
    """

    source: str | None
    alt: str
    label: str
    score: str
    id: str | None = None
    is_hit: bool | None = None
    heat: str | None = None
    query_heat: str | None = None
    padding: str = ""
    query_padding: str = ""


@dataclass(frozen=True)
class ShownColumn:
    """One checkpoint.

    Attributes:
        title: Its iteration.
        note: How well it retrieves.
        pictures: The query, then its matches; the plain query while there is no more to show.
        waiting: What is being done meanwhile.
        error: Why it cannot be used.
        place: The column of the grid, from 1; equal iterations of two runs have the same.
        number: Tells the checkpoint from the others that are shown.
    """

    title: str
    note: str
    place: int
    number: int
    pictures: tuple[ShownPicture, ...] = ()
    waiting: str = ""
    error: str = ""


@dataclass(frozen=True)
class ShownRun:
    """One run.

    Attributes:
        title: What it is.
        columns: Its checkpoints.
    """

    title: str
    columns: tuple[ShownColumn, ...]


def checkpoint_grid(
    runs: Sequence[ShownRun],
    key: str,
    on_pair: Callable[[int, str], None],
    on_follow: Callable[[int, str], None],
    on_query: Callable[[int, str], None],
) -> None:
    """Show runs stacked, their checkpoints side by side.

    Args:
        runs: One or more.
        key: The widget's key.
        on_pair: Called with a column's number and the id of a match in it, to explain that pair.
        on_follow: The same for a match that the query is to be followed with.
        on_query: The same for a match that is to be the new query.
    """

    def take(name: str, act: Callable[[int, str], None]) -> None:
        clicked = getattr(st.session_state[key], name)
        if clicked is not None:
            act(clicked["column"], clicked["id"])

    _grid(
        data={"runs": [asdict(run) for run in runs]},
        key=key,
        on_pair_change=lambda: take("pair", on_pair),
        on_follow_change=lambda: take("follow", on_follow),
        on_query_change=lambda: take("query", on_query),
    )
