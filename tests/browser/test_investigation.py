"""One investigation from end to end, as an analyst makes it: from the map to the report."""

import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from simviz_core.cli.main import main

CHART = ".st-key-gallery_map .js-plotly-plot"
CANVAS = "canvas.upper-canvas"


class Commands(HTMLParser):
    """The commands of a report, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_inside = tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            self.found.append(data)


def star(page: Page, note: str, count: int) -> None:
    """Keep the view that is shown."""
    page.get_by_role("button", name="Star").click()
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name="Keep this view").click()
    expect(page.get_by_role("button", name=f"Findings ({count})")).to_be_visible()
    page.keyboard.press("Escape")


def complete(page: Page) -> None:
    """Wait until every match has its map, and the exports are there."""
    expect(page.locator(".card img[alt*='similarity map']").first).to_be_visible()
    expect(page.locator(".card img:not(.heat):not([alt*='similarity map'])")).to_have_count(0)
    # While a page is drawn anew the old one is still there.
    expect(page.get_by_role("button", name="Numbers (JSON)")).to_have_count(1)


def drag_around(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    page.mouse.move(left, top)
    page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(*corner, steps=6)
    page.mouse.up()


def test_from_the_map_to_a_report_whose_numbers_the_commands_give(
    page: Page, app_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The map: draw around a part of it, and search that part.
    page.goto(f"{app_url}/map")
    expect(page.locator(f"{CHART} [data-mark]").first).to_be_attached(timeout=300_000)
    box = page.locator(CHART).bounding_box()
    assert box
    left, top = box["x"] + 70, box["y"] + 60
    right, bottom = box["x"] + 0.7 * box["width"], box["y"] + box["height"] - 60
    drag_around(page, left, top, right, bottom)
    selection = page.get_by_text(re.compile(r"Selection of \d+ images"))
    expect(selection).to_be_visible()
    count = int(re.findall(r"\d+", selection.inner_text())[0])
    assert 1 < count < 288
    page.get_by_test_id("stMain").get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"/search\?.*selection="))
    complete(page)

    # A miss of the whole gallery: why the wrong one is nearest.
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text(re.compile("Selection of"))).to_have_count(0)
    complete(page)
    page.get_by_text("Only misses").click()
    expect(page).to_have_url(re.compile("only_misses=true"))
    page.keyboard.press("n")
    page.get_by_role("button", name="Why the wrong one is nearest").click()
    expect(page).to_have_url(re.compile(r"/pair\?.*against="))
    expect(page.get_by_role("heading", name="Why this match and not another?")).to_be_visible()
    expect(page.get_by_role("button", name="Contrast (JSON)")).to_be_visible()
    star(page, "the wrong one", 1)

    # A region of the same query.
    page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name="Region").click()
    expect(page.locator(CANVAS)).to_be_visible()
    complete(page)
    canvas = page.locator(CANVAS).bounding_box()
    assert canvas
    page.mouse.move(canvas["x"] + 0.45 * canvas["width"], canvas["y"] + 0.55 * canvas["height"])
    page.mouse.down()
    page.mouse.move(canvas["x"] + 0.95 * canvas["width"], canvas["y"] + 0.95 * canvas["height"])
    page.mouse.up()
    expect(page).to_have_url(re.compile("regions=include"))
    expect(page.get_by_text("Region carries")).to_be_visible()
    complete(page)
    star(page, "the bedspread", 2)

    # The report.
    page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name="Findings").click()
    for note in ("the wrong one", "the bedspread"):
        expect(page.get_by_text(note)).to_be_visible()
    page.get_by_role("button", name="Make the report").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    report = tmp_path / "report.html"
    download.value.save_as(report)
    html = report.read_text("utf-8")
    assert "not made again" not in html

    # Its commands give its numbers.
    commands = Commands()
    commands.feed(html)
    asked = [shlex.split(command) for command in commands.found]
    assert {words[3] for words in asked} == {"pair", "search"}
    assert any("--against" in words for words in asked)
    for words in asked:
        assert words[:3] == ["python", "-m", "simviz_core"]
        where = words.index("--figure")
        del words[where : where + 2]
        capsys.readouterr()
        main(words[3:])
        values = json.loads(capsys.readouterr().out)
        score = values["similarity"] if "similarity" in values else values["results"][0]["score"]
        assert f"{score:.4f}" in html
