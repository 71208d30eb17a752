"""How fast a gallery is indexed, beside the bare network and beside a plain loop.

    python -m benchmarks.index [GALLERY] [--network efficientnet_lite0] [--rounds 5]

Compared are, on the same images (at most `--images` of them):

- SimViz: `index_gallery` into an empty folder, from the files to the stored table; reading,
  resizing, batching, writing and joining the chunks are all in the time;
- the bare network, on the same batches, read, resized and normalised before the clock starts. No
  way of indexing can be faster, and the target is 0.85 of it;
- bare OpenVINO: the same batches through the trunk alone, nothing pooled;
- a plain loop: load one image, resize it, embed it, keep the vector in memory.

They take turns, so that what else the machine does meets all of them alike. Ratios are formed
within a round; what is printed is the median over the rounds.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmarks.networks import bare_openvino
from benchmarks.timing import median_ratio, take_turns
from simviz_core.gallery import DEMO_GALLERY, Gallery, open_gallery
from simviz_core.images import load_image
from simviz_core.networks import NETWORKS, SimilarityNetwork, load_network
from simviz_core.retrieval import BATCH, embedding_table, index_gallery

TARGET = 0.85
"""The share of the bare network's speed that indexing should reach."""


def index_anew(gallery: Gallery, network: SimilarityNetwork) -> None:
    """Index a gallery into a folder that is empty, and throw the embeddings away."""
    with tempfile.TemporaryDirectory() as folder:
        table = embedding_table(gallery, network.fingerprint, folder=Path(folder))
        report = index_gallery(gallery, network, table)
    assert len(report.added) == len(gallery.images), report.unreadable


def prepared_batches(gallery: Gallery, network: SimilarityNetwork) -> list[Tensor]:
    """The batches that indexing forms, as they enter the trunk: (N, 3, size, size) each."""
    size = BATCH.get(network.device.type, BATCH["cpu"])
    parts = (gallery.images[start : start + size] for start in range(0, len(gallery.images), size))
    return [network.pixels([load_image(image.path).pixels for image in part]) for part in parts]


def one_by_one(gallery: Gallery, network: SimilarityNetwork) -> np.ndarray:
    """Embed a gallery in a plain loop; unit embeddings, (N, D)."""
    rows = []
    for image in gallery.images:
        pixels = network.pixels([load_image(image.path).pixels])
        rows.append(network.unit_embeddings(pixels)[0].numpy(force=True))
    return np.stack(rows)


def measure(gallery: Gallery, network: SimilarityNetwork, rounds: int) -> None:
    """Print the comparison."""
    batches = prepared_batches(gallery, network)
    trunk = bare_openvino(network)
    contenders: dict[str, Callable[[], object]] = {
        "bare network": lambda: [network.unit_embeddings(batch) for batch in batches],
        "bare OpenVINO": lambda: [trunk(batch) for batch in batches],
        "SimViz": lambda: index_anew(gallery, network),
        "plain loop": lambda: one_by_one(gallery, network),
    }
    times = take_turns(contenders, rounds)

    print(
        f"{len(gallery.images):,} images of {gallery.source.name}, {network.name} at "
        f"{network.size}, batches of {len(batches[0])} on {network.device.type}, {rounds} rounds, "
        f"run by {network.engine_in_use.line}"
    )
    print(f"  {'':<46}{'images/s':>10}{'of the bare network':>22}")
    for name, title in (
        ("bare network", "bare network, batches prepared before"),
        ("bare OpenVINO", "bare OpenVINO, batches prepared before"),
        ("SimViz", "SimViz, from the files to the stored table"),
        ("plain loop", "plain loop, one image at a time"),
    ):
        speed = len(gallery.images) / statistics.median(times[name])
        share = 1 / median_ratio(times, name, "bare network")
        print(f"  {title:<46}{speed:>10.1f}{share:>22.2f}")
    reached = 1 / median_ratio(times, "SimViz", "bare network")
    print(f"  target {TARGET}: {'reached' if reached >= TARGET else 'missed'}")


def main() -> None:
    """Measure one gallery with one network."""
    parser = argparse.ArgumentParser(description="Time the indexing of a gallery.")
    parser.add_argument(
        "gallery", nargs="?", default=DEMO_GALLERY, help="default: the demo gallery"
    )
    parser.add_argument("--network", choices=NETWORKS, default="efficientnet_lite0")
    parser.add_argument("--size", type=int, default=224, help="in pixels; default: %(default)s")
    parser.add_argument("--images", type=int, default=512, help="at most; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    options = parser.parse_args()
    gallery = open_gallery(options.gallery)
    gallery = Gallery(gallery.source, gallery.images[: options.images])
    measure(gallery, load_network(options.network, size=options.size), options.rounds)


if __name__ == "__main__":
    main()
