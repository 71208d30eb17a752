"""What class maps and feature curves cost.

    python -m benchmarks.classes

- The class map of one image, 7 × 7 × 1,280, for a class of 5 images and for one of 5,000, from the
  class's embedding sum; beside it the sum of its pairwise maps, one product per image.
- The feature curve of 1,000 random pairs from a finished index of the demo's size, 288 × 1,280;
  beside it the bare products of the same pairs, nothing sorted.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import Times, median_ratio, take_turns
from simviz_core.classes import class_map_of, class_reference, class_sums
from simviz_core.decomposition import AveragePooling, DecomposedImage, decompose, vector_map
from simviz_core.features import PairSample, draw_pairs, feature_curve
from simviz_core.gallery import GalleryImage
from simviz_core.retrieval import GalleryIndex

GRID, DIMENSION = (7, 7), 1280
SMALL, LARGE = 5, 5000
ROUNDS = 101

Contenders = dict[str, Callable[[], object]]


def random_index(sizes: dict[str, int]) -> GalleryIndex:
    """Random unit embeddings of classes of these sizes, none negative."""
    count = sum(sizes.values())
    values = np.abs(np.random.default_rng(0).normal(size=(count, DIMENSION))).astype(np.float32)
    units = values / np.linalg.norm(values, axis=1, keepdims=True)
    labels = [label for label, size in sizes.items() for _ in range(size)]
    images = tuple(
        GalleryImage(f"{number}.jpg", Path(f"{number}.jpg"), label)
        for number, label in enumerate(labels)
    )
    return GalleryIndex(images, units)


def pairwise(image: DecomposedImage, units: torch.Tensor) -> torch.Tensor:
    """The sum of an image's maps with many others, one after the other."""
    total = torch.zeros(GRID)
    for unit in units:
        total += vector_map(image, unit)
    return total


def products(index: GalleryIndex, sample: PairSample) -> np.ndarray:
    """The contributions of all components of all pairs."""
    return index.matrix[sample.first] * index.matrix[sample.second]


def show(times: Times, base: str) -> None:
    """Print medians, and how many times as long as one of the contenders the others take."""
    for name, values in times.items():
        median = sorted(values)[len(values) // 2]
        print(f"  {name:<44} {median * 1e3:9.3f} ms  {median_ratio(times, name, base):9.2f} ×")


def main() -> None:
    """Print both comparisons."""
    index = random_index({"small": SMALL, "large": LARGE})
    sums = class_sums(index)
    F = torch.rand(*GRID, DIMENSION, generator=torch.Generator().manual_seed(0))
    image = decompose(F, AveragePooling())
    units = torch.from_numpy(index.matrix)

    def from_sum(label: str) -> object:
        return class_map_of(image, class_reference(sums, label))

    print("class map of one image")
    # Apart, since what follows the slow one pays for the cold caches that it leaves.
    quick: Contenders = {
        f"from the sum, class of {SMALL}": partial(from_sum, "small"),
        f"from the sum, class of {LARGE:,}": partial(from_sum, "large"),
    }
    show(take_turns(quick, ROUNDS), f"from the sum, class of {SMALL}")
    contenders: Contenders = {
        f"from the sum, class of {SMALL}": partial(from_sum, "small"),
        f"pairwise maps, class of {SMALL}": partial(pairwise, image, units[:SMALL]),
        f"pairwise maps, class of {LARGE:,}": partial(pairwise, image, units[SMALL:]),
    }
    show(take_turns(contenders, ROUNDS), f"from the sum, class of {SMALL}")
    rooms = random_index({f"hotel {number}": 6 for number in range(48)})
    sample = draw_pairs(rooms, same_class=False)
    print(f"feature curve of {len(sample.first):,} pairs")
    curves: Contenders = {
        "drawn, multiplied, sorted and averaged": lambda: feature_curve(
            rooms, draw_pairs(rooms, same_class=False)
        ),
        "bare products": partial(products, rooms, sample),
    }
    show(take_turns(curves, ROUNDS), "bare products")


if __name__ == "__main__":
    main()
