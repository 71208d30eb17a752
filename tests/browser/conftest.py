"""The app as README starts it, and Chromium to drive it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
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
PATIENCE = 120_000
"""How long to wait for anything before a test fails, in milliseconds."""


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log.txt"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdout=output,
            stderr=output,
            env={**os.environ, "SIMVIZ_GALLERIES": f"{REPOSITORY}{os.pathsep}{allowed_folder}"},
        )
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    # Other tests ask for what cannot be reached through a proxy, which urllib remembers.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            direct.open(url, timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the app did not start:\n{log.read_text()}")


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
