"""Use SimViz in a browser through nginx, under a path of its own, as deploy/nginx.conf has it.

    python -m deploy.check_nginx

Needs nginx (Debian's nginx-light will do), Chromium, and the packages of requirements-dev.txt.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from deploy.check_installed import wait_until_healthy

REPOSITORY = Path(__file__).resolve().parents[1]
SITE = Path(__file__).with_name("nginx.conf")
AROUND = """
daemon off;
pid {place}/nginx.pid;
error_log {place}/error.log;
events {{}}
http {{
    access_log {place}/access.log;
    client_body_temp_path {place}/bodies;
    proxy_temp_path {place}/proxied;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    include {place}/site.conf;
}}
"""
"""The configuration around the site's, with nothing outside of one folder."""
CANVAS = "canvas.upper-canvas"
PATIENCE = 120_000
"""How long to wait for anything in the browser, in milliseconds."""


def main() -> None:
    """Check all of it; ends with an error where something fails."""
    if shutil.which("nginx") is None:
        sys.exit("nginx is not installed")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        place = Path(name)
        place.chmod(0o755)  # nginx's workers are another user
        app, proxy = free_port(), free_port()
        with _app(place, app), _nginx(place, app, proxy):
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            expect.set_options(timeout=PATIENCE)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            _check_pages(page, f"http://127.0.0.1:{proxy}/simviz")
            browser.close()
    print("through nginx: the page, its websocket, the canvas, an upload; no metrics")


def _check_pages(page: Page, url: str) -> None:
    failed: list[str] = []
    page.on("response", lambda got: failed.append(got.url) if got.status >= 400 else None)
    # Where it is served from Streamlit's own page finds out by trying, from the page's address up.
    tried = f"{url}/region/_stcore/"
    page.goto(f"{url}/region?query=hotel_01/view_0.jpg")
    canvas = page.locator(CANVAS)
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.9 * box["height"], steps=8)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/simviz/region\?.*regions=include"))
    expect(page.get_by_text("Region carries").first).to_be_visible()
    photo = REPOSITORY / "demo" / "rooms" / "images" / "hotel_02" / "view_0.jpg"
    page.get_by_role("button", name="Upload").last.click()
    page.locator("input[type=file]").last.set_input_files(photo)
    expect(page).to_have_url(re.compile(r"upload"))
    assert not [address for address in failed if not address.startswith(tried)], failed
    assert page.request.get(f"{url}/_stcore/metrics").status == 403
    assert page.request.get(f"{url}/_stcore/health").ok


@contextmanager
def _app(place: Path, port: int) -> Iterator[None]:
    environment = {
        **os.environ,
        "STREAMLIT_SERVER_BASE_URL_PATH": "simviz",
        "SIMVIZ_CACHE": os.environ.get("SIMVIZ_CACHE", str(place / "cache")),
    }
    words = [sys.executable, "-m", "simviz_core", "app", "--headless", "--port", str(port)]
    log = place / "app.log"
    with running([*words, "--address", "127.0.0.1"], log, environment) as process:
        wait_until_healthy(process, log, f"http://127.0.0.1:{port}/simviz/_stcore/health")
        yield


@contextmanager
def _nginx(place: Path, app: int, proxy: int) -> Iterator[None]:
    site = SITE.read_text(encoding="utf-8")
    site = site.replace("127.0.0.1:8501", f"127.0.0.1:{app}")
    site = site.replace("listen 8080", f"listen 127.0.0.1:{proxy}")
    place.joinpath("site.conf").write_text(site)
    place.joinpath("nginx.conf").write_text(AROUND.format(place=place))
    log = place / "nginx.log"
    words = ["nginx", "-c", str(place / "nginx.conf"), "-p", str(place)]
    with running(words, log, dict(os.environ)) as process:
        wait_until_healthy(process, log, f"http://127.0.0.1:{proxy}/simviz/_stcore/health")
        yield


@contextmanager
def running(
    words: list[str], log: Path, environment: dict[str, str], folder: Path = REPOSITORY
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server, and end it afterwards.

    Args:
        words: Its command.
        log: Where its output goes.
        environment: Its variables.
        folder: Where it runs.

    Yields:
        Its process.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
