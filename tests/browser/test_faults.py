"""What a user sees of a disk that goes away, a cache that is removed, a server started again."""

import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, expect
from running_app import REPOSITORY, free_port, running_app

from simviz_core.networks.engines.choosing import ENGINE_VARIABLE

CARD = ".card"
SESSION = "() => window.simvizSteps.query.session"
"""That the page was made by: until a new server has made it anew, it hears no click."""
MADE = '[data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'


def test_a_gallery_goes_away_the_cache_is_removed_and_the_server_started_again(
    page: Page, demo_rooms: Path, tmp_path: Path
) -> None:
    gallery, away, cache = (tmp_path / name for name in ("disk/hotels", "away", "cache"))
    for hotel in ("hotel_00", "hotel_01"):
        shutil.copytree(demo_rooms / hotel, gallery / hotel)
    port = free_port()
    environment = {
        "SIMVIZ_GALLERIES": f"{REPOSITORY}{os.pathsep}{tmp_path}",
        "SIMVIZ_CACHE": str(cache),
        ENGINE_VARIABLE: "torch",
    }
    logs = [tmp_path / "first.txt", tmp_path / "second.txt"]

    with running_app("app.py", logs[0], environment, port=port) as url:
        link = {"gallery": str(gallery), "query": "hotel_00/view_0.jpg"}
        page.goto(f"{url}/search?{urlencode(link)}")
        expect(page.locator(CARD)).to_have_count(11)

        gallery.parent.rename(away)
        page.get_by_role("button", name="Rescan").click()
        expect(page.get_by_text("its index is kept")).to_be_visible()

        away.rename(gallery.parent)
        page.get_by_role("button", name="Rescan").click()
        expect(page.locator(CARD)).to_have_count(11)
        expect(page.locator(MADE)).to_be_attached()

        shutil.rmtree(cache)
        page.get_by_role("button", name="Rescan").click()
        while not list(cache.glob("*.lance")):
            page.wait_for_timeout(100)
        expect(page.locator(CARD)).to_have_count(11)
        expect(page.locator(MADE)).to_be_attached()
        before = page.evaluate(SESSION)

    expect(page.get_by_text("Connection error")).to_be_visible()
    with running_app("app.py", logs[1], environment, port=port):
        expect(page.get_by_text("Connection error")).to_have_count(0)
        page.wait_for_function(f"(before) => ({SESSION})() !== before", arg=before)
        expect(page.locator(MADE)).to_be_attached()
        page.get_by_role("button", name="Next query").click()
        expect(page).to_have_url(re.compile("view_1"))
        expect(page.locator(CARD)).to_have_count(11)
    assert not [text for log in logs if "Traceback" in (text := log.read_text())]
