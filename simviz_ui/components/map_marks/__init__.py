"""What is laid over a Plotly chart: marks of single dots, and the picture under the pointer."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from simviz_ui.components.assets import asset

_map_marks = st.components.v2.component("simviz_map_marks", js=asset("map_marks/map_marks.js"))


@dataclass(frozen=True)
class Mark:
    """A dot that is marked.

    Attributes:
        x: Its place on the chart.
        y: Likewise.
        kind: `query` or `match`.
        text: What stands beside it.
    """

    x: float
    y: float
    kind: str
    text: str


@dataclass(frozen=True)
class Picture:
    """The picture of a dot.

    Attributes:
        row: The dot's `customdata`.
        source: A data URI; None for a file that cannot be read.
        lines: What stands under it.
    """

    row: int
    source: str | None
    lines: tuple[str, ...]


def map_marks(
    chart: str,
    marks: Sequence[Mark],
    picture: Picture | None,
    version: str,
    key: str,
    on_point: Callable[[int], None],
    on_click: Callable[[int], None],
) -> None:
    """Lay marks over the chart in a container, and show the picture of the dot that is pointed at.

    Args:
        chart: The key of the container that the chart is in.
        marks: Dots that are marked.
        picture: Of the dot that was pointed at last.
        version: What the rows mean; pictures of another version are forgotten.
        key: The widget's key.
        on_point: Called with the row of a dot that is pointed at and whose picture is not there.
        on_click: Called with the row of a dot that is clicked.
    """

    def tell(name: str, act: Callable[[int], None]) -> Callable[[], None]:
        def told() -> None:
            row = st.session_state[key][name]
            if row is not None:
                act(int(row))

        return told

    _map_marks(
        data={
            "chart": chart,
            "marks": [asdict(mark) for mark in marks],
            "version": version,
            "picture": None if picture is None else asdict(picture),
        },
        key=key,
        on_pointed_change=tell("pointed", on_point),
        on_clicked_change=tell("clicked", on_click),
    )
