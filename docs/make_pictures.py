"""Make README's pictures anew, from a running app, and those of the Overview page.

    streamlit run app.py --server.headless true &
    python -m docs.make_pictures [--url http://localhost:8501]

Some of the pages alone: `--only errors map`. Those of the Overview page alone, without an app:

    python -m docs.make_pictures --only-stories

Needs Chromium and the packages of requirements-dev.txt.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw
from playwright.sync_api import Page, ViewportSize, sync_playwright

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.figures import FigureStyle, colour_scale, overlay
from simviz_core.images import WHOLE, load_image
from simviz_core.networks import DEFAULT_NETWORK, DEFAULT_SIZE, NETWORKS
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    match_maps,
    region_vector,
    weights_on,
    whole_vector,
)
from simviz_ui.overview.stories import PICTURES, STORIES, Story

Theme = Literal["light", "dark"]

DOCS = Path(__file__).resolve().parent
ROOMS = "demo/rooms/images"
QUERY, MATCH = "hotel_00/view_2.jpg", "hotel_00/view_4.jpg"
LINK = f"pair?query={QUERY}&match={MATCH}"
SEARCH_LINK = "search?query=hotel_21/view_1.jpg"
REGION_LINK = "region?query=hotel_01/view_0.jpg&regions=include:150,140,316,230"
CHECKPOINTS_LINK = "checkpoints?query=hotel_29/view_2.jpg&run2=demo/runs/scratch"
CLASSES_LINK = "classes?class=hotel_01&class2=hotel_03&class_map=contrast"
FEATURES_LINK = "features?one_pair=true&query=hotel_01/view_0.jpg&match=hotel_01/view_1.jpg"
EXPORTS = '[data-testid="stDownloadButton"]'
TABLE = '[data-testid="stDataFrame"]'
CHARTS = '[data-testid="stPlotlyChart"] .main-svg >> visible=true'
BUSY = '[data-testid="stSpinner"], [data-testid="stProgress"], [data-testid="stStatusWidget"]'
IS_WAITING = "() => /Waiting …|Computing maps/.test(document.body.innerText)"
PAGES: tuple[tuple[str, str, Theme, int, str], ...] = (
    ("page-light", f"{LINK}&cell=query,5,2", "light", 1500, CHARTS),
    ("page-dark", f"{LINK}&size=448&pooling=max&style=cells", "dark", 1500, CHARTS),
    ("map", "map?query=hotel_01/view_0.jpg", "light", 1000, "[data-mark]"),
    ("search", SEARCH_LINK, "light", 1000, EXPORTS),
    ("errors", "errors", "light", 1000, TABLE),
    ("region", REGION_LINK, "light", 1000, EXPORTS),
    ("classes", CLASSES_LINK, "light", 1000, EXPORTS),
    ("features", FEATURES_LINK, "light", 1500, EXPORTS),
    ("checkpoints", CHECKPOINTS_LINK, "light", 1500, TABLE),
    ("trust", "trust", "light", 1500, "[data-testid=stMetric]"),
    ("findings", "findings", "light", 1000, "[class*=st-key-finding_] img"),
)
"""Of each picture: its name, the link, the theme, the height in pixels, and what must be there."""
KEPT = (
    (LINK, "The same lamp and bedspread, seen from the other side."),
    (REGION_LINK, "The bedspread alone finds the hotel; the whole image does not need it."),
)
"""What is kept for the picture of the Findings page: a link, and the note."""
WIDTH = 1400
STORY_GAP = 8
"""Between the two images of a story, in pixels."""
LONGEST = 600_000
"""A page that has not settled after as many milliseconds is a fault: every checkpoint may have to
index the gallery first."""
SETTLED = 3000
"""Milliseconds in which a page must not change any more."""


def make_figures() -> None:
    """The figures of the pair, from the command line."""
    command = [sys.executable, "-m", "simviz_core", "pair", f"{ROOMS}/{QUERY}", f"{ROOMS}/{MATCH}"]
    for name, options in (("pair", []), ("poolings", ["--compare-poolings", "--size", "448"])):
        figure = ["--figure", str(DOCS / f"{name}.png")]
        subprocess.run([*command, *options, *figure], cwd=DOCS.parent, check=True)


def story_picture(story: Story, folder: Path) -> Image.Image:
    """Both images of a story under their maps, as its page shows them, side by side.

    Args:
        story: One of the Overview page.
        folder: Of the images.
    """
    settings = NetworkSettings(DEFAULT_NETWORK, NETWORKS[DEFAULT_NETWORK].pooling, DEFAULT_SIZE)
    network = load_for_settings(settings)
    pictures = [load_image(folder / name) for name in (story.query, story.match)]
    maps_of = network.feature_map([picture.pixels for picture in pictures])
    query, match = (network.decompose_feature_map(each) for each in maps_of)
    weights, vector = None, whole_vector(query)
    if story.region.is_drawn:
        weights = weights_on(story.region, pictures[0], query.grid, WHOLE)
        vector = region_vector(query, weights)
    maps = match_maps(query, match, vector, weights)
    drawn = [
        overlay(picture.pixels, values, colour_scale(values), FigureStyle())
        for picture, values in zip(pictures, (maps.query_map, maps.match_map), strict=True)
    ]
    for rectangle in story.region.include:
        ImageDraw.Draw(drawn[0]).rectangle(rectangle, outline="white", width=2)
    left, right = drawn
    both = Image.new("RGB", (left.width + STORY_GAP + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + STORY_GAP, 0))
    return both


def make_stories() -> None:
    """The pictures of the Overview page."""
    for story in STORIES:
        picture = story_picture(story, DOCS.parent / ROOMS)
        picture.save(PICTURES / f"{story.name}.jpg", quality=88)


def wait_until_settled(page: Page) -> None:
    """Wait until nothing is being computed, and nothing has begun to be for a while."""
    quiet_since = before = time.monotonic()
    while time.monotonic() - quiet_since < SETTLED / 1000:
        if time.monotonic() - before > LONGEST / 1000:
            raise TimeoutError(f"{page.url} is still busy")
        if page.locator(BUSY).count() or page.evaluate(IS_WAITING):
            quiet_since = time.monotonic()
        page.wait_for_timeout(200)


def measure_trust(page: Page, url: str) -> None:
    """Have the report measured, where there is none yet."""
    page.goto(f"{url}/trust")
    measure = page.get_by_role("button", name=re.compile("^Measure"))
    measure.wait_for(timeout=LONGEST)
    if measure.inner_text().strip().endswith("again"):
        return
    measure.click()
    page.get_by_role("button", name="Measure again").wait_for(timeout=LONGEST)


def keep_findings(page: Page, url: str) -> None:
    """Keep the views of `KEPT`, in the browser of the page."""
    for count, (link, note) in enumerate(KEPT, start=1):
        page.goto(f"{url}/{link}")
        page.wait_for_selector(EXPORTS, timeout=LONGEST)
        wait_until_settled(page)
        page.get_by_role("button", name="Star").click()
        page.get_by_label("Note").fill(note)
        page.get_by_role("button", name="Keep this view").click()
        page.get_by_role("button", name=f"Findings ({count})").wait_for(timeout=LONGEST)


BEFORE: dict[str, Callable[[Page, str], None]] = {
    "trust": measure_trust,
    "findings": keep_findings,
}
"""What is done before a page has what is to be seen of it."""


def make_screenshots(
    url: str,
    folder: Path,
    only: Sequence[str] = (),
    themes: Sequence[Theme] = (),
    width: int = WIDTH,
) -> None:
    """Every page, as `PAGES` has it.

    Args:
        url: Of the running app.
        folder: Where the pictures go.
        only: The names of the pictures that are wanted; empty for all.
        themes: Take every page in each of these instead, the theme at the end of the name.
        width: Of the window, in pixels.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, link, own_theme, height, needed in PAGES:
            if only and name not in only:
                continue
            for theme in themes or (own_theme,):
                viewport: ViewportSize = {"width": width, "height": height}
                page = browser.new_page(viewport=viewport, color_scheme=theme)
                if name in BEFORE:
                    BEFORE[name](page, url)
                page.goto(f"{url}/{link}")
                page.wait_for_selector(needed, timeout=LONGEST)
                wait_until_settled(page)
                page.screenshot(path=folder / f"{name}{f'-{theme}' if themes else ''}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make README's pictures anew.")
    parser.add_argument("--url", default="http://localhost:8501", help="default: %(default)s")
    parser.add_argument("--only-stories", action="store_true", help="those of the Overview page")
    parser.add_argument(
        "--only", nargs="+", default=[], choices=[name for name, *_ in PAGES], help="these pages"
    )
    options = parser.parse_args()
    if not options.only:
        make_stories()
    if not options.only_stories and not options.only:
        make_figures()
    if not options.only_stories:
        make_screenshots(options.url, DOCS, options.only)
