"""Work in the background: one job for each thing that is made, whoever asks for it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from simviz_core.errors import SimVizError

Value = TypeVar("Value")
Show = Callable[[int, int, str], None]
"""Called with the steps done, the steps in all, and what is being done."""
Work = Callable[[Show, Callable[[], bool]], Value]
"""Makes the value; told how to show its progress, and asks whether it is to end."""


class Cancelled(Exception):
    """Nobody waits for what is made any more."""


def showing_until_cancelled(show: Show, is_cancelled: Callable[[], bool]) -> Show:
    """Show progress for work that knows of no end: it ends with the step after which it is to.

    Raises:
        Cancelled: When it is called, of what is to end.
    """

    def step(done: int, total: int, name: str) -> None:
        show(done, total, name)
        if is_cancelled():
            raise Cancelled

    return step


@dataclass
class Job(Generic[Value]):
    """Something being made, in a thread of its own.

    Attributes:
        done: Steps that are done.
        total: Steps that there are; 0 before the first one.
        step: What is being done.
        value: What was made, once it has ended well.
        error: Why it failed.
        was_cancelled: Whether it was ended before it was done.
    """

    done: int = 0
    total: int = 0
    step: str = ""
    value: Value | None = None
    error: str | None = None
    was_cancelled: bool = False
    _cancelled: Event = field(default_factory=Event)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.value is None and self.error is None and not self.was_cancelled

    def start(self, work: Work[Value], name: str) -> None:
        """Start the thread."""
        Thread(target=self._run, args=(work, name), name=f"simviz-{name}", daemon=True).start()

    def cancel(self) -> None:
        """Have it end soon."""
        self._cancelled.set()

    def _run(self, work: Work[Value], name: str) -> None:
        try:
            self.value = work(self._show, self._cancelled.is_set)
        except Exception as error:
            if self._cancelled.is_set():
                self.was_cancelled = True
            elif isinstance(error, (SimVizError, OSError)):
                self.error = str(error)
            else:
                # Nobody else would hear of it, and the page would wait for ever.
                logging.getLogger(__name__).exception("%s failed", name)
                self.error = f"{name} failed ({type(error).__name__}: {error})"

    def _show(self, done: int, total: int, step: str) -> None:
        self.done, self.total, self.step = done, total, step


class Jobs(Generic[Value]):
    """The jobs of one kind in this process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: dict[str, Job[Value]] = {}
        self._lock = Lock()

    def latest(self, key: str) -> Job[Value] | None:
        """The latest job on a thing, running or ended."""
        return self._jobs.get(key)

    def start(self, key: str, work: Work[Value]) -> Job[Value]:
        """Start a job, or join whoever is already waiting for the same."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.is_running:
                job = self._jobs[key] = Job()
                job.start(work, self._name)
            return job
