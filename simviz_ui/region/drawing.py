"""Draw rectangles on an image: include or exclude, move, resize, delete, undo, or type corners."""

import io
from typing import Any

import streamlit as st
from streamlit_drawable_canvas import boxes_to_drawing, st_canvas

from simviz_core.images import Frame, LoadedImage
from simviz_core.retrieval import Region
from simviz_ui.components.canvas import tend_canvas
from simviz_ui.navigation import came_with_link, remember, run_again, view, was_shown
from simviz_ui.region.boxes import (
    CANVAS_BOX,
    STROKE_WIDTH,
    boxes_of,
    canvas_size,
    region_of_boxes,
)
from simviz_ui.region.corners import corner_fields

STROKES = {"include": "#2f9e60", "exclude": "#d64545"}
FILLS = {"include": "rgba(47, 158, 96, 0.12)", "exclude": "rgba(214, 69, 69, 0.30)"}
FONT_SIZE = 12


def draw_region(image_id: str, image: LoadedImage, frame: Frame) -> Region:
    """Show an image to draw on, and return what is drawn on it.

    The drawing belongs to the image: it is there again when the image is chosen again, after a
    page switch, and through the link after a reload.

    Args:
        image_id: The image's id.
        image: The image.
        frame: What the network sees of it; the rest is dark.

    Returns:
        The region, in pixels of the original; a box whose label begins with "ex" is excluded.
    """
    mode = st.segmented_control(
        "Draw",
        list(STROKES),
        default="include",
        required=True,
        format_func=str.capitalize,
        key="draw",
        help="Search for what the green rectangles cover, without what the red ones cover. Drag "
        "to draw. In the toolbar over the picture, the pencil lets you select, move, resize and "
        "relabel, and the Delete key removes what is selected; the arrows undo and redo what is "
        "drawn; the bin clears. Corners, below the picture, takes numbers instead.",
    )
    size = canvas_size(image)
    scale = (size[0] / image.width, size[1] / image.height)
    drawn = _drawn(image_id)
    seeds: dict[str, Any] = st.session_state.setdefault("canvas_seeds", {})
    key = f"canvas {image_id} {st.session_state.get('canvas_number', 0)}"
    if key not in st.session_state or key not in seeds:
        # What the canvas starts with must not change while it is shown.
        seeds[key] = _as_drawing(drawn, scale), drawn
    drawing, seeded = seeds[key]
    kind = mode or "include"
    result = st_canvas(
        fill_color=FILLS[kind],
        stroke_color=STROKES[kind],
        stroke_width=STROKE_WIDTH,
        background_image=_encoded(image.digest, frame, image),
        width=size[0],
        height=size[1],
        max_display_height=CANVAS_BOX[1],
        drawing_mode="labeled_rect",
        label=f"{kind} {_next_number(kind, key, drawing)}",
        font_size=FONT_SIZE,
        initial_drawing=drawing,
        key=key,
    )
    region = region_of_boxes(result.boxes, scale, image)
    if region == region_of_boxes(boxes_of(seeded, scale), scale, image):
        region = seeded  # to the last bit, which the canvas's scale may cost
    label = f"{image_id}, to draw rectangles on. {_in_words(region)} Corners, below, takes numbers."
    with st.container(key="tending"):  # takes no room
        tend_canvas(label, min(size[0], CANVAS_BOX[0]), region.is_drawn)
    typed = corner_fields(region, (image.width, image.height))
    if typed != region:
        st.session_state["canvas_number"] = st.session_state.get("canvas_number", 0) + 1
        _remember(image_id, typed)
        run_again()
    _remember(image_id, region)
    return region


@st.cache_data(max_entries=32, show_spinner=False)
def _encoded(digest: str, frame: Frame, _image: LoadedImage) -> bytes:
    buffer = io.BytesIO()
    shown = frame.dimmed(_image.pixels).resize(canvas_size(_image), reducing_gap=2)
    shown.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _drawn(image_id: str) -> Region:
    """What was drawn on an image before, in this session or by whoever made the link."""
    drawn: dict[str, Region] = st.session_state.setdefault("drawn", {})
    if came_with_link("regions"):
        drawn[image_id] = view().regions
        was_shown("regions")
    return drawn.get(image_id, Region())


def _remember(image_id: str, region: Region) -> None:
    st.session_state["drawn"][image_id] = region
    remember(regions=region)


def _as_drawing(region: Region, scale: tuple[float, float]) -> dict[str, Any]:
    objects = []
    for box in boxes_of(region, scale):
        kind = box["label"].split()[0]
        drawing = boxes_to_drawing(
            [box], stroke_color=STROKES[kind], stroke_width=STROKE_WIDTH, fill_color=FILLS[kind]
        )
        objects += [{**drawn, "fontSize": FONT_SIZE} for drawn in drawing["objects"]]
    return {"objects": objects}


def _next_number(kind: str, key: str, drawing: dict[str, Any]) -> int:
    """One more than the rectangles of a kind have that are on the canvas at this moment."""
    held = (st.session_state.get(key) or {}).get("drawing") or {"raw": drawing}
    labels = [str(drawn.get("label", "")) for drawn in (held["raw"] or {}).get("objects", [])]
    numbers = [label.removeprefix(kind).strip() for label in labels if label.startswith(kind)]
    return max([int(number) for number in numbers if number.isdecimal()], default=0) + 1


def _in_words(region: Region) -> str:
    if not region.is_drawn:
        return "Nothing is drawn."
    return f"{len(region.include)} included, {len(region.exclude)} excluded."
