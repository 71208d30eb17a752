"""The app in a process of its own, started as README says, and what it needs."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

START = 120.0
"""Seconds in which the app has to answer."""


@dataclass
class Server:
    """A running app.

    Attributes:
        url: Its address.
        log: Where its log goes.
        process: The process.
        memory: Bytes that it had, once a second.
    """

    url: str
    log: Path
    process: psutil.Process
    memory: list[int] = field(default_factory=list)

    async def watch(self) -> None:
        """Note its memory once a second."""
        while True:
            self.memory.append(self.process.memory_info().rss)
            await asyncio.sleep(1)

    def cpu(self) -> float:
        """Seconds of a core that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def complaints(self) -> list[str]:
        """Stack traces and errors in its log, a line each."""
        lines = self.log.read_text(errors="replace").splitlines()
        words = ("Traceback", "ERROR", "CRITICAL", "terminate called")
        return [line for line in lines if any(word in line for word in words)]


@contextmanager
def running_server(folder: Path, galleries: Sequence[Path]) -> Iterator[Server]:
    """Start the app on a free port with a gallery and its index; ends it afterwards.

    Args:
        folder: With `cache`; the log goes there.
        galleries: The folders that may be opened.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    own = {
        "SIMVIZ_CACHE": str(folder / "cache"),
        "SIMVIZ_GALLERIES": os.pathsep.join(map(str, galleries)),
    }
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **own})
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/_stcore/health", process)
        yield Server(url, log, psutil.Process(process.pid))
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=1)
            return
        time.sleep(0.1)
    raise SystemExit("the app did not start; server.log says why")
