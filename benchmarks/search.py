"""How long a region search takes and how much memory, beside what it could be at best.

    python -m benchmarks.search [--sizes 10000,100000,1000000]

One region of a query, the 100 best of N unit vectors with 1,280 components, by

- the bare product: NumPy's matrix @ vector, all scores, nothing sorted. What ranks by all scores
  cannot be faster; the target is 1.3 times it, and less than 8 GB at a million vectors;
- SimViz, from the drawn rectangle to the matches: cell weights, region vector, which images may be
  found, scores, the best 100 with their similarity to the whole query. It reads a real table of
  embeddings and a manifest of as many images, as it would for a user;
- faiss's IndexFlatIP, where faiss is installed. It uses one core for one query;
- LanceDB's flat search from disk (up to 100,000 vectors), where nothing is held in memory.

Each has a process of its own, one after the other, so that its memory is its own; where the
process has the vectors, it takes turns with a bare product on the very same memory, and "× bare"
is the median of the ratios. `now` is the process's resident memory after the searches, `peak` the
most that it ever was, both with the interpreter and the libraries in it. The last column says how
many of SimViz's 100 matches the others found as well. The vectors are random; times do not depend
on them.

A million vectors need 6 GB in `--folder` while they are measured, and as much memory as is shown.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.timing import median_ratio, take_turns

# The other libraries are imported by the contenders that use them, to count in their memory alone.

Vector = NDArray[np.float32]
P = ParamSpec("P")
T = TypeVar("T")

DIMENSION = 1280
GRID = (7, 7)
BEST = 100
AT_ONCE = 20_000
"""Vectors that are made, written or added at once."""
IMAGES_OF_CLASS = 20
FLAT_SEARCH_UP_TO = 100_000
"""LanceDB's search reads all vectors from disk for every query."""


@dataclass(frozen=True)
class Measured:
    """What a contender needed.

    Attributes:
        rows: The rows of its best matches.
        seconds: The median time of a search.
        ratio: How many times as long as the bare product in the same process; None if it has none.
        now: Resident memory after the searches, in bytes.
        peak: The most resident memory that there ever was, in bytes.
    """

    rows: list[int]
    seconds: float
    ratio: float | None
    now: int
    peak: int


@dataclass(frozen=True)
class Loading:
    """What it took to make the table and to get SimViz ready to search.

    Attributes:
        vector: The region's vector, (D,), for the other contenders.
        gallery_bytes: Memory that the list of images takes.
        gallery_seconds: Time to read it from the manifest.
        table_seconds: Time to read the table into memory.
        first_seconds: Time of the first search.
    """

    vector: Vector
    gallery_bytes: int
    gallery_seconds: float
    table_seconds: float
    first_seconds: float


def image_id(row: int) -> str:
    """What a row's image is called."""
    return f"class_{row // IMAGES_OF_CLASS:06}/image_{row:07}.jpg"


def unit_vectors(count: int) -> Iterator[Vector]:
    """The same random unit vectors every time, in parts of at most `AT_ONCE`."""
    for start in range(0, count, AT_ONCE):
        chance = np.random.default_rng(start)
        shape = (min(AT_ONCE, count - start), DIMENSION)
        part = chance.standard_normal(shape, dtype=np.float32)
        yield part / np.linalg.norm(part, axis=1, keepdims=True)


def memory() -> tuple[int, int]:
    """This process's resident memory, now and at its peak, in bytes."""
    now = psutil.Process().memory_info().rss
    status = Path("/proc/self/status")
    if not status.exists():
        return now, now
    (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return now, int(peak.split()[1]) * 1024


def measured(search: Callable[[], list[int]], bare: Callable[[], object] | None) -> Measured:
    """Time a search, in turns with the bare product if there is one."""
    rows = search()
    start = time.perf_counter()
    search()
    rounds = int(np.clip(10 / (time.perf_counter() - start), 7, 101))
    times = take_turns({"search": search} | ({"bare": bare} if bare else {}), rounds)
    ratio = median_ratio(times, "search", "bare") if bare else None
    return Measured(rows, statistics.median(times["search"]), ratio, *memory())


def write_gallery(folder: Path, count: int) -> Measured:
    """Write the manifest and the table of embeddings; `seconds` is how long that took."""
    import pyarrow as pa
    import pyarrow.parquet

    from simviz_core.retrieval import EmbeddingTable, StoredImage

    ids = [image_id(row) for row in range(count)]
    labels = [name.split("/")[0] for name in ids]
    manifest = pa.table({"path": ids, "label": labels})
    pyarrow.parquet.write_table(manifest, folder / "gallery.parquet")
    start = time.perf_counter()
    table, row = EmbeddingTable(folder, "embeddings"), 0
    for part in unit_vectors(count):
        of_part = slice(row, row + len(part))
        named = zip(ids[of_part], labels[of_part], strict=True)
        table.append(
            [StoredImage(name, label, 640, 480, 1, 1, None) for name, label in named], part
        )
        row += len(part)
    table.compact()
    return Measured([], time.perf_counter() - start, None, *memory())


def simviz(folder: Path) -> tuple[Measured, Loading]:
    """SimViz, from the table on disk."""
    import lancedb  # noqa: F401  the store imports it late: here it counts as a library
    import torch

    from simviz_core.decomposition import AveragePooling, decompose
    from simviz_core.decomposition.regions import region_weights
    from simviz_core.gallery import open_gallery
    from simviz_core.retrieval import EmbeddingTable, Ranking, choose, load_index, rank

    before, clock = memory()[0], [time.perf_counter()]
    gallery = open_gallery(folder / "gallery.parquet")
    clock.append(time.perf_counter())
    gallery_bytes = memory()[0] - before
    index = load_index(gallery, EmbeddingTable(folder, "embeddings"))
    clock.append(time.perf_counter())
    F = torch.rand(*GRID, DIMENSION, generator=torch.Generator().manual_seed(0)) - 0.5
    query = decompose(F, AveragePooling())

    def ranking() -> Ranking:
        weights = region_weights([(100, 50, 420, 333)], query.grid, (640, 480))
        allowed = choose(index, without_image=gallery.images[0].id)
        return rank(index, query, weights, BEST, allowed)

    vector = ranking().vector
    clock.append(time.perf_counter())
    figures = measured(
        lambda: [index.row[match.image.id] for match in ranking().matches],
        lambda: index.matrix @ vector,
    )
    return figures, Loading(vector, gallery_bytes, *np.diff(clock).tolist())


def bare_product(count: int, vector: Vector) -> Measured:
    """NumPy's product alone; sorted for the comparison of what is found only."""
    matrix, row = np.empty((count, DIMENSION), dtype=np.float32), 0
    for part in unit_vectors(count):
        matrix[row : row + len(part)] = part
        row += len(part)
    rows = np.argsort(-(matrix @ vector))[:BEST].tolist()
    times = take_turns({"bare": lambda: matrix @ vector}, 21)
    return Measured(rows, statistics.median(times["bare"]), 1.0, *memory())


def faiss_flat(count: int, vector: Vector) -> Measured:
    """faiss's exact search."""
    import faiss

    index = faiss.IndexFlatIP(DIMENSION)
    for part in unit_vectors(count):
        index.add(part)
    stored = faiss.rev_swig_ptr(index.get_xb(), count * DIMENSION).reshape(count, DIMENSION)
    return measured(
        lambda: index.search(vector[None], BEST)[1][0].tolist(), lambda: stored @ vector
    )


def lance_flat(folder: Path, vector: Vector) -> Measured:
    """LanceDB's exact search, which reads the vectors from disk."""
    import lancedb

    table: Any = lancedb.connect(folder).open_table("embeddings")

    def search() -> list[int]:
        found = table.search(vector, vector_column_name="embedding").distance_type("dot")
        ids = found.limit(BEST).select(["id", "_distance"]).to_arrow().column("id").to_pylist()
        return [int(name[-11:-4]) for name in ids]

    return measured(search, None)


def in_its_own_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a fresh interpreter, which ends with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *args, **kwargs).result()


def measure(count: int, folder: Path) -> None:
    """Print the comparison for one number of vectors."""
    print(
        f"{count:,} vectors × {DIMENSION:,} ({count * DIMENSION * 4 / 1e9:.2f} GB), "
        f"a region's {BEST} best\n"
        f"  {'':<26}{'ms':>9}{'× bare':>9}{'now':>9}{'peak':>9}{'as SimViz':>11}"
    )
    written = in_its_own_process(write_gallery, folder, count)
    ours, loading = in_its_own_process(simviz, folder)
    bare = in_its_own_process(bare_product, count, loading.vector)
    rows = {"bare product": bare, "SimViz": ours}
    try:
        rows["faiss IndexFlatIP"] = in_its_own_process(faiss_flat, count, loading.vector)
    except ModuleNotFoundError:
        print("  faiss is not installed: python -m pip install -r requirements-dev.txt")
    if count <= FLAT_SEARCH_UP_TO:
        rows["LanceDB, flat, from disk"] = in_its_own_process(lance_flat, folder, loading.vector)
    for name, figures in rows.items():
        ratio = figures.seconds / bare.seconds if figures.ratio is None else figures.ratio
        same = len(set(figures.rows) & set(ours.rows))
        print(
            f"  {name:<26}{figures.seconds * 1e3:>9.2f}{ratio:>9.2f}{figures.now / 1e9:>6.2f} GB"
            f"{figures.peak / 1e9:>6.2f} GB{same:>11}"
        )
    print(
        f"  SimViz before that: list of images {loading.gallery_seconds:.1f} s and "
        f"{loading.gallery_bytes / 1e9:.2f} GB, table read in {loading.table_seconds:.1f} s, first "
        f"search {loading.first_seconds:.2f} s\n"
        f"  writing the table took {written.seconds:.0f} s, peak {written.peak / 1e9:.2f} GB\n"
    )


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description="Time region search in many vectors.")
    parser.add_argument("--sizes", default="10000,100000", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, help="for the tables; default: a temporary one")
    options = parser.parse_args()
    for size in options.sizes.split(","):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measure(int(size), Path(folder))


if __name__ == "__main__":
    main()
