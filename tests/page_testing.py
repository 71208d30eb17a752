"""What the tests of the pages share."""

import io
import json
import re
import time
from pathlib import Path

from PIL import Image
from streamlit.testing.v1 import AppTest

from simviz_ui.display.messages import JOINER

APP = Path(__file__).resolve().parents[1] / "app.py"
PATIENCE = 60
"""How long to wait for anything before a test fails, in seconds."""


def new_app() -> AppTest:
    """A new session of the app, before its first run."""
    return AppTest.from_file(APP, default_timeout=PATIENCE)


def open_page(app: AppTest, page: str, **query: str) -> AppTest:
    """Enter the app on a page by a link."""
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(page).run()
    assert not app.exception
    return app


def until_indexed(app: AppTest) -> AppTest:
    """Run the page until it shows no progress of indexing any more."""
    deadline = time.monotonic() + PATIENCE
    while app.get("progress") and time.monotonic() < deadline:
        time.sleep(0.1)
        app.run()
    assert not app.exception
    assert not app.get("progress")
    return app


def button(app: AppTest, label: str):
    """The first button of that label."""
    return next(button for button in app.button if button.label == label)


def uploader(app: AppTest, field: str):
    """The box that takes files for a field of the view, or the only one for all of them."""
    return next(box for box in app.get("file_uploader") if box.key.startswith(f"{field}_file_"))


def png(colour: str = "red", size: tuple[int, int] = (60, 40)) -> bytes:
    """A PNG file of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def plain(markdown: str) -> str:
    """What a reader sees of text that was made safe for Markdown."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace(JOINER, "")


def sum_check(app: AppTest) -> tuple[str, float]:
    """The sum of the map and the residual, as the Pair page says them."""
    line = next(plain(item.value) for item in app.caption if "Sum of the map" in item.value)
    said = re.search(r"Sum of the map (\S+).* residual (\S+)", line)
    assert said, line
    return said[1], float(said[2])


def grid(app: AppTest, key: str) -> list[dict[str, object]]:
    """The cards of a grid of images."""
    (found,) = [c for c in app.get("bidi_component") if f"-{key}" in c.proto.id]
    return json.loads(found.proto.json)["matches"]
