"""A Ray cluster: reaching it, sharing it out, and having chunks embedded by its workers.

Nothing else knows of Ray, which is optional and takes seconds to import.
"""

import logging
import os
import socket
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from simviz_core.distributed.worker import Chunk, Order, Worker, Written
from simviz_core.errors import ClusterError, SimVizError

LOCAL = "local"
"""The address of a cluster that is begun on this machine, and ends with the work."""
CORES = 4
"""Of a worker, where its machine has as many: they share one network's memory."""
LOSSES = 5
"""A chunk whose worker dies as often, for want of memory, say, ends the run."""
SECONDS_TO_ANSWER = 10
"""How long it may take to reach a cluster's port."""
OBJECT_MEMORY = 256 * 2**20
"""Bytes for what goes between processes of this machine: names and rows, no pictures."""


def _ray() -> ModuleType:
    """The library.

    Raises:
        ClusterError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to its makers
    # On one machine it would kill workers for the memory that other programs take.
    os.environ.setdefault("RAY_memory_monitor_refresh_ms", "0")
    # It prints what its processes say to where the JSON goes; errors come as exceptions.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import lance  # noqa: F401
        import ray
    except ImportError as error:
        raise ClusterError(
            f"--engine ray needs {error.name}, which is not installed; "
            "pip install -r requirements-scale.txt, on all machines"
        ) from error
    return ray


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be connected to a cluster.

    Args:
        address: Of the cluster; None for `RAY_ADDRESS`, or else one on this machine that ends
            with this.

    Raises:
        ClusterError: Ray is not installed, or no cluster answers.
    """
    ray = _ray()
    place = address or os.environ.get("RAY_ADDRESS") or LOCAL
    if place not in (LOCAL, "auto"):
        _require_answer(place)
    begun = {"include_dashboard": False, "object_store_memory": OBJECT_MEMORY}
    try:
        with warnings.catch_warnings():
            # Of forks, which become other programs at once.
            warnings.filterwarnings("ignore", "lance")
            ray.init(
                place,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **(begun if place == LOCAL else {}),
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterError(
            f"the Ray cluster at {place} cannot be used: {str(error).splitlines()[0]}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Find out at once what takes Ray minutes.

    Raises:
        ClusterError: Nobody answers at the address.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Ray cluster answers at {address!r} ({error}); HOST:PORT is what "
            "`ray start --head` names, and auto finds the cluster that this machine belongs to"
        ) from error


def written_chunks(
    order: Order, chunks: Sequence[Chunk], workers: int | None
) -> Iterator[tuple[Written, ...]]:
    """Have chunks embedded and written by workers.

    A chunk that is lost with its worker is given to the next one that is free, and another worker
    takes the place of the dead one as soon as the cluster has room for it.

    Args:
        order: What the workers build.
        chunks: What they are given, one after the other.
        workers: How many there are; None for as many as there is room for now.

    Yields:
        What was written of a chunk for each table, in no particular order.

    Raises:
        ClusterError: Workers die time and again, or fail.
        SimVizError: What a worker has raised.
    """
    ray = _ray()
    gone = (
        ray.exceptions.RayActorError,
        ray.exceptions.ObjectLostError,
        ray.exceptions.OutOfMemoryError,
    )
    count, cores = _room(ray, workers)
    kind = ray.remote(num_cpus=cores)(Worker)
    queue = deque(range(len(chunks)))
    losses: Counter[int | None] = Counter()
    # Under what each worker will give: the worker, and its chunk, or None while it loads.
    running: dict[Any, tuple[Any, int | None]] = {}

    def begin() -> None:
        worker = kind.remote(order)
        running[worker.load.remote()] = worker, None

    for _ in range(min(count, len(chunks))):
        begin()
    left = len(chunks)
    while left:
        (promise, *_), _ = ray.wait(list(running))
        worker, at = running.pop(promise)
        try:
            written = ray.get(promise)
        except gone as error:
            logging.getLogger(__name__).warning("a worker died; its images are embedded again")
            losses[at] += 1
            if losses[at] == LOSSES:
                doing = "loading" if at is None else f"embedding {chunks[at].images[0].id} …"
                raise ClusterError(
                    f"{LOSSES} workers died while {doing}: {' '.join(str(error).split())}"
                ) from error
            if at is not None:
                queue.appendleft(at)
            begin()
            continue
        except ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, SimVizError) else error from error
        losses[None] = 0
        if queue:
            following = queue.popleft()
            running[worker.embed.remote(chunks[following])] = worker, following
        if at is not None:
            left -= 1
            yield written


def _room(ray: ModuleType, workers: int | None) -> tuple[int, int]:
    """How many workers there can be, and how many cores each has."""
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    machines = [cores for cores in machines if cores]
    if not machines:
        raise ClusterError("no machine of the cluster offers a core; see `ray start --num-cpus`")
    cores = min(CORES, *machines)
    if workers:
        cores = max(1, min(cores, sum(machines) // workers))
    return workers or sum(machine // cores for machine in machines), cores
