"""The boxes of the canvas as a region of the image, and back."""

from collections.abc import Sequence
from typing import Any

from simviz_core.decomposition.regions import Rectangle
from simviz_core.images import LoadedImage
from simviz_core.retrieval import Region

CANVAS_BOX = (440, 440)
"""The image is drawn on as large as fits into this width and height, in pixels."""
SHORTEST_SIDE = 140
"""A very wide or tall image is enlarged until its shorter side has so many pixels, and scrolled."""
LONGEST_SIDE = 4000
"""No side of the canvas is longer, in pixels."""
STROKE_WIDTH = 3
Box = dict[str, Any]
"""A rectangle of the canvas: label, left, top, width, height."""


def canvas_size(image: LoadedImage) -> tuple[int, int]:
    """How large an image is shown to draw on, in pixels: width and height."""
    fits = min(CANVAS_BOX[0] / image.width, CANVAS_BOX[1] / image.height)
    enough = SHORTEST_SIDE / min(image.width, image.height)
    factor = min(max(fits, enough), max(fits, LONGEST_SIDE / max(image.width, image.height)))
    return max(1, round(image.width * factor)), max(1, round(image.height * factor))


def region_of_boxes(boxes: Sequence[Box], scale: tuple[float, float], image: LoadedImage) -> Region:
    """The region that boxes of the canvas say, inside the image; a click without a drag is none.

    Args:
        boxes: Label, left, top, width and height, in pixels of the canvas.
        scale: Pixels of the canvas for one of the original, across and down.
        image: What is drawn on.
    """
    rectangles: dict[bool, list[Rectangle]] = {True: [], False: []}
    for box in boxes:
        if box["width"] == box["height"] == STROKE_WIDTH:
            continue  # what the canvas makes of a click
        is_excluded = box["label"].strip().lower().startswith("ex")
        left, top = box["left"] / scale[0], box["top"] / scale[1]
        right, bottom = left + box["width"] / scale[0], top + box["height"] / scale[1]
        x0, x1 = _within(left, right, image.width, 1 / scale[0])
        y0, y1 = _within(top, bottom, image.height, 1 / scale[1])
        if x0 < x1 and y0 < y1:
            rectangles[is_excluded].append((x0, y0, x1, y1))
    return Region(tuple(rectangles[False]), tuple(rectangles[True]))


def _within(low: float, high: float, size: int, pixel: float) -> tuple[float, float]:
    """Two ends along one side, cut off at the image's edges.

    An end within a pixel of the canvas from an edge is on it: the pointer has no finer steps.
    """
    low = 0.0 if low < pixel else low
    return low, float(size) if high > size - pixel else high


def boxes_of(region: Region, scale: tuple[float, float]) -> list[Box]:
    """The boxes of a region, each kind numbered from 1; what `region_of_boxes` reads."""
    return [
        {
            "label": f"{kind} {number}",
            "left": x0 * scale[0],
            "top": y0 * scale[1],
            "width": (x1 - x0) * scale[0],
            "height": (y1 - y0) * scale[1],
        }
        for kind, rectangles in (("include", region.include), ("exclude", region.exclude))
        for number, (x0, y0, x1, y1) in enumerate(rectangles, start=1)
    ]
