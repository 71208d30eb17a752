"""Masked copies of an image, and what a network makes of them.

What is removed must be replaced by something, and no replacement is neutral: a blurred copy keeps
the colours, the mean keeps nothing, and filling in from the border invents a background.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from simviz_core.networks import SimilarityNetwork

Fill = Literal["blur", "mean", "border"]
FILLS: tuple[Fill, ...] = ("blur", "mean", "border")
BLUR = 1 / 14
"""Radius of the blur as a share of the longer side."""
BATCH = 16
OCCLUDED = 7
"""Most windows along each side that occlusion tries; finer grids would take too many runs."""
RISE_MASKS, RISE_GRID, RISE_KEPT = 100, 7, 0.5
"""Random masks, their cells along each side, and the share that they keep."""

Pixels = NDArray[np.float32]


def cells_to_pixels(cells: Tensor, height: int, width: int) -> NDArray[np.float32]:
    """A value for each cell, (H, W), spread flat over the pixels, (height, width)."""
    rows = np.minimum((np.arange(height) + 0.5) * cells.shape[0] / height, cells.shape[0] - 1)
    columns = np.minimum((np.arange(width) + 0.5) * cells.shape[1] / width, cells.shape[1] - 1)
    values = cells.numpy(force=True).astype(np.float32)
    return np.asarray(values[rows.astype(int)][:, columns.astype(int)])


def filled(picture: NDArray[np.uint8], removed: Pixels, fill: Fill) -> NDArray[np.uint8]:
    """A copy of a picture in which some pixels are replaced.

    Args:
        picture: (height, width, 3).
        removed: How far each pixel is replaced, (height, width), 0..1.
        fill: By what: a blurred copy, the picture's mean colour, or colours that spread in from
            the pixels around.

    Returns:
        (height, width, 3).
    """
    if not removed.any():
        return picture
    original = picture.astype(np.float32)
    replacement = _replacement(picture, removed, fill)
    mixed = original + removed[..., None] * (replacement - original)
    return (mixed.clip(0, 255) + 0.5).astype(np.uint8)


def _replacement(picture: NDArray[np.uint8], removed: Pixels, fill: Fill) -> Pixels:
    mean = picture.reshape(-1, 3).mean(0).astype(np.float32)
    if fill == "mean":
        return np.broadcast_to(mean, picture.shape)
    if fill == "blur":
        radius = BLUR * max(picture.shape[:2])
        blurred = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius))
        return np.asarray(blurred, dtype=np.float32)
    known = torch.from_numpy(1 - removed)[None, None]
    colours = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    return _spread_in(colours * known, known, torch.from_numpy(mean))[0].permute(1, 2, 0).numpy()


def _spread_in(colours: Tensor, known: Tensor, mean: Tensor) -> Tensor:
    """Fill what is not known from coarser and coarser copies; `colours` are weighted by `known`."""
    if min(known.shape[-2:]) <= 1:
        return torch.where(known > 0, colours / known.clamp_min(1e-6), mean[None, :, None, None])
    pool = torch.nn.functional.avg_pool2d
    coarse = _spread_in(pool(colours, 2, ceil_mode=True), pool(known, 2, ceil_mode=True), mean)
    size = known.shape[-2:]
    smooth = torch.nn.functional.interpolate(coarse, size, mode="bilinear", align_corners=False)
    weight = known.clamp(0, 1)
    own = colours / known.clamp_min(1e-6)
    return weight * own + (1 - weight) * smooth


def embed_pictures(network: SimilarityNetwork, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """The unit embeddings, (N, D), of pictures of the network's own size, batch by batch."""
    batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    units = [network.unit_embeddings(network.normalised(batch)) for batch in batches]
    return torch.cat(units)


@dataclass(frozen=True, eq=False)
class MaskedRuns:
    """What a network made of masked copies of one image.

    Attributes:
        kept: How much of each cell each copy keeps, (K, H, W), 0..1.
        units: The copies' unit embeddings, (K, D).
        is_occlusion: Whether each copy lacks one window, instead of random ones.
    """

    kept: Tensor
    units: Tensor
    is_occlusion: bool

    def map(self, vector: Tensor, unit: Tensor) -> Tensor:
        """How much each cell matters for ê · v, (H, W).

        Args:
            vector: v, (D,).
            unit: Of the image itself, (D,).

        Returns:
            Of occlusion the drop of the score without the cell's window. Of random masks the mean
            score of the copies that keep the cell, less the mean of all copies.
        """
        scores = self.units @ vector
        if self.is_occlusion:
            removed = 1 - self.kept
            drops = unit @ vector - scores
            return torch.einsum("k,khw->hw", drops, removed) / removed.sum(0)
        weighted = torch.einsum("k,khw->hw", scores - scores.mean(), self.kept)
        return weighted / self.kept.sum(0).clamp_min(1e-6)


def occlusion_runs(
    network: SimilarityNetwork, picture: Image.Image, grid: tuple[int, int]
) -> MaskedRuns:
    """Blank windows one at a time, blurred; cells where there are few, else several together.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    """
    rows, columns = (_windows(count) for count in grid)
    kept = torch.ones(len(rows) * len(columns), *grid)
    places = [(row, column) for row in rows for column in columns]
    for copy, (row, column) in zip(kept, places, strict=True):
        copy[row, column] = 0
    pixels = network.resized(picture)
    height, width = pixels.shape[:2]
    copies = [filled(pixels, 1 - cells_to_pixels(copy, height, width), "blur") for copy in kept]
    return MaskedRuns(kept, embed_pictures(network, copies), True)


def _windows(count: int) -> list[slice]:
    edges = np.linspace(0, count, min(count, OCCLUDED) + 1).round().astype(int).tolist()
    return [slice(first, last) for first, last in pairwise(edges)]


def rise_runs(
    network: SimilarityNetwork, picture: Image.Image, grid: tuple[int, int], seed: int = 0
) -> MaskedRuns:
    """Blank random smooth masks, by the picture's mean colour.

    Source: Petsiuk, Das, Saenko, "RISE", BMVC 2018; with the mean instead of black, and fewer
        masks.
    """
    pixels = network.resized(picture)
    height, width = pixels.shape[:2]
    chance = torch.Generator().manual_seed(seed)
    size = RISE_GRID + 1
    coarse = (torch.rand((RISE_MASKS, 1, size, size), generator=chance) < RISE_KEPT).float()
    tall, wide = (-(-side // RISE_GRID) * size for side in (height, width))
    large = torch.nn.functional.interpolate(
        coarse, (tall, wide), mode="bilinear", align_corners=False
    )
    shifts = torch.rand((RISE_MASKS, 2), generator=chance)
    kept, copies = [], []
    for mask, (down, across) in zip(large[:, 0], shifts.tolist(), strict=True):
        top, left = int(down * (tall - height)), int(across * (wide - width))
        part = mask[top : top + height, left : left + width]
        copies.append(filled(pixels, 1 - part.numpy(), "mean"))
        kept.append(torch.nn.functional.adaptive_avg_pool2d(part[None], grid)[0])
    return MaskedRuns(torch.stack(kept), embed_pictures(network, copies), False)
