"""Every page in Chromium: as wide as its window, and readable by those who cannot see it."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

QUERY, MATCH = "hotel_01/view_0.jpg", "hotel_01/view_1.jpg"
EXPORTS = '[data-testid="stDownloadButton"]'
PAGES: dict[str, tuple[dict[str, str], str]] = {
    "": ({}, "text=Words"),
    "pair": ({"query": QUERY, "match": MATCH}, "text=Features"),
    "map": ({"query": QUERY}, "[data-mark]"),
    "search": ({"query": QUERY}, "text=Best match:"),
    "region": ({"query": QUERY, "regions": "include:150,140,316,230"}, "text=Region carries"),
    "errors": ({"compared_with": "pooling:max"}, "text=How well each class is found"),
    "classes": ({"class": "hotel_01", "class2": "hotel_03"}, ".xtick text"),
    "features": ({"one_pair": "true", "query": QUERY, "match": MATCH}, EXPORTS),
    "trust": ({}, "text=ROC, area"),
    "checkpoints": ({"query": QUERY, "pretrained": "false"}, EXPORTS),
    "findings": ({}, "h1"),
}
"""Of each page: what its link has, and what is there once it is complete."""
WIDTHS = (1400, 900, 600, 400)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
WIDER = """() => Math.max(...[document.documentElement,
    document.querySelector('[data-testid=stMain]')].map((e) => e.scrollWidth - e.clientWidth))"""


@pytest.mark.parametrize("name", PAGES)
def test_it_fits_every_window_and_can_be_read_aloud(
    page: Page, app_url: str, three_hotels: Path, name: str
) -> None:
    own, complete = PAGES[name]
    page.emulate_media(color_scheme="dark" if name in ("pair", "errors", "map") else "light")
    page.goto(f"{app_url}/{name}?{urlencode({'gallery': str(three_hotels), **own})}")
    expect(page.locator(complete).first).to_be_attached()
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"() => ({WIDER})() <= 0")
        if name != "findings":
            page.get_by_role("button", name="Star").click(trial=True)  # nothing lies over it
    expect(page.locator('[data-stale="true"]')).to_have_count(0)  # fading: pale on purpose
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:300]) for rule in found] == []
