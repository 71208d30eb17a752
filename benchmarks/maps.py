"""How long both similarity maps of a pair take, beside two other ways to get them.

    python -m benchmarks.maps [--repeats 15]

Compared are, for a 7 × 7 × 2048 (ResNet-50 at 224) and a 14 × 14 × 1280 feature map
(EfficientNet-Lite0 at 448), starting from the two feature maps in memory:

- SimViz: decompose both images, then both maps, as products with the other's unit embedding;
- SimViz with both images decomposed before, as they are when one query meets many matches;
- all cell pairs: the products of every two cells, summed over rows and columns, the form in which
  the paper's authors published their code; in a loop over the cells of one image with the other
  image as one array, and in a loop over the pairs;
- gradient × activation of the cosine: forward and backward through the network, and with the
  backward pass down to the last feature map alone.

The last line of each block shows why the third is no substitute: the cosine does not change when
a feature map is scaled, so gradient × activation sums to zero, not to the similarity.
Networks have random weights; times do not depend on them.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simviz_core.decomposition import (
    AveragePooling,
    DecomposedImage,
    decompose,
    similarity,
    similarity_map,
)
from simviz_core.networks import build_network

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Setting:
    """A network and the input size that it is measured at, in pixels."""

    network: str
    size: int


SETTINGS = (Setting("resnet50", 224), Setting("efficientnet_lite0", 448))


def simviz(F_i: Tensor, F_j: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps as SimViz makes them, from feature maps (H, W, C)."""
    return maps(decompose(F_i, AveragePooling()), decompose(F_j, AveragePooling()))


def maps(i: DecomposedImage, j: DecomposedImage) -> tuple[Tensor, Tensor]:
    """Both maps of decomposed images, which is what a page does with what it has cached."""
    return similarity_map(i, j), similarity_map(j, i)


def row_by_row(F_i: Array, F_j: Array) -> tuple[Array, Array]:
    """Both maps from all cell pairs: each cell of i, repeated, times all the cells of j."""
    cells_i, cells_j = normalised_cells(F_i), normalised_cells(F_j)
    products = np.empty((len(cells_i), len(cells_j)), dtype=np.float32)
    for row, cell in enumerate(cells_i):
        products[row] = (np.tile(cell, (len(cells_j), 1)) * cells_j).sum(1)
    return products.sum(1).reshape(F_i.shape[:2]), products.sum(0).reshape(F_j.shape[:2])


def pair_by_pair(F_i: Array, F_j: Array) -> tuple[Array, Array]:
    """Both maps from all cell pairs, one pair at a time."""
    cells_i, cells_j = normalised_cells(F_i), normalised_cells(F_j)
    products = np.empty((len(cells_i), len(cells_j)), dtype=np.float32)
    for row, cell in enumerate(cells_i):
        for column, other in enumerate(cells_j):
            products[row, column] = (cell * other).sum()
    return products.sum(1).reshape(F_i.shape[:2]), products.sum(0).reshape(F_j.shape[:2])


def normalised_cells(F: Array) -> Array:
    """The cells of F as rows, divided by the pooled vector's length and by their number."""
    cells = F.reshape(-1, F.shape[-1])
    scale = np.linalg.norm(cells.mean(0)) * len(cells)
    return (cells / scale).astype(np.float32)


def gradient_times_activation(
    trunk: nn.Module, pixels: Tensor, down_to_pixels: bool
) -> tuple[Tensor, Tensor]:
    """Gradient × activation of the cosine on both feature maps; pixels (2, 3, size, size)."""
    pixels = pixels.detach().requires_grad_(down_to_pixels)
    F = trunk(pixels)
    if not down_to_pixels:
        F = F.detach().requires_grad_()
    F.retain_grad()
    e = F.mean((2, 3))
    torch.nn.functional.cosine_similarity(e[0], e[1], dim=0).backward()
    assert F.grad is not None
    maps = (F.grad * F.detach()).sum(1)
    return maps[0], maps[1]


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """The median time of one call, after a first one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(setting: Setting, repeats: int) -> None:
    """Print one block of the comparison."""
    trunk = build_network(setting.network, pretrained=False)
    pixels = torch.randn(2, 3, setting.size, setting.size)
    with torch.inference_mode():
        F = trunk(pixels).permute(0, 2, 3, 1).contiguous().clamp_min(0)
    F_i, F_j = F.clone()
    arrays = F_i.numpy(), F_j.numpy()

    i, j = decompose(F_i, AveragePooling()), decompose(F_j, AveragePooling())
    ours = median_seconds(lambda: simviz(F_i, F_j), repeats * 20)
    rows = [
        ("SimViz, from the feature maps", ours),
        ("SimViz, images decomposed before", median_seconds(lambda: maps(i, j), repeats * 20)),
        ("all cell pairs, row by row", median_seconds(lambda: row_by_row(*arrays), repeats)),
        ("all cell pairs, pair by pair", median_seconds(lambda: pair_by_pair(*arrays), repeats)),
    ]
    for name, down_to_pixels in (
        ("gradient × activation, forward + whole backward", True),
        ("gradient × activation, forward + last layer", False),
    ):

        def explain(down_to_pixels: bool = down_to_pixels) -> object:
            return gradient_times_activation(trunk, pixels, down_to_pixels)

        rows.append((name, median_seconds(explain, max(3, repeats // 5))))

    print(f"{' × '.join(map(str, F_i.shape))}  ({setting.network} at {setting.size})")
    for name, seconds in rows:
        print(f"  {name:<50}{seconds * 1e3:>11.3f} ms{seconds / ours:>10.0f} ×")
    report_sums(trunk, pixels, F_i, F_j)


def report_sums(trunk: nn.Module, pixels: Tensor, F_i: Tensor, F_j: Tensor) -> None:
    """Print what each kind of map adds up to, and how far SimViz's is from the loop's."""
    map_i, map_j = simviz(F_i, F_j)
    loop_i, loop_j = row_by_row(F_i.numpy(), F_j.numpy())
    i, j = decompose(F_i, AveragePooling()), decompose(F_j, AveragePooling())
    difference = max(np.abs(map_i.numpy() - loop_i).max(), np.abs(map_j.numpy() - loop_j).max())
    gradient_map, _ = gradient_times_activation(trunk, pixels, down_to_pixels=False)
    print(
        f"  cosine {similarity(i, j):.6f}; the map sums to {map_i.sum():.6f}, gradient × "
        f"activation to {gradient_map.sum():.6f}; largest difference to the loop {difference:.0e}\n"
    )


def main() -> None:
    """Measure every setting."""
    parser = argparse.ArgumentParser(description="Time both similarity maps of a pair.")
    parser.add_argument("--repeats", type=int, default=15, help="default: %(default)s")
    repeats = parser.parse_args().repeats
    for setting in SETTINGS:
        measure(setting, repeats)


if __name__ == "__main__":
    main()
