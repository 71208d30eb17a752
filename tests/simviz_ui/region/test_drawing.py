"""What is drawn on a picture, or typed, as a region."""

import pytest
from PIL import Image

from simviz_core.images import LoadedImage
from simviz_core.retrieval import Region
from simviz_ui.region.boxes import (
    CANVAS_BOX,
    LONGEST_SIDE,
    SHORTEST_SIDE,
    STROKE_WIDTH,
    canvas_size,
    region_of_boxes,
)
from simviz_ui.region.corners import region_of_rows


def picture(width: int, height: int) -> LoadedImage:
    return LoadedImage(Image.new("RGB", (width, height)), width, height, "room.png", "digest")


def box(label: str, left: float, top: float, width: float, height: float) -> dict[str, object]:
    return {"label": label, "left": left, "top": top, "width": width, "height": height}


def row(kind: str | None, *corners: float | None) -> dict[str, object]:
    return {"kind": kind, **dict(zip(("left", "top", "right", "bottom"), corners, strict=True))}


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((320, 240), (CANVAS_BOX[0], 330)),
        ((2000, 4000), (220, CANVAS_BOX[1])),
        ((4000, 400), (1400, SHORTEST_SIDE)),
        ((100, 3000), (LONGEST_SIDE * 100 // 3000, LONGEST_SIDE)),
    ],
)
def test_a_picture_is_as_large_as_fits_and_large_enough_to_draw_on(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert canvas_size(picture(*size)) == shown


def test_boxes_are_cut_off_at_the_edge_and_snap_to_it() -> None:
    boxes = [box("include 1", -20, 0.4, 60, 50), box("exclude 1", 300, 200, 139.5, 500)]
    region = region_of_boxes(boxes, (2.0, 2.0), picture(220, 165))
    assert region.include == ((0.0, 0.0, 20.0, 25.2),)
    assert region.exclude == ((150.0, 100.0, 220.0, 165.0),)


def test_a_click_and_what_lies_outside_are_no_rectangles() -> None:
    boxes = [
        box("include 1", 40, 40, STROKE_WIDTH, STROKE_WIDTH),
        box("include 2", 500, 20, 50, 50),
    ]
    assert region_of_boxes(boxes, (2.0, 2.0), picture(220, 165)) == Region()


def test_corners_that_are_typed_are_a_region() -> None:
    rows = [row("include", 1, 2, 30, 40), row(None, 5, 5, 9, 9), row("exclude", 0, 0, 4, 4)]
    region, problem = region_of_rows(rows, Region())
    assert region == Region(((1, 2, 30, 40), (5, 5, 9, 9)), ((0, 0, 4, 4),))
    assert not problem


def test_a_row_that_is_being_typed_changes_nothing() -> None:
    before = Region(((0, 0, 5, 5),))
    assert region_of_rows([row("include", 1, 2, None, None)], before) == (before, "")
    assert region_of_rows([row("include", None, None, None, None)], before) == (Region(), "")


def test_corners_the_wrong_way_round_are_said() -> None:
    before = Region(((0, 0, 5, 5),))
    region, problem = region_of_rows([row("include", 30, 2, 1, 40)], before)
    assert region == before
    assert "left must be less than the right" in problem
