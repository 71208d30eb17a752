"""Draw rectangles on an image: include or exclude, move, resize, delete, undo."""

import io
from typing import Any

import streamlit as st
from streamlit_drawable_canvas import boxes_to_drawing, st_canvas

from simviz_core.decomposition.regions import Rectangle
from simviz_core.images import LoadedImage
from simviz_core.retrieval import Region
from simviz_ui.display.map_style import fitted
from simviz_ui.navigation import came_with_link, remember, view, was_shown

CANVAS_BOX = (440, 440)
"""The image is drawn on as large as fits into this width and height, in pixels."""
STROKES = {"include": "#2f9e60", "exclude": "#d64545"}
FILLS = {"include": "rgba(47, 158, 96, 0.12)", "exclude": "rgba(214, 69, 69, 0.30)"}
STROKE_WIDTH = 3
FONT_SIZE = 12
Box = dict[str, Any]
"""A rectangle of the canvas: label, left, top, width, height."""


def draw_region(image_id: str, image: LoadedImage) -> Region:
    """Show an image to draw on, and return what is drawn on it.

    The drawing belongs to the image: it is there again when the image is chosen again, after a
    page switch, and through the link after a reload.

    Args:
        image_id: The image's id.
        image: The image.

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
        "to draw. In the toolbar over the picture, the pencil lets you move, resize, relabel and "
        "delete; the arrows undo and redo what is drawn; the bin clears.",
    )
    picture = fitted(image.pixels, CANVAS_BOX)
    scale = (picture.width / image.width, picture.height / image.height)
    key = f"canvas {image_id}"
    seeds: dict[str, Any] = st.session_state.setdefault("canvas_seeds", {})
    if key not in st.session_state or key not in seeds:
        # What the canvas starts with must not change while it is shown.
        seeds[key] = _as_drawing(_drawn(image_id), scale)
    result = st_canvas(
        fill_color=FILLS[mode or "include"],
        stroke_color=STROKES[mode or "include"],
        stroke_width=STROKE_WIDTH,
        background_image=_encoded(image.digest, image),
        width=picture.width,
        height=picture.height,
        drawing_mode="labeled_rect",
        label=mode or "include",
        font_size=FONT_SIZE,
        initial_drawing=seeds[key],
        key=key,
    )
    region = _as_region(result.boxes, scale)
    _remember(image_id, region)
    return region


@st.cache_data(max_entries=32, show_spinner=False)
def _encoded(digest: str, _image: LoadedImage) -> bytes:
    buffer = io.BytesIO()
    fitted(_image.pixels, CANVAS_BOX).save(buffer, "JPEG", quality=90)
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
    for kind, rectangles in (("include", region.include), ("exclude", region.exclude)):
        boxes = [
            {
                "label": kind,
                "left": x0 * scale[0],
                "top": y0 * scale[1],
                "width": (x1 - x0) * scale[0],
                "height": (y1 - y0) * scale[1],
            }
            for x0, y0, x1, y1 in rectangles
        ]
        drawing = boxes_to_drawing(
            boxes, stroke_color=STROKES[kind], stroke_width=STROKE_WIDTH, fill_color=FILLS[kind]
        )
        objects += [{**box, "fontSize": FONT_SIZE} for box in drawing["objects"]]
    return {"objects": objects}


def _as_region(boxes: list[Box], scale: tuple[float, float]) -> Region:
    rectangles: dict[bool, list[Rectangle]] = {True: [], False: []}
    for box in boxes:
        is_excluded = box["label"].strip().lower().startswith("ex")
        left, top = box["left"] / scale[0], box["top"] / scale[1]
        corner = (left + box["width"] / scale[0], top + box["height"] / scale[1])
        rectangles[is_excluded].append((left, top, *corner))
    return Region(tuple(rectangles[False]), tuple(rectangles[True]))
