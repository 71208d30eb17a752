"""A Streamlit app in a process of its own, for the browser tests."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PATIENCE = 120
"""How long to wait until the app has started, in seconds."""


@contextmanager
def running_app(
    script: str,
    log: Path,
    environment: Mapping[str, str],
    options: Sequence[str] = (),
    port: int | None = None,
) -> Iterator[str]:
    """Run an app from the repository's folder and end it afterwards.

    Args:
        script: The app's file.
        log: Where its output goes.
        environment: Variables beside those of this process.
        options: More options of `streamlit run`.
        port: Where it listens; None for a free one.

    Yields:
        Its address.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1", *options]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
        )
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    # Other tests ask for what cannot be reached through a proxy, which urllib remembers.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            direct.open(url, timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the app did not start:\n{log.read_text()}")
