"""Log in to SimViz in a browser, with a real provider of OpenID Connect on this machine.

    npm install --prefix FOLDER oidc-provider@9
    python -m deploy.check_login FOLDER

Needs Node, Chromium, and the packages of requirements-dev.txt.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from deploy.check_installed import wait_until_healthy
from deploy.check_nginx import PATIENCE, free_port, running

SECRETS = """
[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "of this check alone, as long as it takes"
client_id = "simviz"
client_secret = "a secret of this check alone"
server_metadata_url = "{provider}/.well-known/openid-configuration"
client_kwargs = {{ prompt = "login" }}
"""


def main(packages: Path) -> None:
    """Check all of it; ends with an error where something fails.

    Args:
        packages: Where npm has installed the provider.
    """
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        place = Path(name)
        own, other = free_port(), free_port()
        app, provider = f"http://127.0.0.1:{own}", f"http://127.0.0.1:{other}"
        script = packages / "provider.mjs"
        shutil.copy(Path(__file__).with_name("provider.mjs"), script)
        place.joinpath(".streamlit").mkdir()
        place.joinpath(".streamlit", "secrets.toml").write_text(
            SECRETS.format(app=app, provider=provider)
        )
        serve = [sys.executable, "-m", "simviz_core", "app", "--headless", "--port", str(own)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "NO_PROXY": "127.0.0.1",  # the server asks the provider, too
        }
        words = ["node", str(script), str(other), app]
        with (
            running(words, place / "provider.log", environment, packages) as issuer,
            running(
                [*serve, "--address", "127.0.0.1"], place / "app.log", environment, place
            ) as own_app,
        ):
            known = f"{provider}/.well-known/openid-configuration"
            wait_until_healthy(issuer, place / "provider.log", known)
            wait_until_healthy(own_app, place / "app.log", f"{app}/_stcore/health")
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            expect.set_options(timeout=PATIENCE)
            page = browser.new_page()
            page.set_default_timeout(PATIENCE)
            try:
                _check_login(page, app)
            except Exception:
                print((place / "app.log").read_text())
                raise
            browser.close()
    print("logged in and out again; nothing is shown to those who have not")


def _check_login(page: Page, app: str) -> None:
    page.goto(f"{app}/pair")
    enter = page.get_by_role("button", name="Log in")
    expect(enter).to_be_visible()
    expect(page.get_by_text("Gallery")).to_have_count(0)
    enter.click()
    page.locator("input[name=login]").fill("somebody")
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Gallery").first).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(enter).to_be_visible()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
