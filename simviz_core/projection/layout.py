"""Points of many dimensions laid out in two, so that neighbours stay neighbours where they can.

PaCMAP works in a process of its own: its compiled loops would stop every other thread of a server
for seconds, importing it compiles for seconds more, and a process can be ended at any time.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import ProjectionError

LEAST = 30
"""Of fewer points PaCMAP has too few pairs to go by; they are shown by their principal axes."""
COMPONENTS = 100
"""Principal components that PaCMAP is given, as in its paper."""
ITERATIONS = 450
"""Steps of PaCMAP, as in its paper."""
AT_ONCE = 8192
"""Rows that are multiplied in one product."""
LOOK_AFTER = 0.2
"""How often the process is looked at, in seconds."""
PROGRAM = Path(__file__).with_name("pacmap_process.py")
"""What runs in the process."""
_STEP = re.compile(rb"Iteration:\s*(\d+)")

Progress = Callable[[int, int, str], None]
"""Called with the steps done, the steps in all, and what is being done."""


class Cancelled(Exception):
    """Nobody waits for the layout any more."""


def method_of(count: int) -> str:
    """How that many points are laid out, in a word or two, with the version of the library.

    Raises:
        ProjectionError: The library is not there.
    """
    if count < LEAST:
        return "principal axes"
    try:
        return f"PaCMAP {version('pacmap')}"
    except PackageNotFoundError as error:
        raise ProjectionError(
            "a map needs the package pacmap; install requirements.txt again"
        ) from error


def lay_out(
    points: NDArray[np.float32],
    seed: int = 0,
    on_progress: Progress = lambda done, total, step: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Lay points out in two dimensions.

    Args:
        points: (N, D), float32; distances between them are Euclidean, which orders unit vectors as
            their cosine does.
        seed: Of what is drawn; the same seed gives the same layout on the same machine.
        on_progress: Called with the steps done.
        is_cancelled: Asked several times a second.

    Returns:
        (N, 2), float32. Only who is near to whom means something; see `neighbours_kept`.

    Raises:
        Cancelled: `is_cancelled` said so.
        ProjectionError: The library is not there, or failed.

    Source: Wang, Huang, Rudin, Shaposhnik, "Understanding How Dimension Reduction Tools Work",
        JMLR 2021.
    """
    on_progress(0, ITERATIONS, "principal components")
    reduced = principal_components(points, COMPONENTS)
    if len(points) < LEAST:
        return np.pad(reduced[:, :2], ((0, 0), (0, max(0, 2 - reduced.shape[1]))))
    with TemporaryDirectory(prefix="simviz-map-") as folder:
        np.save(Path(folder) / "points.npy", reduced)
        return _by_process(Path(folder), seed, on_progress, is_cancelled)


def principal_components(points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Points along the directions in which they vary most, strongest first.

    Args:
        points: (N, D), float32.
        count: How many directions, at most D.

    Returns:
        (N, min(count, D)), float32, around zero.
    """
    mean = points.mean(0, dtype=np.float64).astype(np.float32)
    covariance = np.zeros((points.shape[1],) * 2)
    for start in range(0, len(points), AT_ONCE):
        part = points[start : start + AT_ONCE] - mean
        covariance += part.T @ part
    directions = np.linalg.eigh(covariance)[1][:, ::-1][:, :count]
    # The sign of a direction is arbitrary; the same on every machine, where it can be.
    largest = directions[np.abs(directions).argmax(0), np.arange(directions.shape[1])]
    directions = (directions * np.where(largest < 0, -1, 1)).astype(np.float32)
    starts = range(0, len(points), AT_ONCE)
    return np.concatenate([(points[s : s + AT_ONCE] - mean) @ directions for s in starts])


def _by_process(
    folder: Path, seed: int, on_progress: Progress, is_cancelled: Callable[[], bool]
) -> NDArray[np.float32]:
    # -P: what lies beside the program does not stand in for a library.
    command = [sys.executable, "-u", "-P", str(PROGRAM), str(folder), str(seed)]
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while process.poll() is None:
            if is_cancelled():
                raise Cancelled
            done = [int(step) for step in _STEP.findall(log.read_bytes())]
            step = "layout" if done else "nearest neighbours"
            on_progress(done[-1] if done else 0, ITERATIONS, step)
            time.sleep(LOOK_AFTER)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it ended with status {process.returncode}"
        raise ProjectionError(f"the map could not be laid out: {reason}")
    on_progress(ITERATIONS, ITERATIONS, "layout")
    layout: NDArray[np.float32] = np.load(folder / "layout.npy", allow_pickle=False)
    if not np.isfinite(layout).all():
        raise ProjectionError("the map could not be laid out: the embeddings hardly differ")
    return layout
