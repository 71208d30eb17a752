"""Make README's pictures anew, from a running app.

    streamlit run app.py --server.headless true &
    python docs/make_pictures.py [--url http://localhost:8501]

Needs Chromium and the packages of requirements-dev.txt.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent
ROOMS = "demo/rooms/images"
QUERY, MATCH = "hotel_00/view_2.jpg", "hotel_00/view_4.jpg"
LINK = f"pair?query={QUERY}&match={MATCH}"
SEARCH_LINK = "search?query=hotel_21/view_1.jpg"
REGION_LINK = "region?query=hotel_01/view_0.jpg&regions=include:150,140,316,230"
CHECKPOINTS_LINK = "checkpoints?query=hotel_29/view_2.jpg&run2=demo/runs/scratch"
CLASSES_LINK = "classes?class=hotel_01&class2=hotel_03&class_map=Contrast"
FEATURES_LINK = "features?one_pair=true&query=hotel_01/view_0.jpg&match=hotel_01/view_1.jpg"
EXPORTS = '[data-testid="stDownloadButton"]'
TABLE = '[data-testid="stDataFrame"]'
CHARTS = '[data-testid="stPlotlyChart"] .main-svg'


def make_figures() -> None:
    """The figures of the pair, from the command line."""
    command = [sys.executable, "-m", "simviz_core", "pair", f"{ROOMS}/{QUERY}", f"{ROOMS}/{MATCH}"]
    for name, options in (("pair", []), ("poolings", ["--compare-poolings", "--size", "448"])):
        figure = ["--figure", str(DOCS / f"{name}.png")]
        subprocess.run([*command, *options, *figure], cwd=DOCS.parent, check=True)


def make_screenshots(url: str) -> None:
    """Every page; the Pair page in both themes, the Region page with a drawing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        schemes: tuple[tuple[Literal["light", "dark"], str], ...] = (
            ("light", "&cell=query,5,2"),
            ("dark", "&size=448+px&pooling=Max&style=Cells"),
        )
        for scheme, query in schemes:
            page = browser.new_page(viewport={"width": 1400, "height": 1500}, color_scheme=scheme)
            page.goto(f"{url}/{LINK}{query}")
            page.wait_for_selector(CHARTS, timeout=60_000)
            page.wait_for_timeout(1500)
            page.screenshot(path=DOCS / f"page-{scheme}.png")
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        for name, link in (
            ("search", SEARCH_LINK),
            ("region", REGION_LINK),
            ("classes", CLASSES_LINK),
            ("features", FEATURES_LINK),
        ):
            page.goto(f"{url}/{link}")
            page.wait_for_selector(EXPORTS, timeout=120_000)
            page.wait_for_timeout(8000)  # until all maps are there
            page.screenshot(path=DOCS / f"{name}.png")
        page = browser.new_page(viewport={"width": 1400, "height": 1500})
        page.goto(f"{url}/{CHECKPOINTS_LINK}")
        page.wait_for_selector(TABLE, timeout=300_000)  # seven checkpoints index the gallery
        page.wait_for_timeout(8000)
        page.screenshot(path=DOCS / "checkpoints.png")
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make README's pictures anew.")
    parser.add_argument("--url", default="http://localhost:8501", help="default: %(default)s")
    address = parser.parse_args().url
    make_figures()
    make_screenshots(address)
