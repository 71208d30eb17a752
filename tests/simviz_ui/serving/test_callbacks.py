"""Callbacks that are not ended halfway, by Streamlit's own wrapper of a session's state."""

from collections.abc import Callable

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.runtime.state import SessionState
from streamlit.runtime.state.safe_session_state import SafeSessionState

from simviz_ui.serving.callbacks import keep_callbacks_whole


class State(SessionState):
    """A session with one callback."""

    callback: Callable[[], None]

    def on_script_will_rerun(self, *_: object, **__: object) -> None:
        self.callback()


class Run:
    """A run that is asked to end while its callback runs."""

    def __init__(self) -> None:
        self.looks, self.is_to_end, self.chosen = 0, False, ""
        state = State()
        state["field"] = "before"
        state.callback = self.choose
        self.state, self.plain = SafeSessionState(state, self.end_if_asked), state

    def end_if_asked(self) -> None:
        self.looks += 1
        if self.is_to_end:
            raise StopException

    def choose(self) -> None:
        self.is_to_end = True
        was = self.state["field"]  # where Streamlit would end it
        self.chosen = f"after {was}"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    # What is put in its place is taken away again.
    plain = SafeSessionState.on_script_will_rerun
    monkeypatch.setattr(SafeSessionState, "on_script_will_rerun", plain)
    keep_callbacks_whole()
    keep_callbacks_whole()  # as every run of the app does
    return Run()


def test_a_callback_that_has_begun_comes_to_its_end(run: Run) -> None:
    run.state.on_script_will_rerun(WidgetStates())
    assert run.chosen == "after before"
    with pytest.raises(StopException):
        run.state["field"]


def test_a_run_that_is_to_end_calls_them_first(run: Run) -> None:
    # A click is in the first run's message alone.
    run.is_to_end = True
    run.state.on_script_will_rerun(WidgetStates())
    assert run.chosen == "after before"


def test_after_a_callback_that_fails_runs_can_be_ended_again(run: Run) -> None:
    def failing() -> None:
        raise ValueError("mine")

    run.plain.callback = failing
    with pytest.raises(ValueError, match="mine"):
        run.state.on_script_will_rerun(WidgetStates())
    before = run.looks
    assert run.state["field"] == "before"
    assert run.looks == before + 1
