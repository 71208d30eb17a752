"""Who an indexing job goes on for."""

import pytest

from simviz_ui.serving import jobs
from simviz_ui.serving.jobs import IndexJob


def test_cancelling_ends_it_unless_another_open_session_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A session from before a reload waits no longer, though nobody has said so."""
    job = IndexJob(wanted_by={"before the reload", "mine", "another's"})
    still_open = {"mine", "another's"}
    monkeypatch.setattr(jobs, "_is_open", still_open.__contains__)
    assert not job.give_up("mine")
    assert job.wanted_by == {"another's"}
    still_open.clear()
    job.wanted_by.add("mine")
    assert job.give_up("mine")


def test_without_a_server_nobody_else_waits() -> None:
    assert IndexJob(wanted_by={"gone"}).give_up("mine")
