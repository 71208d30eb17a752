"""Ctrl-C ends a command without a stack trace, whatever it is at."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


def test_while_it_is_still_importing(small_gallery: Path) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "simviz_core", "index", str(small_gallery)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = iter(process.stderr)
    assert any("simviz_core.errors" in line for line in said)
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in "".join(said)
    assert process.wait() == -signal.SIGINT


def test_while_it_works(
    small_gallery: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("simviz_core.cli.index.asked_network", interrupt)
    status, out, err = run("index", small_gallery)
    assert (status, out) == (130, "")
    assert err.strip() == "simviz: interrupted; what was indexed before is kept"
