"""What the machine can do to an index, done many times, and what became of the index.

    python -m benchmarks.faults [--times 10] [--only killed cut …] [--seed 0]

Of the demo gallery `--images` images are indexed by the command, in processes of their own, with a
cache that begins empty. Something goes wrong at a moment, byte or file that is drawn at random
(`FAULTS`); then the command runs once more, undisturbed. It went well when

- nothing printed a stack trace, and each process ended as it should,
- the index is complete then, with each image once, and
- every embedding is the one of an index that was never disturbed. A second run forms other batches,
  which round otherwise; the largest difference is printed, and must be below `ROUNDING`.

Printed is a table, and each case that did not go well; the exit status says whether there was one.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import lancedb
import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import SimVizError
from simviz_core.files import CACHE_VARIABLE
from simviz_core.gallery import DEMO_GALLERY, open_gallery
from simviz_core.networks import load_network
from simviz_core.retrieval import embedding_table, load_index

ROUNDING = 1e-6
"""Of a component of a unit embedding, by other batches."""
COMMAND = (sys.executable, "-m", "simviz_core", "index")
LIMITED = (
    "import resource, runpy, sys;"
    "limit = int(sys.argv.pop(1));"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit));"
    "runpy.run_module('simviz_core', run_name='__main__', alter_sys=True)"
)
"""No file may grow beyond so many bytes, which stops a write as a full disk does."""
CANCELLED = 130


@dataclass
class Place:
    """A gallery and an empty cache for one case.

    Attributes:
        gallery: Its folder.
        cache: Where the index goes.
        whole: How long indexing takes, in seconds.
        chance: What draws moments, bytes and files.
        wrong: What did not go well.
    """

    gallery: Path
    cache: Path
    whole: float
    chance: random.Random
    wrong: list[str] = field(default_factory=list)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Begin to index."""
        environment = os.environ | {CACHE_VARIABLE: str(self.cache)}
        words = [*(command or COMMAND), str(self.gallery)]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, env=environment, stdout=pipe, stderr=pipe, text=True)

    def end(self, process: subprocess.Popen[str], *statuses: int) -> None:
        """Wait for its end, which has one of these statuses."""
        _, said = process.communicate()
        last = (said.strip().splitlines() or ["nothing"])[-1]
        if process.returncode not in statuses:
            self.wrong.append(f"ended with {process.returncode}: {last}")
        if "Traceback" in said:
            self.wrong.append(f"a stack trace: {last}")

    def index(self) -> None:
        """Index undisturbed."""
        self.end(self.start(), 0)

    def wait(self) -> None:
        """Until a moment of indexing."""
        time.sleep(self.chance.uniform(0, self.whole))

    def a_file(self) -> Path:
        """One of the files of the table."""
        files = sorted(path for path in self.cache.glob("*.lance/**/*") if path.is_file())
        return self.chance.choice(files)


def _stopped(place: Place, number: signal.Signals, *statuses: int) -> None:
    process = place.start()
    place.wait()
    process.send_signal(number)
    # It may have ended before.
    place.end(process, *statuses, -number, 0)


def killed(place: Place) -> None:
    """SIGKILL at a random moment"""
    _stopped(place, signal.SIGKILL)


def cancelled(place: Place) -> None:
    """Ctrl-C at a random moment"""
    # Before Python has come so far that it listens, the signal itself ends it.
    _stopped(place, signal.SIGINT, CANCELLED)


def ended(place: Place) -> None:
    """SIGTERM at a random moment"""
    _stopped(place, signal.SIGTERM)


def together(place: Place) -> None:
    """Two commands at a time, the second begun at a random moment"""
    first = place.start()
    place.wait()
    second = place.start()
    # The later one is told that another process indexes, unless that has just ended.
    place.end(first, 0, 2)
    place.end(second, 0, 2)
    if first.returncode and second.returncode:
        place.wrong.append("both gave way")


def emptied(place: Place) -> None:
    """The cache removed at a random moment"""
    process = place.start()
    place.wait()
    shutil.rmtree(place.cache, ignore_errors=True)
    place.end(process, 0, 2)


def full(place: Place) -> None:
    """A disk that is full at a random byte"""
    limit = int(10 ** place.chance.uniform(2, 6))
    place.end(place.start(sys.executable, "-c", LIMITED, str(limit), "index"), 0, 2)


def cut(place: Place) -> None:
    """A random file of the table cut at a random byte"""
    place.index()
    file = place.a_file()
    os.truncate(file, place.chance.randrange(max(1, file.stat().st_size)))


def lost(place: Place) -> None:
    """A random file of the table deleted"""
    place.index()
    place.a_file().unlink()


def flipped(place: Place) -> None:
    """A random bit of a random file of the table flipped"""
    place.index()
    file = place.a_file()
    content = bytearray(file.read_bytes())
    if content:
        content[place.chance.randrange(len(content))] ^= 1 << place.chance.randrange(8)
        file.write_bytes(content)


def away(place: Place) -> None:
    """The gallery away, and there again"""
    place.index()
    gone = place.gallery.rename(place.gallery.with_name("away"))
    place.end(place.start(), 2)
    gone.rename(place.gallery)


FAULTS: dict[str, Callable[[Place], None]] = {
    fault.__name__: fault
    for fault in (killed, cancelled, ended, together, emptied, full, cut, lost, flipped, away)
}


def embeddings_of(gallery: Path, cache: Path, fingerprint: str) -> NDArray[np.float32]:
    """What the index holds, in the gallery's order; each image once, or it raises."""
    opened = open_gallery(gallery)
    table = embedding_table(opened, fingerprint, folder=cache)
    index = load_index(opened, table)
    ids = [image.id for image in index.images]
    if ids != [image.id for image in opened.images]:
        raise SimVizError(f"{len(ids)} rows of {len(opened.images)} images")
    for path in cache.glob("*.lance"):
        rows = lancedb.connect(path.parent).open_table(path.stem).count_rows()
        if rows != len(ids):
            raise SimVizError(f"{rows} rows are stored of {len(ids)} images")
    return index.matrix


@contextmanager
def place(source: Path, images: list[str], whole: float, chance: random.Random) -> Iterator[Place]:
    """A copy of some images of a gallery, and an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder) / "gallery"
        for name in images:
            (gallery / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, gallery / name)
        yield Place(gallery, Path(folder) / "cache", whole, chance)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10, help="how often each (default: 10)")
    parser.add_argument("--images", type=int, default=96, help="of the demo (default: 96)")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    arguments = parser.parse_args()
    # Started in the background a program is deaf to Ctrl-C, and so is whatever it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chance = random.Random(arguments.seed)
    images = [image.id for image in open_gallery(DEMO_GALLERY).images][: arguments.images]
    fingerprint = load_network("efficientnet_lite0").fingerprint
    with place(DEMO_GALLERY, images, 0, chance) as undisturbed:
        start = time.perf_counter()
        undisturbed.index()
        whole = time.perf_counter() - start
        assert not undisturbed.wrong, undisturbed.wrong
        expected = embeddings_of(undisturbed.gallery, undisturbed.cache, fingerprint)
    print(f"{len(images)} images, indexed in {whole:.1f} s when nothing is wrong\n")
    print("| what happened | tried | went well | largest difference |\n|---|---:|---:|---:|")
    failures = []
    for name in arguments.only:
        well, largest = 0, 0.0
        for turn in range(arguments.times):
            with place(DEMO_GALLERY, images, whole, chance) as here:
                FAULTS[name](here)
                here.index()
                try:
                    found = embeddings_of(here.gallery, here.cache, fingerprint)
                    largest = max(largest, float(np.abs(found - expected).max()))
                    if largest > ROUNDING:
                        here.wrong.append(f"embeddings differ by {largest:.1e}")
                except SimVizError as error:
                    here.wrong.append(str(error))
            well += not here.wrong
            failures += [f"{name}, {turn + 1}: {wrong}" for wrong in here.wrong]
        said = (FAULTS[name].__doc__ or "").strip()
        print(f"| {said} | {arguments.times} | {well} | {largest:.0e} |", flush=True)
    print("\n".join(["", *failures]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
