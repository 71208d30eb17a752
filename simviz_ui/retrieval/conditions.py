"""Conditions on the columns of a gallery's manifest, the same on every page that searches it."""

from datetime import date, datetime, timedelta
from typing import Any

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.gallery import (
    COPY_FROM,
    Column,
    Conditions,
    Gallery,
    GalleryImage,
    check_conditions,
    value_text,
)
from simviz_ui.display.messages import as_markdown
from simviz_ui.navigation import choose, choose_instead, hold, say_instead, wanted

MOST_VALUES = 500
"""Of a column, that are offered to choose from; others can be typed."""


def chosen_conditions(gallery: Gallery) -> Conditions:
    """What is asked of the gallery's columns; before the controls are made.

    What this gallery cannot be asked is left out, and said above the page.
    """
    reasons: list[str] = []
    kept: dict[str, tuple[str, ...]] = {}
    for name in ("where", "leave_out_equal", "ask", "find"):
        asked = tuple(wanted(name) or ())
        kept[name] = tuple(text for text in asked if _can_be_asked(gallery, name, text, reasons))
        if kept[name] != asked:
            say_instead(name, f"Left out of the conditions: {'; '.join(reasons)}.", kept[name])
            choose_instead(name, kept[name])
    copies = COPY_FROM if wanted("leave_out_copies") else None
    return Conditions(
        kept["where"], kept["leave_out_equal"], kept["ask"], kept["find"], leave_out_copies=copies
    ).between(gallery.set_column)


def _can_be_asked(gallery: Gallery, name: str, text: str, reasons: list[str]) -> bool:
    try:
        fields: dict[str, Any] = {name: (text,)}
        asked = Conditions(**fields)
        check_conditions(gallery.columns, asked, gallery.columns_left_out)
    except SimVizError as error:
        reasons.append(str(error))
        return False
    return True


def condition_controls(gallery: Gallery) -> None:
    """Show the choice of conditions; of a gallery without columns whether copies are left out."""
    st.checkbox(
        "Leave out copies of the query",
        **hold("leave_out_copies"),
        on_change=choose,
        help=f"Images of a similarity of at least {COPY_FROM:g} to the query, which are most often "
        "the same picture, saved or cut anew.",
    )
    columns = {name: column for name, column in gallery.columns.items() if column.values}
    if not columns:
        return
    st.multiselect(
        "Only images with",
        list(wanted("where") or ()),
        **hold("where"),
        on_change=choose,
        accept_new_options=True,
        placeholder="Add below, or type column=value",
        help="Conditions on the manifest's columns: `column=value`, or `column=low..high` of "
        "numbers and dates. Of one column they are alternatives, those of different columns must "
        "hold together.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        name = st.selectbox("Column", list(columns), key="condition_column", width=150)
        text = _asked_value(columns[name])
        st.button(
            "Add",
            icon=":material/add:",
            key="add_condition",
            on_click=_add,
            args=(f"{name}={text}",),
            disabled=text is None,
        )
    with st.expander("Two sets: queries and references", expanded=bool(wanted("ask"))):
        for field, title in (("ask", "Ask only images with"), ("find", "Find only images with")):
            st.multiselect(
                title,
                list(wanted(field) or ()),
                **hold(field),
                on_change=choose,
                accept_new_options=True,
                placeholder="Type column=value",
                help="Queries come from one set, such as `split=query`, and find images of the "
                "other. Where only one is named, the other is all the rest.",
            )
    st.multiselect(
        "Leave out images equal to the query in",
        list(columns),
        **hold("leave_out_equal", options=list(columns)),
        on_change=choose,
        placeholder="No column",
        help="The same camera, say, or the same day: what else is similar?",
    )


def asked_ids(gallery: Gallery, conditions: Conditions) -> list[str] | None:
    """The ids of the images that are queries; None where all are, since there is one set."""
    if not conditions.has_two_sets:
        return None
    rows = conditions.asked_rows(gallery.columns, len(gallery.images))
    return [image.id for image, is_asked in zip(gallery.images, rows, strict=True) if is_asked]


def _add(condition: str) -> None:
    before = tuple(wanted("where") or ())
    if condition not in before:
        choose(where=(*before, condition))


def _asked_value(column: Column) -> str | None:
    """Ask for a value or a range of a column, as a condition has it; None for none yet."""
    if column.kind == "number":
        return _asked_numbers(column)
    if column.kind == "date":
        return _asked_dates(column)
    texts = [str(value) for value in column.values[:MOST_VALUES]]
    chosen = st.selectbox(
        "Value",
        texts,
        key=f"condition_value_of_{column.name}",
        accept_new_options=len(column.values) > MOST_VALUES,
        width=220,
    )
    return chosen


def _asked_numbers(column: Column) -> str | None:
    low, high = (column.values[place] for place in (0, -1))
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    whole = all(isinstance(value, int) for value in column.values)
    number = int if whole else float
    ends = []
    for title, start in (("From", low), ("To", high)):
        key = f"condition_{title.lower()}_of_{column.name}"
        ends.append(st.number_input(title, value=number(start), key=key, width=130))
    first, last = ends
    if first is None or last is None or first > last:
        return None
    return value_text(first) if first == last else f"{value_text(first)}..{value_text(last)}"


def _asked_dates(column: Column) -> str | None:
    first, last = (_day(column.values[place]) for place in (0, -1))
    chosen = st.date_input(
        "From, to",
        (first, last),
        min_value=first,
        max_value=last + timedelta(days=1),
        key=f"condition_dates_of_{column.name}",
        width=260,
    )
    if not isinstance(chosen, tuple) or len(chosen) != 2:
        return None
    begin, end = (value_text(day) for day in chosen)
    return begin if begin == end else f"{begin}..{end}"


def _day(value: object) -> date:
    assert isinstance(value, date)
    return value.date() if isinstance(value, datetime) else value


def say_conditions(conditions: Conditions, query: GalleryImage | None, name: str) -> None:
    """Say under which conditions images are found, and where the query is equal to nothing.

    Args:
        conditions: What is asked.
        query: The query in the gallery; None where it is an upload.
        name: Of the query.
    """
    if not conditions:
        return
    lacking = [
        column
        for column in conditions.leave_out_equal
        if query is None or query.columns.get(column) is None
    ]
    note = f" {name} has no {', '.join(lacking)}: nothing equals it there." if lacking else ""
    st.caption(as_markdown(f"{conditions.words}.{note}"), help="Chosen under Filter.")
