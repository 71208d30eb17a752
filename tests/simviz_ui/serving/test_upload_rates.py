"""How much a session may upload within an hour."""

import pytest

from simviz_core.errors import SimVizError
from simviz_ui.serving.upload_rates import (
    HOUR,
    SESSION_COUNT_VARIABLE,
    SESSION_GIGABYTES_VARIABLE,
    SessionLimits,
    UploadRates,
    session_limits_of_operator,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_no_more_bytes_than_a_session_may_upload_and_others_may_go_on() -> None:
    clock = Clock()
    rates = UploadRates(SessionLimits(size=10e9), clock)
    rates.admit("one", 6_000_000_000)
    with pytest.raises(SimVizError, match=r"12 GB together; a session may upload .* 10 GB"):
        rates.admit("one", 6_000_000_000)
    rates.admit("one", 4_000_000_000)  # what was refused does not count
    rates.admit("other", 6_000_000_000)
    clock.now = HOUR + 1
    rates.admit("one", 6_000_000_000)


def test_no_more_often_than_a_session_may() -> None:
    rates = UploadRates(SessionLimits(count=2), Clock())
    for _ in range(2):
        rates.admit("one", 1)
    with pytest.raises(SimVizError, match="upload 3 of this session within an hour"):
        rates.admit("one", 1)


def test_limits_that_the_operator_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SESSION_GIGABYTES_VARIABLE, "0.5")
    monkeypatch.setenv(SESSION_COUNT_VARIABLE, "7")
    assert session_limits_of_operator() == SessionLimits(0.5e9, 7)
