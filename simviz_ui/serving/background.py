"""Work in the background: one job for each thing that is made, whoever asks for it."""

import concurrent.futures.thread  # noqa: F401 (see the end of this file)
import logging
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from simviz_core.errors import SimVizError
from simviz_ui.serving.turns import TURNS

Value = TypeVar("Value")
LONGEST_END = 10.0
"""Seconds that the end of the process waits for a thread."""
ENDED = 20
"""Jobs of a kind that are remembered after their end, with what they made."""
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
        start_thread(partial(self._run, work, name), name, self._cancelled)

    def cancel(self) -> None:
        """Have it end soon."""
        self._cancelled.set()

    def _run(self, work: Work[Value], name: str) -> None:
        def words() -> str:
            how_far = f", {self.done:,} of {self.total:,}" if self.total else ""
            return f"{name} in the background{how_far}"

        try:
            with TURNS.background(words):
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
        if not self._cancelled.is_set():
            TURNS.give_way()


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
                self._jobs.pop(key, None)
                job = self._jobs[key] = Job()
                job.start(work, self._name)
                forget_ended(self._jobs)
            return job


def forget_ended(jobs: MutableMapping[str, Any]) -> None:
    """Forget the jobs that ended first, with what they made, where many have ended.

    Args:
        jobs: In the order in which they began.
    """
    ended = [key for key, job in jobs.items() if not job.is_running]
    for key in ended[:-ENDED]:
        del jobs[key]


_threads: WeakKeyDictionary[Thread, Event] = WeakKeyDictionary()


def start_thread(work: Callable[[], None], name: str, cancelled: Event) -> Thread:
    """Start a thread that ends with the process.

    Args:
        work: What it does.
        name: What it is called.
        cancelled: Set when the process ends; it then has to end soon.
    """
    thread = Thread(target=work, name=f"simviz-{name}", daemon=True)
    _threads[thread] = cancelled
    thread.start()
    return thread


def _end_threads() -> None:
    """End them while the interpreter is whole: one that runs a network later aborts the process."""
    running = list(_threads.items())
    for _, cancelled in running:
        cancelled.set()
    for thread, _ in running:
        thread.join(LONGEST_END)


# The last to be registered is the first to be called: before executors refuse work, which
# `concurrent.futures.thread` has them do, and which daemon threads' `atexit` would come after.
threading._register_atexit(_end_threads)  # type: ignore[attr-defined]
