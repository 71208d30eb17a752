"""Jobs in the background: joined, cancelled, failed."""

import time
from collections.abc import Callable
from threading import Event

import pytest

from simviz_core.errors import GalleryError
from simviz_ui.serving.background import Job, Jobs, Show


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_whoever_asks_for_the_same_joins_and_sees_how_far_it_is() -> None:
    jobs: Jobs[str] = Jobs("thing")
    may_end = Event()

    def work(show: Show, is_cancelled: Callable[[], bool]) -> str:
        show(1, 2, "half")
        may_end.wait(30)
        return "made"

    job = jobs.start("a", work)
    assert jobs.start("a", work) is job
    assert jobs.start("b", lambda show, is_cancelled: "other") is not job
    until(lambda: job.done == 1)
    assert (job.total, job.step, job.is_running) == (2, "half", True)
    may_end.set()
    until(lambda: not job.is_running)
    assert job.value == "made"
    assert jobs.latest("a") is job
    assert jobs.start("a", work) is not job


def test_a_cancelled_job_has_not_failed() -> None:
    def work(show: Show, is_cancelled: Callable[[], bool]) -> str:
        until(is_cancelled)
        raise InterruptedError

    job: Job[str] = Jobs[str]("thing").start("a", work)
    job.cancel()
    until(lambda: not job.is_running)
    assert job.was_cancelled
    assert job.error is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GalleryError("no images"), "no images"),
        (ZeroDivisionError("oh"), "thing failed (ZeroDivisionError: oh)"),
    ],
)
def test_why_a_job_failed_is_said(error: Exception, said: str) -> None:
    def work(show: Show, is_cancelled: Callable[[], bool]) -> str:
        raise error

    job = Jobs[str]("thing").start("a", work)
    until(lambda: not job.is_running)
    assert job.error == said
