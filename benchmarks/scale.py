"""How searches of many embeddings compare: time, memory, disk, and what they find.

    python -m benchmarks.scale --folder FOLDER [--sizes 10000,100000,1000000]

The 100 best of N unit vectors with 1,280 components, for 25 whole images and 25 regions, by

- the bare product: NumPy's matrix @ vector, all scores, nothing sorted;
- faiss's IndexFlatIP, where faiss is installed; it uses one core for one query;
- SimViz, all in memory: the product, and the best scored exactly;
- SimViz, codes in memory, embeddings on disk;
- the same with the codes on disk, too;
- SimViz, approximate, from disk: LanceDB's IVF_RQ, measured with 100 rows and 100 regions as `index
  --approximate` does.

Each has a process of its own, so that its memory is its own, and is asked in turns with the bare
product in another one; "× bare" is the median of the ratios. `own` is what the process has in
memory for itself after the searches, `mapped` what it has of files, libraries among them, which the
system takes back when it needs room. `found` is the share of the 100 best that it finds, of whole
images and of regions; faiss's rounding may swap the last of them.

The vectors are made from real ones. The default network sees four views of each image of the demo
gallery (as it is, mirrored, the upper left and the lower right three quarters of each side): 1,152
feature maps. An image of the synthetic gallery is a mixture of such maps: three of its group's (20
images share a group, weights are random), then a share of 5 to 50 % of a map of its own, then noise
of a quarter of each channel's deviation, cut off at 0 as the network's last ReLU does. Average
pooling is linear: the embedding of a mixture is the mixture of embeddings, and what a region
contributes is the mixture of what it contributes in each. Queries are new images of the groups;
their regions, one of four rectangles.

What was made stays in the folder, and a run that was interrupted goes on with it. A million vectors
need 12 GB there, and 11 GB of memory while they are measured.
"""

import argparse
import multiprocessing
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

BEST = 100
QUERIES = 25
"""Of each kind."""
AT_ONCE = 10_000
GROUP = 20
MIXED = 3
NOISE = 0.25
MEASURED_WITH = 100
"""Of each kind."""
RECTANGLES = ((1, 4, 1, 4), (3, 7, 2, 6), (0, 3, 0, 3), (4, 7, 4, 7))
"""Regions, in cells of 7 × 7: rows from and to, columns from and to."""


@dataclass(frozen=True)
class Views:
    """What the network makes of real views, V of them, before normalisation.

    Attributes:
        whole: Their embeddings, (V, D).
        regions: What each of the rectangles contributes, (V, 4, D).
    """

    whole: Vectors
    regions: Vectors


@dataclass(frozen=True)
class Figures:
    """What a contender needed and found.

    Attributes:
        ready: Seconds until it could be asked.
        seconds: Of each query.
        ratios: Of each query: its seconds by those of the bare product.
        found: Share of the best that it found, of whole images and of regions.
        same: Whether it returned the same rows in the same order with the same scores.
        own: Memory of its own after the searches, in bytes.
        mapped: What it had of files, in bytes.
    """

    ready: float
    seconds: list[float]
    ratios: list[float]
    found: tuple[float, float]
    same: bool
    own: int
    mapped: int


def views_in(folder: Path) -> Views:
    """The views, made when they are not there yet."""
    file = folder / "views.npz"
    if not file.exists():
        made = make_views()
        np.savez(file, whole=made.whole, regions=made.regions)
    with np.load(file) as kept:
        return Views(kept["whole"], kept["regions"])


def make_views() -> Views:
    """Run the network on four views of each image of the demo."""
    from PIL import Image, ImageOps

    from simviz_core.networks import DEFAULT_NETWORK, DEFAULT_SIZE, load_network

    network = load_network(DEFAULT_NETWORK, "average", DEFAULT_SIZE)
    seen: list[Image.Image] = []
    for path in sorted(Path("demo/rooms/images").glob("*/*.jpg")):
        image = Image.open(path).convert("RGB")
        x, y = image.width // 4, image.height // 4
        seen += [image, ImageOps.mirror(image), image.crop((0, 0, 3 * x, 3 * y))]
        seen.append(image.crop((x, y, image.width, image.height)))
    whole, regions = [], []
    for start in range(0, len(seen), 16):
        F = network.feature_map(seen[start : start + 16]).numpy(force=True)
        cells = F.shape[1] * F.shape[2]
        whole.append(F.mean((1, 2)))
        parts = [F[:, a:b, c:d].sum((1, 2)) / cells for a, b, c, d in RECTANGLES]
        regions.append(np.stack(parts, 1))
    return Views(np.concatenate(whole), np.concatenate(regions))


class Mixtures:
    """Synthetic images as mixtures of real ones, the same for the same count."""

    def __init__(self, views: Views, count: int) -> None:
        """Prepare the groups of so many images."""
        chance = np.random.default_rng(count)
        groups = max(1, count // GROUP)
        self.views, self.count, self.groups = views, count, groups
        self.members = chance.integers(0, len(views.whole), (groups, MIXED))
        self.weights = chance.dirichlet(np.ones(MIXED), groups).astype(np.float32)
        self.noise = NOISE * views.whole.std(0)

    def rows(self, start: int) -> Vectors:
        """Unit embeddings of the images from a multiple of `AT_ONCE` on."""
        chance = np.random.default_rng([self.count, start])
        return _unit(self._mixed(chance, min(AT_ONCE, self.count - start))[0])

    def queries(self, seed: int = 1, count: int = QUERIES) -> tuple[Vectors, Vectors]:
        """New images' unit embeddings, and vectors of regions of them, (count, D) each."""
        whole, regions = self._mixed(np.random.default_rng([self.count, seed]), count, True)
        return _unit(whole), regions / np.linalg.norm(whole, axis=1, keepdims=True)

    def _mixed(
        self, chance: np.random.Generator, count: int, with_regions: bool = False
    ) -> tuple[Vectors, Vectors]:
        group = chance.integers(0, self.groups, count)
        own, region = chance.integers(0, len(self.views.whole), count), chance.integers(0, 4, count)
        share = chance.uniform(0.05, 0.5, (count, 1)).astype(np.float32)
        noise = chance.standard_normal((count, self.views.whole.shape[1]), dtype=np.float32)

        def mix(of_views: Callable[[NDArray[np.int64]], Vectors], part: float) -> Vectors:
            mixed = share * of_views(own)
            for place in range(MIXED):
                weight = (1 - share) * self.weights[group, place, None]
                mixed += weight * of_views(self.members[group, place])
            return np.maximum(mixed + part * self.noise * noise, 0)

        cells = [(b - a) * (d - c) / 49 for a, b, c, d in RECTANGLES]
        whole = mix(lambda view: self.views.whole[view], 1)
        regions = np.zeros((0, whole.shape[1]), np.float32)
        if with_regions:
            regions = mix(lambda view: self.views.regions[view, region], float(np.mean(cells)))
        return whole, regions


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ids_of(count: int) -> list[str]:
    """What the images are called."""
    return [f"{row:07}.jpg" for row in range(count)]


def write_table(folder: Path, count: int) -> float:
    """Write the table of embeddings, or the rest of it; returns the seconds that it took."""
    from simviz_core.retrieval import EmbeddingTable, StoredImage

    mixtures, ids = Mixtures(views_in(folder), count), ids_of(count)
    table, start = EmbeddingTable(folder / str(count), "embeddings"), time.perf_counter()
    has = len(table.images())
    for first in range(has, count, AT_ONCE):
        names = ids[first : first + AT_ONCE]
        rows = [StoredImage(name, None, 640, 480, 1, 1, None) for name in names]
        table.append(rows, mixtures.rows(first))
    return time.perf_counter() - start


# What follows runs in the contenders' processes, each of which holds one `_ask`.

Found = tuple[NDArray[np.int64], Vectors]
_ask: Callable[[Vectors], Found]


def ready(name: str, folder: Path, count: int) -> float:
    """Get a contender ready to be asked; returns the seconds that it took."""
    global _ask
    start = time.perf_counter()
    _ask = CONTENDERS[name](folder / str(count), count)
    return time.perf_counter() - start


def ask(vector: Vectors) -> tuple[Found, float]:
    """Ask the process's contender; returns what it found, and the seconds."""
    start = time.perf_counter()
    found = _ask(vector)
    return found, time.perf_counter() - start


def memory() -> tuple[int, int]:
    """This process's own memory, and what it has of files, in bytes."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    held = {line[0]: int(line[1]) * 1024 for line in lines if line[0] in ("RssAnon:", "RssFile:")}
    return held["RssAnon:"], held["RssFile:"]


def scan_of(folder: Path, count: int, limit: str) -> Callable[[Vectors], Found]:
    """SimViz's search with a limit on memory."""
    import os

    from simviz_core.retrieval import EmbeddingTable
    from simviz_core.retrieval.scanning import MEMORY_VARIABLE, memory, read_scan

    if limit == "in memory":
        memory.CODES_FROM = 1 << 60
    else:
        os.environ[MEMORY_VARIABLE] = limit
    scan, _ = read_scan(EmbeddingTable(folder, "embeddings"), ids_of(count))
    allowed = np.ones(count, dtype=bool)
    return lambda vector: scan.best(vector, BEST, allowed)


def bare_product(folder: Path, count: int) -> Callable[[Vectors], Found]:
    """NumPy's product of all rows."""
    matrix = np.load(folder / "embeddings.scan" / "embeddings.npy")
    nothing = np.zeros(0, dtype=np.int64)
    return lambda vector: (nothing, matrix @ vector)


def faiss_flat(folder: Path, count: int) -> Callable[[Vectors], Found]:
    """faiss's exact search."""
    import faiss

    matrix = np.load(folder / "embeddings.scan" / "embeddings.npy", mmap_mode="r")
    index = faiss.IndexFlatIP(matrix.shape[1])
    for start in range(0, count, AT_ONCE):
        index.add(np.array(matrix[start : start + AT_ONCE]))

    def search(vector: Vectors) -> Found:
        scores, rows = index.search(vector[None], BEST)
        return rows[0], scores[0]

    return search


def index_table(folder: Path, count: int) -> tuple[float, str]:
    """Add the approximate index, where there is none; the seconds that it took, and its recall."""
    from simviz_core.retrieval import EmbeddingTable, approximate_index
    from simviz_core.retrieval.scanning import choose_probes, read_scan

    table, ids = EmbeddingTable(folder / str(count), "embeddings"), ids_of(count)
    start = time.perf_counter()
    if (kept := approximate_index(table)) is not None and kept.is_current:
        return 0, kept.recall.words
    table.index_neighbours()
    seconds = time.perf_counter() - start
    exact, _ = read_scan(table, ids, from_disk=True)
    rows = np.random.default_rng(0).choice(count, MEASURED_WITH, replace=False)
    _, regions = Mixtures(views_in(folder), count).queries(2, MEASURED_WITH)
    return seconds, choose_probes(table, exact, ids, rows, list(regions)).words


def approximate(folder: Path, count: int) -> Callable[[Vectors], Found]:
    """SimViz's search by the approximate index."""
    from simviz_core.retrieval import EmbeddingTable, approximate_index
    from simviz_core.retrieval.scanning import NeighbourScan, read_scan

    table, ids = EmbeddingTable(folder, "embeddings"), ids_of(count)
    kept = approximate_index(table)
    assert kept is not None
    exact, _ = read_scan(table, ids, from_disk=True)
    scan, allowed = NeighbourScan(exact, table, ids, kept.recall), np.ones(count, dtype=bool)
    return lambda vector: scan.best(vector, BEST, allowed)[:2]


CONTENDERS: dict[str, Callable[[Path, int], Callable[[Vectors], Found]]] = {
    "all in memory": lambda folder, count: scan_of(folder, count, "in memory"),
    "codes in memory": lambda folder, count: scan_of(folder, count, f"{count * 1280 // 1000}KB"),
    "codes on disk": lambda folder, count: scan_of(folder, count, "1"),
    "faiss IndexFlatIP": faiss_flat,
    "approximate": approximate,
    "bare product": bare_product,
}


def process() -> ProcessPoolExecutor:
    """A fresh interpreter."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def in_turns(
    name: str, folder: Path, count: int, bare: ProcessPoolExecutor, truth: list[Found] | None
) -> tuple[Figures, list[Found]]:
    """Ask a contender and the bare product in turns; returns also what the contender found."""
    queries = np.concatenate(Mixtures(views_in(folder), count).queries())
    with process() as own:
        took = own.submit(ready, name, folder, count).result()
        for vector in queries[:2]:
            own.submit(ask, vector).result(), bare.submit(ask, vector).result()
        times: list[float] = []
        ratios: list[float] = []
        found: list[Found] = []
        for vector in queries:
            answer, seconds = own.submit(ask, vector).result()
            found.append(answer)
            times.append(seconds)
            ratios.append(seconds / bare.submit(ask, vector).result()[1])
        held = own.submit(memory).result()
    truth = truth or found
    shares = [np.isin(right[0], rows).mean() for right, (rows, _) in zip(truth, found, strict=True)]
    same = all(
        np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])
        for one, other in zip(truth, found, strict=True)
    )
    halves = float(np.mean(shares[:QUERIES])), float(np.mean(shares[QUERIES:]))
    return Figures(took, times, ratios, halves, same, *held), found


def on_disk(folder: Path) -> Iterator[tuple[str, int]]:
    """What a folder holds: names and bytes."""
    for path in sorted(folder.iterdir()):
        files = path.rglob("*") if path.is_dir() else [path]
        yield path.name, sum(file.stat().st_size for file in files if file.is_file())


def measure(count: int, folder: Path) -> None:
    """Print the comparison for one number of vectors."""
    with process() as own:
        written = own.submit(write_table, folder, count).result()
    with process() as own:
        indexed, recall = own.submit(index_table, folder, count).result()
    # Whoever is first to read the table makes the files, which the bare product reads as well.
    shutil.rmtree(folder / str(count) / "embeddings.scan", ignore_errors=True)
    with process() as own:
        made = own.submit(ready, "codes in memory", folder, count).result()
    print(
        f"{count:,} vectors × 1,280 ({count * 5120 / 1e9:.2f} GB): {written:.0f} s to make and "
        f"write, {made:.0f} s to encode, {indexed:.0f} s for the "
        f"approximate index, {recall}\n"
        f"  {'':<20}{'ready':>8}{'p50':>10}{'p95':>10}{'× bare':>8}{'own':>10}{'mapped':>10}"
        "  found, of regions"
    )
    with process() as bare:
        bare.submit(ready, "bare product", folder, count).result()
        truth: list[Found] | None = None
        for name in [name for name in CONTENDERS if name != "bare product"]:
            with suppress(ModuleNotFoundError):
                figures, found = in_turns(name, folder, count, bare, truth)
                truth = truth or found
                print(line(name, figures), flush=True)
    for name, size in on_disk(folder / str(count)):
        if size:
            print(f"  on disk: {name} {size / 1e9:.2f} GB")
    print()


def line(name: str, figures: Figures) -> str:
    """One contender's row."""
    p50, p95 = np.percentile(figures.seconds, [50, 95]) * 1e3
    return (
        f"  {name:<20}{figures.ready:>6.1f} s{p50:>7.1f} ms{p95:>7.1f} ms"
        f"{statistics.median(figures.ratios):>8.2f}{figures.own / 1e9:>7.2f} GB"
        f"{figures.mapped / 1e9:>7.2f} GB  {figures.found[0]:.4f} {figures.found[1]:.4f}"
        f"{'  identical' if figures.same else ''}"
    )


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description="Compare searches of many embeddings.")
    parser.add_argument("--sizes", default="10000,100000", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, required=True, help="for what is made; it stays")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    views_in(options.folder)
    for size in options.sizes.split(","):
        measure(int(size), options.folder)


if __name__ == "__main__":
    main()
