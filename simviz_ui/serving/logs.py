"""The server's log: what was slow and what failed, with the session, the page and what was clicked.

A session has a short name there, from which nobody finds the id that stands for it.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from threading import local

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from simviz_core.configuration import LOG_LEVELS, LOG_VARIABLE

SLOW = 5.0
"""Seconds from which on a run of a page is said to be slow."""
OWN = "simviz_ui", "simviz_core"
"""Loggers of SimViz; what is below them goes there, too."""
OF_FAILURES = "streamlit.error_util"
"""The logger that Streamlit tells of what fails on a page, once, with its stack trace."""
_log = logging.getLogger(__name__)


@dataclass
class _Run:
    page: str
    of: object
    """The run of Streamlit's that it is part of: which each has a new one of."""
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


_latest = local()
"""What this thread ran last: that of which a failure is told."""


def session_name(session: str) -> str:
    """The short name of a session in the log."""
    return sha256(session.encode()).hexdigest()[:6]


def set_up_log() -> None:
    """Write the log as the operator set; does so once in a process."""
    _handler()


@contextmanager
def logged_run(page: str) -> Iterator[None]:
    """Have the log say of what is run within the block that it was slow, or who it was that failed.

    Args:
        page: The page, or the part of it.
    """
    run = _latest.run = _Run(page, _of(get_script_run_ctx()))
    try:
        yield
    finally:
        if run.seconds >= SLOW:
            _log.warning("slow")
        else:
            _log.info("ran")


class SessionFormatter(logging.Formatter):
    """A line with the session, the page, the widgets that were used and how long it took so far."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and a stack trace where there is one."""
        plain = super().format(record)
        context = get_script_run_ctx(suppress_warning=True)
        if context is None:
            return plain
        head, separator, message = plain.partition(_SEPARATOR)
        said = [f"session {session_name(context.session_id)}"]
        run: _Run | None = getattr(_latest, "run", None)
        if run is not None and run.of is not _of(context):
            run = None  # of another run; this one has not come so far
        said += [f"page {run.page}"] if run else []
        said += [f"after {used}"] if (used := _used(context)) else []
        said += [f"{run.seconds:.2f} s"] if run else []
        return f"{head}{separator}{', '.join(said)}: {message}"


_SEPARATOR = " | "
_FORMAT = f"%(asctime)s %(levelname)s %(name)s{_SEPARATOR}%(message)s"


@st.cache_resource(show_spinner=False)
def _handler() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(SessionFormatter(_FORMAT))
    level = os.environ.get(LOG_VARIABLE, "").strip().upper()
    for name in OWN:
        logger = logging.getLogger(name)
        logger.setLevel(level if level.lower() in LOG_LEVELS else logging.WARNING)
        logger.addHandler(handler)
    for other in logging.getLogger(OF_FAILURES).handlers:
        other.setFormatter(handler.formatter)
    return handler


def _of(context: ScriptRunContext | None) -> object:
    return context.cursors if context else None


def _used(context: ScriptRunContext) -> str:
    """The keys of the widgets whose values have changed with this run."""
    state = context.session_state._state
    known = [each for each in state._new_widget_state if each in state._old_state]
    changed = [each for each in known if state._widget_changed(each)]
    keys = [each.split("-", 2)[-1] for each in changed if each.startswith("$$ID-")]
    return ", ".join(sorted(key for key in keys if key != "None"))
