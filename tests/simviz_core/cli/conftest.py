from collections.abc import Callable
from typing import NamedTuple

import pytest

from simviz_core.cli.main import main


class Outcome(NamedTuple):
    """The exit status, what was printed, and what was printed on standard error."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command as the shell would."""

    def command(*arguments: object) -> Outcome:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        return Outcome(status, *capsys.readouterr())

    return command
