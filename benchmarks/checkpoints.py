"""How long a query takes through five checkpoints of a run, and how much memory their networks.

    python -m benchmarks.checkpoints [--run demo/runs/average]

Compared, for all figures and maps of one query (its top three matches at each checkpoint, the
embeddings of the gallery in the store):

- warm: as the page has it when it comes back to a query, feature maps in memory
- cold: networks loaded one after the other, each run on the query and its matches
- bare: the same networks loaded, and as many images run through the trunk, nothing more

Memory is measured in processes of their own: holding all the networks at once, and as SimViz does,
one after the other, with at most two held.
"""

import argparse
import multiprocessing
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import psutil
from torch import Tensor

from benchmarks.timing import median_ratio, take_turns
from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import DecomposedImage, decompose
from simviz_core.following import FollowedQuery, checkpoint_report, held_out_rows
from simviz_core.gallery import DEMO_GALLERY, Gallery, open_gallery
from simviz_core.images import LoadedImage, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex, embedding_table, index_gallery, load_index
from simviz_core.runs import DEMO_RUNS, Run, RunCheckpoint, checkpoint_settings, open_run

TOP = 3
QUERY = "hotel_29/view_2.jpg"
HELD_BY_PAGES = 2
"""Networks that the pages keep."""

Decompose = Callable[[Sequence[LoadedImage]], list[DecomposedImage]]


def load(run: Run, checkpoint: RunCheckpoint) -> SimilarityNetwork:
    """The network of a checkpoint."""
    return load_for_settings(checkpoint_settings(run, checkpoint))


def stored_index(gallery: Gallery, network: SimilarityNetwork) -> GalleryIndex:
    """The gallery's embeddings by a network, made where they are not in the store yet."""
    table = embedding_table(gallery, network.fingerprint)
    index_gallery(gallery, network, table)
    return load_index(gallery, table)


def run_network(network: SimilarityNetwork, images: Sequence[LoadedImage]) -> list[DecomposedImage]:
    """Decompose images by running the network on them."""
    batch = network.decompose([image.pixels for image in images])
    return [batch[place] for place in range(len(images))]


class Task:
    """A query, and the checkpoints of a run with the gallery embedded by each."""

    def __init__(self, run: Run, gallery: Gallery, query_id: str) -> None:
        self.run = run
        self.checkpoints = run.checkpoints[-5:]
        image = gallery.image(query_id)
        self.query = FollowedQuery(load_image(image.path), image.id, image.label)
        self.indexes = [stored_index(gallery, load(run, c)) for c in self.checkpoints]
        self.pooling = load(run, self.checkpoints[0]).pooling
        self.maps = [self._feature_maps(place) for place in range(len(self.checkpoints))]

    def _feature_maps(self, place: int) -> dict[str, Tensor]:
        """The feature maps that a checkpoint's report needs, by the image's digest."""
        network = load(self.run, self.checkpoints[place])
        kept: dict[str, Tensor] = {}

        def keep(images: Sequence[LoadedImage]) -> list[DecomposedImage]:
            maps = network.feature_map([image.pixels for image in images])
            kept.update((image.digest, F) for image, F in zip(images, maps, strict=True))
            return [decompose(F, network.pooling) for F in maps]

        self.report(place, keep)
        return kept

    def report(self, place: int, decompose_images: Decompose) -> None:
        """All that is shown of one checkpoint."""
        index = self.indexes[place]
        rows = held_out_rows(index, self.run.held_out)
        checkpoint = self.checkpoints[place]
        frame = checkpoint_settings(self.run, checkpoint).frame
        checkpoint_report(checkpoint, index, self.query, rows, TOP, decompose_images, None, frame)

    def warm(self) -> None:
        """Every checkpoint from feature maps in memory."""
        for place, maps in enumerate(self.maps):
            self.report(place, partial(self._from_maps, maps))

    def _from_maps(
        self, maps: Mapping[str, Tensor], images: Sequence[LoadedImage]
    ) -> list[DecomposedImage]:
        return [decompose(maps[image.digest], self.pooling) for image in images]

    def cold(self) -> None:
        """Every checkpoint with its network loaded and run."""
        for place, checkpoint in enumerate(self.checkpoints):
            self.report(place, partial(run_network, load(self.run, checkpoint)))

    def bare(self) -> None:
        """The same networks, on as many images, and nothing else."""
        for checkpoint in self.checkpoints:
            network = load(self.run, checkpoint)
            network.run_trunk(network.pixels([self.query.picture.pixels]))
            network.run_trunk(network.pixels([self.query.picture.pixels] * TOP))


def memory_of(folder: Path, held: int, counted: "multiprocessing.Queue[float]") -> None:
    """Load and run the networks of five checkpoints, and report the growth of memory.

    Args:
        folder: The run's.
        held: How many networks are kept.
        counted: Receives megabytes beyond those of the first network.
    """
    run = open_run(folder)
    picture = load_image(open_gallery(DEMO_GALLERY).images[0].path).pixels
    checkpoints = run.checkpoints[-5:]
    kept: deque[SimilarityNetwork] = deque(maxlen=held)
    process, first = psutil.Process(), 0
    for checkpoint in checkpoints:
        kept.append(load(run, checkpoint))
        kept[-1].feature_map([picture])
        first = first or process.memory_info().rss
    counted.put((process.memory_info().rss - first) / 1e6)


def growth(folder: Path, held: int) -> float:
    """The same, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    counted: multiprocessing.Queue[float] = context.Queue()
    child = context.Process(target=memory_of, args=(folder, held, counted))
    child.start()
    megabytes = counted.get()
    child.join()
    return megabytes


def main() -> None:
    """Print the times and the memory."""
    parser = argparse.ArgumentParser(description="Times and memory of five checkpoints.")
    parser.add_argument("--run", type=Path, default=DEMO_RUNS / "average", metavar="DIR")
    parser.add_argument("--query", default=QUERY, help="an id of the demo gallery")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    run = open_run(options.run)
    task = Task(run, open_gallery(DEMO_GALLERY), options.query)
    times = take_turns({"warm": task.warm, "cold": task.cold, "bare": task.bare}, options.rounds)
    print(f"{len(task.checkpoints)} checkpoints of {run.network}, one query, top {TOP}")
    for name, values in times.items():
        ratio = median_ratio(times, name, "bare")
        print(f"  {name:<6} {sorted(values)[len(values) // 2] * 1e3:8.1f} ms  {ratio:6.3f} × bare")
    for held in (len(task.checkpoints), HELD_BY_PAGES):
        print(
            f"  memory beyond the first network, {held} held: {growth(options.run, held):6.0f} MB"
        )


if __name__ == "__main__":
    main()
