"""The app as README starts it, and Chromium to drive it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_testing import PATIENCE
from playwright.sync_api import Browser, Page, expect, sync_playwright
from running_app import REPOSITORY, running_app

from simviz_core.networks.engines.choosing import ENGINE_VARIABLE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium; without one the tests are skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def allowed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the app may open galleries and runs in, beside the repository."""
    return tmp_path_factory.mktemp("allowed")


@pytest.fixture(scope="session")
def three_hotels(demo_rooms: Path, allowed_folder: Path) -> Path:
    """A gallery of three hotels."""
    folder = allowed_folder / "three_hotels"
    for number in (0, 1, 3):
        hotel = f"hotel_{number:02d}"
        shutil.copytree(demo_rooms / hotel, folder / hotel)
    return folder


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, allowed_folder: Path) -> Iterator[str]:
    """The address of the app, started in a process of its own, on a free port."""
    log = tmp_path_factory.mktemp("app") / "log.txt"
    folders = f"{REPOSITORY}{os.pathsep}{allowed_folder}"
    # With the engine that users have, whichever the other tests run.
    with running_app("app.py", log, {"SIMVIZ_GALLERIES": folders, ENGINE_VARIABLE: ""}) as url:
        yield url


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh browser window; errors of the page's scripts fail the test."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors
