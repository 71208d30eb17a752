"""Jobs in the background: joined, cancelled, failed."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from running_app import REPOSITORY

from simviz_core.errors import GalleryError
from simviz_ui.serving.background import ENDED, Job, Jobs, Show


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


def test_of_jobs_that_have_ended_only_the_last_are_remembered() -> None:
    jobs: Jobs[int] = Jobs("thing")
    may_end = Event()
    running = jobs.start("running", lambda show, is_cancelled: (may_end.wait(30) and 1) or 0)
    for number in range(ENDED + 3):
        job = jobs.start(f"{number}", lambda show, is_cancelled: 1)
        until(lambda job=job: not job.is_running)  # type: ignore[misc]
    assert jobs.latest("running") is running
    remembered = [number for number in range(ENDED + 3) if jobs.latest(f"{number}")]
    assert remembered[-ENDED:] == list(range(3, ENDED + 3))
    assert len(remembered) <= ENDED + 1, "the last may not have ended when it was looked at"
    may_end.set()


def test_the_end_of_the_process_ends_jobs_and_waits_for_them(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from simviz_ui.serving.background import Jobs\n"
        "def work(show, is_cancelled):\n"
        "    while not is_cancelled():\n"
        "        pass\n"
        "    Path(sys.argv[1]).write_text('ended')\n"
        "Jobs('thing').start('a', work)\n"
    )
    ended = tmp_path / "ended"
    subprocess.run([sys.executable, "-c", program, ended], check=True, cwd=REPOSITORY)
    assert ended.read_text() == "ended"
