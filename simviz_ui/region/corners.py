"""The rectangles of a region as numbers: to read, to type and to delete by keyboard."""

from typing import Any

import streamlit as st

from simviz_core.decomposition.regions import Rectangle
from simviz_core.retrieval import Region
from simviz_ui.view import region_as_text

CORNERS = ("left", "top", "right", "bottom")


def corner_fields(region: Region, size: tuple[int, int]) -> Region:
    """Show the rectangles of a region as a table that can be edited.

    Args:
        region: What is drawn, in pixels of the original.
        size: The image's width and height in pixels.

    Returns:
        What the table says; the same region where it was not touched, or where a row is not
        complete yet or no rectangle inside the image.
    """
    rows = [
        {"kind": kind, **dict(zip(CORNERS, rectangle, strict=True))}
        for kind, rectangles in (("include", region.include), ("exclude", region.exclude))
        for rectangle in rectangles
    ]
    with st.popover(f"Corners ({len(rows)})" if rows else "Corners", icon=":material/straighten:"):
        st.caption(
            f"In pixels from the top left of the original, {size[0]} × {size[1]}. Add a row to "
            "draw by numbers."
        )
        edited: list[dict[str, Any]] = st.data_editor(
            rows or [{"kind": None, **dict.fromkeys(CORNERS)}],
            num_rows="dynamic",
            hide_index=True,
            key=f"corners {region_as_text(region)}",
            column_config={
                "kind": st.column_config.SelectboxColumn(
                    "Kind", options=["include", "exclude"], default="include"
                ),
                **{
                    name: st.column_config.NumberColumn(
                        name.capitalize(), min_value=0, max_value=size[axis % 2], format="%.0f"
                    )
                    for axis, name in enumerate(CORNERS)
                },
            },
        )
        typed, problem = (region, "") if edited == rows else region_of_rows(edited, region)
        if problem:
            st.warning(problem)
    return typed


def region_of_rows(rows: list[dict[str, Any]], before: Region) -> tuple[Region, str]:
    """The region that rows of corners say, and what is wrong with them.

    Args:
        rows: Each with kind, left, top, right and bottom; None where nothing is typed yet.
        before: Returned where a row is not complete, or no rectangle.
    """
    kinds: dict[str, list[Rectangle]] = {"include": [], "exclude": []}
    for row in rows:
        corners = [row.get(name) for name in CORNERS]
        if all(corner is None for corner in corners):
            continue
        if any(corner is None for corner in corners):
            return before, ""  # being typed
        x0, y0, x1, y1 = map(float, corners)  # type: ignore[arg-type]
        if not (x0 < x1 and y0 < y1):
            return before, "The left must be less than the right, and the top less than the bottom."
        kinds[row.get("kind") or "include"].append((x0, y0, x1, y1))
    return Region(tuple(kinds["include"]), tuple(kinds["exclude"])), ""
