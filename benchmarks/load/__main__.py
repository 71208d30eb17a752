"""Many sessions at once on a gallery of 20,000 images: times, memory, errors, cross-talk.

    python -m benchmarks.load --folder FOLDER [--sessions 10,30] [--seconds 120]

The gallery and its index are made in the folder the first time (half a minute, 1 GB) and stay.
Then, for each number of sessions, the app is started as README says, one session opens Search, and
all sessions click for two minutes: random and named queries, steps, rectangles on Region, pairs,
uploads of images and of galleries, and the pages between them, with one to three seconds between
clicks. The sessions speak Streamlit's protocol from this process, since thirty pages of Chromium
need more of two cores than the server; with `--chromium` some real ones click beside them.

A time is that from a click until the page is complete, all of its maps on it. `--indexing` has one
more session index another gallery meanwhile (4,000 images).

Cross-talk: each session uploads images and archives with its number in all their names, and draws
rectangles that no other draws. Each message of the server to a session is searched for the numbers
of others, and each address for their rectangles; what a session uploaded or drew has to be on its
own page.
"""

import argparse
import asyncio
import os
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.load.chromium import chromium_sessions
from benchmarks.load.large_gallery import (
    UNINDEXED,
    make_gallery,
    make_unindexed,
    remove_index,
)
from benchmarks.load.server import Server, running_server
from benchmarks.load.sessions import Indexing, Record, Session, shared_regions
from simviz_core.gallery import open_gallery

IMAGES = 20_000
SHOWN = 12
"""Errors and the like that are written out."""


async def drive(server: Server, gallery: Path, options: argparse.Namespace, count: int) -> None:
    """Have so many sessions click, and print what happened."""
    ids = [image.id for image in open_gallery(gallery).images]
    first = Session(server.url, gallery, 99, ids)
    await first.run(time.perf_counter())
    opened = first.record.times[0][1]
    watch, lag = asyncio.create_task(server.watch()), asyncio.create_task(_lag())
    begun, server_cpu, own_cpu = time.perf_counter(), server.cpu(), _own_cpu()
    until = begun + options.seconds
    records: list[Record] = []

    async def click(number: int) -> None:
        session = Session(server.url, gallery, number, ids)
        records.append(session.record)
        await session.run(until)

    indexing = Indexing(server.url, options.folder / UNINDEXED)
    real, *_ = await asyncio.gather(
        chromium_sessions(server.url, gallery, options.chromium, until),
        *map(click, range(count)),
        *([indexing.run(until)] if options.indexing else []),
    )
    wall = time.perf_counter() - begun
    server_cpu, own_cpu = server.cpu() - server_cpu, _own_cpu() - own_cpu
    await asyncio.sleep(3)  # for the sessions to be let go of
    watch.cancel()
    lag.cancel()
    print(f"\n{count} sessions, {wall:.0f} s; the first page took {opened:.1f} s")
    _print_times([time for record in records for time in record.times])
    if real:
        print(_row("Chromium: random query", real))
    if options.indexing:
        print(f"  indexed meanwhile: {indexing.done}")
    memory = [value / 1e9 for value in server.memory]
    print(
        f"  memory, GB: {memory[0]:.2f} at first, {max(memory):.2f} at most, {memory[-1]:.2f} last"
    )
    print(
        f"  cores: server {server_cpu / wall:.2f}, load generator {own_cpu / wall:.2f}"
        f" ({own_cpu / (own_cpu + server_cpu):.0%} of both), which came late by at most"
        f" {max(_LATE):.2f} s\n  load of the machine over the last minute: {os.getloadavg()[0]:.1f}"
    )
    _LATE.clear()
    _print_all("errors on pages", [e for r in records for e in r.errors])
    _print_all("errors in the server's log", server.complaints())
    foreign = [each for record in records for each in record.foreign]
    _print_all("cross-talk", [*foreign, *shared_regions(records)])


_LATE: list[float] = []


async def _lag() -> None:
    """How late this process comes to what it is to do: by so much its times may be too long."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.05)
        _LATE.append(time.perf_counter() - begun - 0.05)


def _own_cpu() -> float:
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def _print_times(times: Sequence[tuple[str, float]]) -> None:
    kinds: dict[str, list[float]] = {"all": [seconds for _, seconds in times]}
    for name, seconds in times:
        kinds.setdefault(name, []).append(seconds)
    print(f"  {'':<26}{'count':>6}{'median':>9}{'slowest 5 %':>13}{'worst':>8}")
    for name, found in kinds.items():
        print(_row(name, found))


def _row(name: str, seconds: Sequence[float]) -> str:
    slow = np.percentile(seconds, 95)
    return (
        f"  {name:<26}{len(seconds):>6}{statistics.median(seconds):>7.2f} s"
        f"{slow:>11.2f} s{max(seconds):>6.1f} s"
    )


def _print_all(title: str, found: Sequence[str]) -> None:
    print(f"  {title}: {len(found)}")
    for each in sorted(set(found))[:SHOWN]:
        print(f"    {each}")


def main() -> None:
    """Make the gallery, and measure each number of sessions."""
    parser = argparse.ArgumentParser(description="Many sessions at once on a large gallery.")
    parser.add_argument("--folder", type=Path, required=True, help="for what is made; it stays")
    parser.add_argument("--sessions", default="10,30", help="how many; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=120, help="default: %(default)s")
    parser.add_argument("--images", type=int, default=IMAGES, help="default: %(default)s")
    parser.add_argument("--chromium", type=int, default=0, help="real browsers; default: none")
    parser.add_argument("--indexing", action="store_true", help="one more session indexes")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    gallery = make_gallery(options.folder, options.images)
    unindexed = make_unindexed(options.folder)
    for count in options.sessions.split(","):
        remove_index(options.folder)
        with running_server(options.folder, [gallery, unindexed]) as server:
            asyncio.run(drive(server, gallery, options, int(count)))


if __name__ == "__main__":
    main()
