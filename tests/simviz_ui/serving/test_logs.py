"""What the log says of a failure, of what was slow, and of whom."""

import io
import logging
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from simviz_ui.serving import logs
from simviz_ui.serving.logs import OF_FAILURES, SessionFormatter, session_name


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is written by the loggers of failures and of runs."""
    into = io.StringIO()
    handler = logging.StreamHandler(into)
    handler.setFormatter(SessionFormatter(logs._FORMAT))
    for name in (OF_FAILURES, logs.__name__):
        logging.getLogger(name).addHandler(handler)
    yield into
    for name in (OF_FAILURES, logs.__name__):
        logging.getLogger(name).removeHandler(handler)


def page() -> None:
    import streamlit as st

    from simviz_ui.serving.logs import logged_run, set_up_log

    set_up_log()
    with logged_run("search"):
        if st.button("Fail", key="fail"):
            raise RuntimeError("/data/secret.jpg is broken")


def test_a_failure_is_logged_once_with_its_session_page_and_click(log: io.StringIO) -> None:
    app = AppTest.from_function(page).run()
    assert not log.getvalue()
    app.button(key="fail").click().run()
    said = log.getvalue()
    assert said.count("Traceback") == said.count("RuntimeError: /data/secret.jpg") == 1
    (line,) = [line for line in said.splitlines() if "ERROR" in line]
    assert f"session {session_name('test session id')}, page search, after fail, 0." in line


def test_a_slow_run_is_a_warning(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "SLOW", 0.0)
    AppTest.from_function(page).run()
    assert "WARNING" in log.getvalue()
    assert log.getvalue().endswith("s: slow\n")


def test_a_name_says_nothing_of_the_id() -> None:
    assert session_name("1234") != session_name("1235")
    assert "1234" not in session_name("1234")
    assert len(session_name("1234")) == 6
