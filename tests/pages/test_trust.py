"""The Trust page: measured on a click, in the background, and at once afterwards."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from page_testing import PATIENCE, button, new_app, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.evidence import trust

TRUST = "pages/trust.py"


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report on few pairs."""
    monkeypatch.setattr(trust, "PAIRS", 2)
    monkeypatch.setattr(trust, "CHECKED", 1)


def until(app: AppTest, is_there: Callable[[], Any]) -> AppTest:
    deadline = time.monotonic() + PATIENCE
    while not is_there() and time.monotonic() < deadline:
        time.sleep(0.2)
        app.run()
    assert not app.exception
    assert is_there()
    return app


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_it_is_measured_once_and_there_at_once_afterwards(app: AppTest) -> None:
    until_indexed(open_page(app, TRUST)).run()
    assert "Nothing has been measured" in app.info[0].value
    button(app, "Measure").click().run()
    until(app, lambda: "Measure again" in labels(app))
    names = [metric.label for metric in app.metric]
    assert names == [
        "Adds up",
        "Like the self map",
        "Like shuffled weights",
        "Predicted against real",
    ]
    assert float(app.metric[0].value) < 1e-5
    words = plain(" ".join(item.value for item in app.markdown))
    assert "Exact up to rounding" in words
    assert "Over 2 items; 95% interval" in words
    downloads = [found.label for found in app.download_button]
    assert downloads[:3] == ["Figure (PNG)", "Figure (SVG)", "Figure (PDF)"]
    assert downloads[3:] == ["Report (JSON)", "Findings (CSV)"]
    again = open_page(new_app(), TRUST)
    assert [metric.value for metric in again.metric] == [metric.value for metric in app.metric]


def test_it_can_be_cancelled(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    until_indexed(open_page(app, TRUST, pooling="max")).run()
    waiting, looked_at = threading.Event(), trust._looked_at

    def slow(*args: Any) -> Any:
        waiting.wait(PATIENCE)
        yield from looked_at(*args)

    monkeypatch.setattr(trust, "_looked_at", slow)
    button(app, "Measure").click().run()
    until(app, lambda: "Cancel" in labels(app))
    button(app, "Cancel").click().run()
    waiting.set()
    until(app, lambda: "Measure" in labels(app))
    assert not app.metric


def test_without_two_images_of_a_class_it_says_what_is_missing(
    app: AppTest, small_gallery: Any
) -> None:
    for label in ("chairs", "lamps"):
        for number in (2, 10):
            (small_gallery / label / f"view_{number}.png").unlink()
    until_indexed(open_page(app, TRUST)).run()
    button(app, "Measure").click().run()
    until(app, lambda: app.error)
    assert "class" in plain(app.error[0].value)
