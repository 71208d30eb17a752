"""The Map page in a browser: pointing, clicking, and a selection drawn around dots."""

import re
from pathlib import Path

from browser_testing import until_taken
from playwright.sync_api import Page, expect

CHART = ".st-key-gallery_map .js-plotly-plot"


def place_of(page: Page, row: int) -> tuple[float, float]:
    """Where a dot is, in pixels of the window."""
    found = page.wait_for_function(  # the chart may be drawn anew at this moment
        """([chart, row]) => {
            const gd = document.querySelector(chart);
            if (!gd?._fullLayout?.xaxis || !gd.calcdata?.length) return null;
            const { xaxis, yaxis } = gd._fullLayout;
            const box = gd.getBoundingClientRect();
            for (const { customdata, x, y } of gd.calcdata.map((trace) => trace[0].trace)) {
                const place = Array.from(customdata).indexOf(row);
                if (place >= 0)
                    return [box.left + xaxis._offset + xaxis.d2p(x[place]),
                            box.top + yaxis._offset + yaxis.d2p(y[place])];
            }
        }""",
        arg=[CHART, row],
    ).json_value()
    return found[0], found[1]


def test_dots_are_pointed_at_clicked_and_drawn_around(
    page: Page, app_url: str, three_hotels: Path
) -> None:
    page.goto(f"{app_url}/map?gallery={three_hotels}")
    marks = page.locator(f"{CHART} [data-mark]")
    expect(marks).to_have_count(13)
    page.mouse.move(*place_of(page, 7))
    picture = page.locator(f"{CHART} .simviz-picture")
    expect(picture).to_contain_text("hotel_01/view_1.jpg")
    expect(picture.locator("img")).to_be_visible()
    page.mouse.click(*place_of(page, 3))
    expect(page).to_have_url(re.compile("query=hotel_00%2Fview_3.jpg"))
    expect(marks).to_have_count(13)

    # A lasso around two dots, however they lie.
    across, down = zip(*(place_of(page, row) for row in (0, 3)), strict=True)
    left, right = min(across) - 8, max(across) + 8
    top, bottom = min(down) - 8, max(down) + 8
    outline = [(left, top), (right, top), (right, bottom), (left, bottom)]
    title = page.get_by_text(re.compile(r"Selection of \d+ images"))

    def draw() -> None:
        page.mouse.move(*outline[0])
        page.mouse.down()
        for corner in [*outline[1:], outline[0]]:
            page.mouse.move(*corner, steps=8)
        page.mouse.up()

    until_taken(draw, lambda wait: expect(title).to_be_visible(timeout=wait))
    count = int(re.findall(r"\d+", title.inner_text())[0])
    expect(page).to_have_url(re.compile("selection=[0-9a-f]{16}"))

    page.get_by_test_id("stMain").get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"/search\?.*selection=[0-9a-f]{16}"))
    expect(page.get_by_text(f"Selection of {count} images")).to_be_visible()
    # The query is one of them, and is not its own match.
    expect(page.locator(".card")).to_have_count(min(count - 1, 12))
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Selection of")).to_have_count(0)
    expect(page.locator(".card")).to_have_count(12)
