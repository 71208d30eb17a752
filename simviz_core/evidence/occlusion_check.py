"""Blank a part of an image, run the network again, and compare it with what was predicted.

Two predictions are made without a run: what the map's cells add up to there, as if the rest stayed
as it is, and what the similarity would be without those cells' contributions. Neither knows what
the network makes of the pixels that take the place: cells see more than they cover, and no
replacement is neutral.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core.decomposition import (
    DecomposedImage,
    region_score,
    similarity,
    similarity_map,
    similarity_without,
)
from simviz_core.evidence.masking import BATCH, Fill, cells_to_pixels, filled
from simviz_core.images import LoadedImage
from simviz_core.map_measures import pearson_correlation
from simviz_core.networks import SimilarityNetwork, height_and_width
from simviz_core.retrieval import Region

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Removal:
    """A part of an image that is blanked.

    Attributes:
        cells: The share of each cell that goes, (H, W), 0..1.
        pixels: The share of each pixel of the network's input that goes, (height, width), 0..1.
    """

    cells: Tensor
    pixels: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OcclusionCheck:
    """What was predicted of blanking a part of the query, and what happened.

    Attributes:
        fill: What took the place of the pixels.
        before: The similarity of the whole query.
        after: That of the blanked query, by a run of the network.
        without: What it would be without the cells' contributions: the prediction in closed form.
        contribution: What the cells contribute to it: the map's sum there.
        blanked_map: The map of the blanked query, (H, W).
        blanked_picture: What the network saw, RGB.
        seconds: The whole check, its run included.
    """

    fill: Fill
    before: float
    after: float
    without: float
    contribution: float
    blanked_map: Map
    blanked_picture: Image.Image
    seconds: float

    @property
    def real_change(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def predicted_change(self) -> float:
        """Without minus before."""
        return self.without - self.before

    @property
    def sentence(self) -> str:
        """Predicted beside real, in one sentence."""
        return (
            f"the similarity goes from {self.before:.4f} to {self.after:.4f}: real change "
            f"{self.real_change:+.4f}, predicted {self.predicted_change:+.4f}; their contribution, "
            f"gone, {-self.contribution:+.4f}"
        )


@dataclass(frozen=True, eq=False)
class CellScatter:
    """The check of every cell, one at a time.

    Attributes:
        fill: What took the place of the pixels.
        predicted: The change that the closed form predicts for each cell, (H, W).
        contribution: What each cell contributes, (H, W); its loss is predicted by the map alone.
        real: The change that happened, (H, W).
        seconds: All of it.
    """

    fill: Fill
    predicted: Map
    contribution: Map
    real: Map
    seconds: float

    @property
    def correlation(self) -> float | None:
        """Pearson's r of the predicted and the real changes; None where one of them is flat."""
        return pearson_correlation(self.predicted, self.real)

    @property
    def map_correlation(self) -> float | None:
        """The same of the lost contributions, −M, and the real changes."""
        return pearson_correlation(-self.contribution, self.real)

    @property
    def sentence(self) -> str:
        """How well the changes were predicted, in words."""
        return (
            f"Each point is a cell of {self.real.size}, blanked by itself. Correlation of "
            f"predicted and real changes: {_r(self.correlation)}; of the lost contributions, "
            f"−M, and real changes: {_r(self.map_correlation)}. Points on the diagonal change as "
            "predicted."
        )


def _r(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def removed_region(
    region: Region, image: LoadedImage, network: SimilarityNetwork, grid: tuple[int, int]
) -> Removal:
    """A drawn region, exact to the share of a pixel and of a cell."""
    extent, frame = (image.width, image.height), network.frame(image.pixels)
    sides = height_and_width(network.size)
    cells, pixels = (
        frame.region_weights(region.include, size, extent, region.exclude) for size in (grid, sides)
    )
    return Removal(cells, pixels.numpy().astype(np.float32))


def removed_cells(cells: Tensor, network: SimilarityNetwork) -> Removal:
    """Whole cells or shares of them, (H, W); a cell's pixels are those that it covers."""
    return Removal(cells, cells_to_pixels(cells, *height_and_width(network.size)))


def strongest_cells(values: Map, count: int) -> Tensor:
    """1 for each of the strongest cells of a map, the first ones of equals, else 0, (H, W)."""
    weights = np.zeros(values.size)
    weights[np.argsort(-values.ravel(), kind="stable")[:count]] = 1
    return torch.from_numpy(weights.reshape(values.shape))


def check_occlusion(
    network: SimilarityNetwork,
    picture: Image.Image,
    query: DecomposedImage,
    match: DecomposedImage,
    removal: Removal,
    fill: Fill = "blur",
) -> OcclusionCheck:
    """Blank a part of the query and run the network once.

    Args:
        network: That decomposed both.
        picture: The query, RGB.
        query: The query as it is.
        match: The image that it is compared with.
        removal: What is blanked.
        fill: What takes the place of the pixels.
    """
    start = time.perf_counter()
    seen = filled(network.resized(picture), removal.pixels, fill)
    F = network.run_trunk(network.normalised([seen]))[0]
    blanked = network.decompose_feature_map(F)
    return OcclusionCheck(
        fill=fill,
        before=similarity(query, match).item(),
        after=similarity(blanked, match).item(),
        without=similarity_without(query, match, removal.cells).item(),
        contribution=region_score(query, match, removal.cells).item(),
        blanked_map=similarity_map(blanked, match).numpy(force=True),
        blanked_picture=Image.fromarray(seen),
        seconds=time.perf_counter() - start,
    )


def check_all_cells(
    network: SimilarityNetwork,
    picture: Image.Image,
    query: DecomposedImage,
    match: DecomposedImage,
    fill: Fill = "blur",
    on_progress: Callable[[int, int], None] | None = None,
) -> CellScatter:
    """Blank every cell of the query, one at a time.

    Args:
        network: That decomposed both.
        picture: The query, RGB.
        query: The query as it is.
        match: The image that it is compared with.
        fill: What takes the place of the pixels.
        on_progress: Called with how many cells are done and how many there are; may raise to stop.
    """
    start, pixels = time.perf_counter(), network.resized(picture)
    rows, columns = query.grid
    masks = torch.eye(rows * columns).reshape(-1, rows, columns)
    before, real = similarity(query, match).item(), list[float]()
    for first in range(0, len(masks), BATCH):
        batch = masks[first : first + BATCH]
        copies = [filled(pixels, cells_to_pixels(m, *pixels.shape[:2]), fill) for m in batch]
        units = network.unit_embeddings(network.normalised(copies))
        real += (units @ match.unit_embedding - before).tolist()
        if on_progress is not None:
            on_progress(len(real), len(masks))
    without = similarity_without(query, match, masks).numpy(force=True)
    return CellScatter(
        fill=fill,
        predicted=(without - before).astype(np.float32).reshape(rows, columns),
        contribution=similarity_map(query, match).numpy(force=True),
        real=np.array(real, dtype=np.float32).reshape(rows, columns),
        seconds=time.perf_counter() - start,
    )
