"""Callbacks of widgets that are not ended halfway."""

from functools import wraps
from typing import Any

from streamlit.runtime.state.safe_session_state import SafeSessionState


def keep_callbacks_whole() -> None:
    """Have a run that is to end for the next one do so after its callbacks.

    Streamlit ends a run wherever it looks into the session: before its callbacks and within them,
    too. It never calls them again, so that what they were to choose would be lost: a click, a
    step, a row. Once they are through it looks again whether the run is to end.
    """
    plain = SafeSessionState.on_script_will_rerun
    if hasattr(plain, "__wrapped__"):
        return

    @wraps(plain)
    def whole(self: SafeSessionState, *args: Any, **kwargs: Any) -> None:
        end_if_asked = self._yield_callback
        object.__setattr__(self, "_yield_callback", lambda: None)
        try:
            plain(self, *args, **kwargs)
        finally:
            object.__setattr__(self, "_yield_callback", end_if_asked)

    SafeSessionState.on_script_will_rerun = whole  # type: ignore[method-assign]
