"""Deletion and insertion: does what a map calls important change the similarity when it is blanked?

Cells are removed from the query in the order of a map, the strongest first, and the similarity to
the match is measured after each step by running the network (deletion: a good map makes it fall
fast); or they are put back into a blank query in that order (insertion: a good map makes it rise
fast). "Both" removes from both images at once, each by its own map.

Source: Petsiuk, Das, Saenko, "RISE", BMVC 2018; for similarities Hu, Vasu, Hoogs, "X-MIR",
WACV 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simviz_core.evidence.games.item import Item, Measures, Outcome, item_seed
from simviz_core.evidence.masking import FILLS, Fill, cells_to_pixels, embed_pictures, filled
from simviz_core.evidence.measures import area_under
from simviz_core.evidence.methods import ExplainedImage, Map, Method, Target
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork

GAME = "perturbation"
STEPS = 8
"""From the whole image to nothing of it."""
BOTH_FILL: Fill = "blur"
"""What blanks both images at once; the other fills would double the runs."""


def removal_masks(values: Map, steps: int = STEPS) -> Tensor:
    """Which cells are gone after each step, strongest first, equal ones in their order.

    Returns:
        (steps + 1, H, W), 1 where a cell is gone: nothing at first, everything at last.
    """
    order = np.argsort(-values.ravel(), kind="stable")
    masks = np.zeros((steps + 1, values.size), dtype=np.float32)
    for step in range(1, steps + 1):
        masks[step, order[: round(step * values.size / steps)]] = 1
    return torch.from_numpy(masks.reshape(steps + 1, *values.shape))


def units_of(image: ExplainedImage, masks: Tensor, fill: Fill) -> Tensor:
    """The unit embeddings, (K, D), of an image without some cells; masks (K, H, W)."""
    pixels = image.network.resized(image.picture)
    height, width = pixels.shape[:2]
    copies = [filled(pixels, cells_to_pixels(mask, height, width), fill) for mask in masks]
    return embed_pictures(image.network, copies)


def normalised_area(curve: NDArray[np.float64], whole: float, blank: float) -> float | None:
    """The area under a curve whose whole image counts 1 and whose blank one counts 0."""
    span = whole - blank
    return None if abs(span) < 1e-6 else area_under((curve - blank) / span)


@dataclass(eq=False)
class PerturbationGame:
    """The game on one network.

    Attributes:
        network: That is asked.
        methods: That are compared.
        gallery: That the pairs are of.
        mean: The gallery's mean unit embedding, (D,).
        seed: Of random maps and masks.
    """

    network: SimilarityNetwork
    methods: Sequence[Method]
    gallery: Gallery
    mean: Tensor | None = None
    seed: int = 0

    def items(self, pairs: Sequence[tuple[str, str]]) -> list[Item]:
        """The pairs as items."""
        return [
            Item(GAME, f"{query} × {match}", partial(self.play, query, match))
            for query, match in pairs
        ]

    def play(self, query: str, match: str) -> list[Outcome]:
        """All methods on one pair."""
        seed = item_seed(self.seed, f"{query} × {match}")
        pictures = [self.gallery.image(name).load().pixels for name in (query, match)]
        i, j = (ExplainedImage(self.network, p, seed) for p in pictures)
        found = []
        for method in self.methods:
            target, back = Target(j.unit, self.mean), Target(i.unit, self.mean)
            if method.can_explain(target, i):
                values, seconds = method.map(i, target)
                other, _ = method.map(j, back)
                measures = self._measures(i, j, values, other)
                label = self.gallery.image(query).label or query
                name = f"{query} × {match}"
                found.append(Outcome(GAME, name, label, method.name, measures, seconds))
        return found

    def _measures(self, i: ExplainedImage, j: ExplainedImage, values: Map, other: Map) -> Measures:
        gone, gone_too = removal_masks(values), removal_masks(other)
        measures: Measures = {}
        for fill in FILLS:
            removed, kept = units_of(i, gone, fill), units_of(i, 1 - gone, fill)
            measures |= _areas(fill, removed @ j.unit, kept @ j.unit)
            if fill == BOTH_FILL:
                removed_too, kept_too = units_of(j, gone_too, fill), units_of(j, 1 - gone_too, fill)
                deletion, insertion = (removed * removed_too).sum(-1), (kept * kept_too).sum(-1)
                measures |= _areas(f"both, {fill}", deletion, insertion)
        return measures


def _areas(name: str, deletion: Tensor, insertion: Tensor) -> Measures:
    """Raw and normalised areas of both curves."""
    down, up = (curve.numpy(force=True).astype(np.float64) for curve in (deletion, insertion))
    whole, blank = float(down[0]), float(down[-1])
    return {
        f"deletion, {name}": area_under(down),
        f"insertion, {name}": area_under(up),
        f"deletion, {name}, normalised": normalised_area(down, whole, blank),
        f"insertion, {name}, normalised": normalised_area(up, whole, blank),
    }
