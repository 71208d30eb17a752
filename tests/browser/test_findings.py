"""Views are kept, survive a reload, and become a report that needs nothing; pictures up close."""

import json
import re
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, expect

from simviz_core.cli.main import main

QUERY, MATCH = "hotel_01/view_0.jpg", "hotel_01/view_1.jpg"
PAIR = urlencode({"query": QUERY, "match": MATCH})


def settled(page: Page) -> None:
    """Wait until the app has finished running."""
    page.wait_for_timeout(300)  # a click takes a moment to make it run
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()


def keep(page: Page, count: int, note: str = "") -> None:
    """Star the view that is shown, as the findings' `count`th."""
    settled(page)
    page.get_by_role("button", name="Star").click()
    page.get_by_role("textbox", name="Note").fill(note)
    page.get_by_role("button", name="Keep this view").click()
    expect(page.get_by_role("button", name=f"Findings ({count})")).to_be_visible()


def test_kept_views_survive_a_reload_and_become_a_report(
    page: Page, app_url: str, chromium: Browser, tmp_path: Path, demo_rooms: Path
) -> None:
    page.goto(f"{app_url}/pair?{PAIR}&pooling=max")
    expect(page.locator(".picture")).to_have_count(2)
    keep(page, 1, "<b>the same</b> bedspread")
    page.goto(f"{app_url}/pair?{PAIR}&compare_poolings=true")
    expect(page.get_by_text("Comparison (PNG)")).to_be_visible()
    keep(page, 2)
    page.get_by_role("button", name="Findings (2)").click()
    expect(page.get_by_role("heading", name="Findings", exact=True)).to_be_visible()
    page.reload()
    cards = page.locator('[class*="st-key-finding_"]')
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text(QUERY)
    expect(cards.first.get_by_role("textbox")).to_have_value("<b>the same</b> bedspread")
    cards.nth(1).get_by_role("button", name="Delete").click()
    expect(cards).to_have_count(1)
    page.get_by_role("button", name="Make the report").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    download.value.save_as(tmp_path / "report.html")
    cards.first.get_by_role("button", name="Open").click()
    expect(page).to_have_url(re.compile("/pair.*pooling=max"))

    # Another browser knows nothing of it, and opens the report without any network.
    context = chromium.new_context(offline=True)
    other = context.new_page()
    asked: list[str] = []
    other.on("request", lambda request: asked.append(request.url))
    other.goto((tmp_path / "report.html").as_uri())
    expect(other.get_by_text("<b>the same</b> bedspread")).to_be_visible()
    expect(other.get_by_text("The same numbers as when it was kept")).to_be_visible()
    picture = other.locator("figure img")
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 500
    files = [str(demo_rooms / name) for name in (QUERY, MATCH)]
    main(["pair", *files, "--pooling", "max", "--json", str(tmp_path / "pair.json")])
    score = json.loads((tmp_path / "pair.json").read_text())["similarity"]
    expect(other.get_by_role("row", name=f"similarity {score:.6g}", exact=True)).to_be_visible()
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    context.close()


def test_originals_are_held_maps_follow_the_slider_and_pictures_zoom_in_step(
    page: Page, app_url: str
) -> None:
    page.goto(f"{app_url}/pair?{PAIR}")
    expect(page.locator(".picture")).to_have_count(2)
    settled(page)
    maps = page.locator(".picture .heat")
    for heat in maps.all():
        expect(heat).to_have_css("opacity", "0.6")
    page.keyboard.down("o")
    for heat in maps.all():
        expect(heat).to_have_css("opacity", "0")
    page.keyboard.up("o")
    expect(maps.first).to_have_css("opacity", "0.6")
    page.get_by_role("button", name="Original").hover()
    page.mouse.down()
    expect(maps.first).to_have_css("opacity", "0")
    page.mouse.up()
    expect(maps.first).to_have_css("opacity", "0.6")

    # The link tells what the server knows: while the slider is dragged, it does not know yet.
    thumb = page.locator(".st-key-opacity").get_by_test_id("stSliderThumbValue").locator("xpath=..")
    box = thumb.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 80, box["y"] + 5, steps=6)
    expect(maps.first).not_to_have_css("opacity", "0.6")
    dragged = maps.first.evaluate("heat => getComputedStyle(heat).opacity")
    expect(page).not_to_have_url(re.compile("opacity="))
    page.mouse.up()
    expect(page).to_have_url(re.compile(f"opacity={float(dragged) * 100:.0f}"))
    expect(maps.first).to_have_css("opacity", dragged)

    page.get_by_role("button", name="Look closely").first.click()
    stages = page.locator("dialog .stage")
    expect(stages).to_have_count(2)
    page.locator("dialog .frame").first.hover(position={"x": 40, "y": 60})
    page.mouse.wheel(0, -300)
    expect(page.locator("dialog")).not_to_have_attribute("data-zoom", "1.000")
    first, second = (stage.evaluate("stage => stage.style.transform") for stage in stages.all())
    assert first == second
    assert "scale(1)" not in first
    page.keyboard.press("Escape")
    expect(page.locator("dialog.simviz-look")).to_have_count(0)
