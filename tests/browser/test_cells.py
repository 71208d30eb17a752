"""Cell to cell in Chromium: pointing, pinning, dragging, keys; the numbers are Python's."""

import base64
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from simviz_core.cli.main import main
from simviz_core.figures import colour_scale, upsample
from simviz_ui.components.assets import asset

LINK = "?query=hotel_00/view_2.jpg&match=hotel_00/view_4.jpg"
BLOCK = re.compile(r"[?&]cell=([^&]*)")


def open_pair(page: Page, app_url: str, more: str = "") -> Page:
    page.goto(f"{app_url}/pair{LINK}{more}")
    expect(page.locator(".picture")).to_have_count(2)
    settled(page)
    return page


def settled(page: Page) -> None:
    page.wait_for_timeout(300)
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()


def picture(page: Page, side: str) -> Locator:
    return page.locator(f".picture[data-side={side}]")


def place(page: Page, side: str, row: float, column: float, cells: int = 7) -> tuple[float, float]:
    """The middle of a cell, in pixels of the window."""
    picture(page, side).scroll_into_view_if_needed()
    box = picture(page, side).bounding_box()
    assert box
    x = box["x"] + (column + 0.5) / cells * box["width"]
    return x, box["y"] + (row + 0.5) / cells * box["height"]


ROUNDING = 1e-5
"""The page runs both images at once, by OpenVINO; the command one by one here, by PyTorch."""


def block(page: Page) -> str | None:
    return page.locator(".outer:has(.sides)").get_attribute("data-block")


def numbers(page: Page) -> tuple[float, tuple[int, ...], float]:
    """The contribution, the partner, and the contribution with it; to the last bit."""
    first, second = page.locator(".words > div").all()
    partner = second.get_attribute("data-partner") or ""
    return (
        float(first.get_attribute("data-contribution") or "nan"),
        tuple(map(int, partner.split(","))),
        float(second.get_attribute("data-contribution") or "nan"),
    )


def painted(page: Page, side: str) -> str:
    return picture(page, side).evaluate("p => p.querySelector('.heat').toDataURL()")


def explained(capsys: pytest.CaptureFixture[str], *options: str) -> dict:
    rooms = Path("demo/rooms/images")
    paths = [str(rooms / f"hotel_00/view_{view}.jpg") for view in (2, 4)]
    assert main(["pair", *paths, *options, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("size", "pooling", "cells"), [("224 px", "Average", 7), ("448 px", "Max", 14)]
)
def test_pointing_shows_python_s_numbers_and_asks_the_server_for_nothing(
    page: Page,
    app_url: str,
    capsys: pytest.CaptureFixture[str],
    size: str,
    pooling: str,
    cells: int,
) -> None:
    received: list[int] = []
    page.on("websocket", lambda s: s.on("framereceived", lambda data: received.append(len(data))))
    open_pair(page, app_url, f"&size={size}&pooling={pooling}")
    before = painted(page, "match")
    places = [("query", 2, 3), ("query", cells - 1, 0), ("match", 4, 1)]
    settings = ["--size", size.split()[0], "--pooling", pooling.lower()]
    options = [f"--partners-of={side},{row},{column}" for side, row, column in places]
    expected = explained(capsys, *settings, *options)["cells"]
    received.clear()
    for (side, row, column), part in zip(places, expected, strict=True):
        page.mouse.move(*place(page, side, row, column, cells))
        expect(page.locator(".words")).to_contain_text(f"row {row}, column {column}")
        whole, partner, together = numbers(page)
        assert whole == pytest.approx(part["contribution"], rel=ROUNDING)
        assert partner == (part["partner"]["row"], part["partner"]["column"])
        assert together == pytest.approx(part["partner"]["contribution"], rel=ROUNDING)
    assert painted(page, "match") == before, "the pointer lies on the match now"
    assert painted(page, "query") != before
    assert received == []


def test_the_painted_map_is_the_figure_s(
    page: Page, app_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_pair(page, app_url, "&opacity=100&style=Cells&colours=viridis")
    page.mouse.move(*place(page, "query", 3, 2))
    values = np.array(explained(capsys, "--partners-of=query,3,2")["cells"][0]["map"])
    expected = matplotlib.colormaps["viridis"](values / values.max(), bytes=True)[..., :3]
    colours = picture(page, "match").evaluate(
        """p => { const c = p.querySelector(".heat"), d = c.getContext("2d"), out = [];
        for (let y = 0; y < 7; y++) for (let x = 0; x < 7; x++) out.push(...d.getImageData(
          (x + 0.5) / 7 * c.width, (y + 0.5) / 7 * c.height, 1, 1).data.slice(0, 3));
        return out; }"""
    )
    # One step of the colour map: single precision in the browser.
    np.testing.assert_allclose(np.reshape(colours, (7, 7, 3)), expected, atol=4)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("lowest", [0.0, -0.4])
def test_the_browser_colours_any_map_as_python_does(
    page: Page, smooth: bool, lowest: float
) -> None:
    values = np.random.default_rng(0).uniform(lowest, 1, (5, 7)).astype(np.float32)
    scale = colour_scale(values)
    assert (scale.colour_map == "RdBu_r") is (lowest < 0)
    colours = matplotlib.colormaps[scale.colour_map](np.arange(256) / 256, bytes=True)[:, :3]
    painted = page.evaluate(
        asset("colours.js")
        + """;([values, table, smooth]) => {
        const scale = ownScale(values), canvas = new OffscreenCanvas(61, 47);
        paint(canvas, Float32Array.from(values), [5, 7], scale, lookupTable(table), smooth);
        const pixels = canvas.getContext("2d").getImageData(0, 0, 61, 47).data;
        return [[scale.low, scale.high], [...pixels]]; }""",
        [values.ravel().tolist(), base64.b64encode(colours.tobytes()).decode(), smooth],
    )
    assert painted[0] == [scale.low, scale.high]
    expected = scale.colours(upsample(values, 61, 47, smooth)).astype(int)
    differences = np.abs(np.reshape(painted[1], (47, 61, 4))[..., :3] - expected)
    # One step of the colour map, where single precision rounds the other way.
    assert differences.max() <= 12
    assert (differences > 0).mean() < 0.01


def test_a_click_pins_and_a_second_click_lets_go(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    page.mouse.click(*place(page, "query", 5, 2))
    expect(page).to_have_url(re.compile("cell=query%2C5%2C2"))
    pinned = painted(page, "match")
    page.mouse.move(*place(page, "query", 1, 1))
    assert block(page) == "query,5,2"
    page.mouse.move(*place(page, "match", 0, 6))
    expect(page.locator(".words")).to_contain_text("With the match, row 0, column 6")
    page.mouse.move(0, 0)
    assert (block(page), painted(page, "match")) == ("query,5,2", pinned)
    page.reload()
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    settled(page)
    assert (block(page), painted(page, "match")) == ("query,5,2", pinned)
    page.mouse.click(*place(page, "query", 5, 2))
    expect(page.get_by_role("button", name="Unpin")).to_be_hidden()
    expect(page).not_to_have_url(BLOCK)


def test_the_button_and_escape_let_go(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    for let_go in (
        lambda: page.keyboard.press("Escape"),
        lambda: page.get_by_role("button", name="Unpin").click(),
    ):
        page.mouse.click(*place(page, "match", 3, 3))
        expect(page).to_have_url(re.compile("cell=match%2C3%2C3"))
        let_go()
        expect(page).not_to_have_url(BLOCK)
        page.mouse.move(0, 0)
        assert block(page) == ""


def test_a_drag_adds_cells_up(page: Page, app_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    open_pair(page, app_url)
    page.mouse.move(*place(page, "match", 5, 4))
    page.mouse.down()
    page.mouse.move(*place(page, "match", 3, 2), steps=4)
    expect(page.locator(".words")).to_contain_text("rows 3–5, columns 2–4")
    page.mouse.move(*place(page, "match", 30, 2), steps=4)
    expect(page.locator(".words")).to_contain_text("rows 5–6, columns 2–4")
    page.mouse.move(*place(page, "match", 3, 2), steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("cell=match%2C3%2C2%2C5%2C4"))
    (part,) = explained(capsys, "--partners-of=match,3,2,5,4")["cells"]
    whole, partner, together = numbers(page)
    assert whole == pytest.approx(part["contribution"], rel=ROUNDING)
    assert together == pytest.approx(part["partner"]["contribution"], rel=ROUNDING)
    assert partner == (part["partner"]["row"], part["partner"]["column"])


def test_keys_move_and_widen_the_pinned_cell(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    picture(page, "query").focus()
    page.keyboard.press("Enter")
    side, row, column = (block(page) or "").split(",")
    assert side == "query"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    row, column = int(row) - 1, int(column) - 1
    assert block(page) == f"query,{row},{column}"
    page.keyboard.press("Shift+ArrowRight")
    assert block(page) == f"query,{row},{column},{row},{column + 1}"
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert block(page) == f"query,{row},5,{row},6"
    page.keyboard.press("Tab")  # the button that enlarges the picture
    page.keyboard.press("Tab")
    expect(picture(page, "match")).to_be_focused()
    page.keyboard.press("ArrowDown")
    assert (block(page) or "").startswith("match,")
    page.keyboard.press("Escape")
    assert block(page) == ""


def test_a_pin_outlives_settings_and_the_other_image_but_not_its_own(
    page: Page, app_url: str
) -> None:
    open_pair(page, app_url)
    page.mouse.click(*place(page, "query", 5, 2))
    page.get_by_text("Cells", exact=True).click()
    settled(page)
    page.get_by_text("GeM", exact=True).click()
    settled(page)
    assert block(page) == "query,5,2"
    page.get_by_role("combobox", name="Match").first.click()
    page.get_by_role("option", name="hotel_00/view_5.jpg").click()
    expect(picture(page, "match").locator("img")).to_have_attribute("alt", re.compile("view_5"))
    assert block(page) == "query,5,2"
    page.locator(".st-key-query_next button").first.click()
    expect(picture(page, "query").locator("img")).to_have_attribute("alt", re.compile("view_3"))
    settled(page)
    assert block(page) == ""
    expect(page).not_to_have_url(BLOCK)


def test_the_figure_of_the_page_has_the_pinned_cells(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    open_pair(page, app_url)
    heights = []
    for _ in range(2):
        with page.expect_download() as download:
            page.get_by_role("button", name="Figure (PNG)").click()
        download.value.save_as(tmp_path / "pair.png")
        heights.append(Image.open(tmp_path / "pair.png").height)
        page.mouse.click(*place(page, "query", 5, 2))
        expect(page).to_have_url(BLOCK)
        settled(page)
    assert heights[1] > 1.7 * heights[0]


def test_one_picture_under_the_other_where_it_is_narrow(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 480, "height": 1000})
    open_pair(page, app_url)
    boxes = [picture(page, side).bounding_box() for side in ("query", "match")]
    assert boxes[0]
    assert boxes[1]
    assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
