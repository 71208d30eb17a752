"""Real browsers beside the silent ones: what a user sees of the same clicks."""

import asyncio
import random
import shutil
import time
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Page, async_playwright

from benchmarks.load.sessions import PAUSE
from benchmarks.region_page import COMPLETE

PATIENCE = 120_000
"""Milliseconds to wait for a page."""
DRAWN = f"(before) => location.search !== before && ({COMPLETE})()"


async def chromium_sessions(url: str, gallery: Path, count: int, until: float) -> list[float]:
    """Have browsers ask random queries on Search.

    Args:
        url: Of the app.
        gallery: The large one.
        count: How many browsers.
        until: When they end, as `time.perf_counter` says it.

    Returns:
        Seconds from a click until another query is in the address and all its matches are drawn
        with their maps.
    """
    if not count:
        return []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        pages = [await browser.new_page() for _ in range(count)]
        address = f"{url}/search?gallery={quote(str(gallery))}"
        found = await asyncio.gather(*(_click(page, address, until) for page in pages))
        await browser.close()
    return [seconds for times in found for seconds in times]


async def _click(page: Page, address: str, until: float) -> list[float]:
    times = []
    await page.goto(address)
    await page.wait_for_function(COMPLETE, timeout=PATIENCE)
    while time.perf_counter() < until:
        await asyncio.sleep(random.uniform(*PAUSE))
        before = await page.evaluate("location.search")
        begun = time.perf_counter()
        await page.locator(".st-key-query_random button").click(timeout=PATIENCE)
        await page.wait_for_function(DRAWN, arg=before, timeout=PATIENCE)
        times.append(time.perf_counter() - begun)
    return times
