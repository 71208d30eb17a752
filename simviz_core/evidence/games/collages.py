"""Collages: four photos in one image, one of which the match resembles. Does the map find it?

A map of the *object* is of no use here, since every quarter has one: only a map of the *pair* finds
the right quarter. Needs a gallery with at least four classes of two images.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core.decomposition import region_weights
from simviz_core.errors import GalleryError
from simviz_core.evidence.games.item import Item, Measures, Outcome, item_seed, outcomes_of
from simviz_core.evidence.measures import quarter_measures
from simviz_core.evidence.methods import ExplainedImage, Map, Method, Target
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.images import resize_for_network
from simviz_core.networks import SimilarityNetwork, height_and_width

GAME = "collages"
QUARTERS = 4


@dataclass(frozen=True)
class Collage:
    """Four images of different classes in one, and a match of each.

    Attributes:
        parts: Top left, top right, bottom left, bottom right.
        matches: For each quarter another image of its class.
    """

    parts: tuple[GalleryImage, ...]
    matches: tuple[GalleryImage, ...]

    @property
    def name(self) -> str:
        """What it is made of."""
        return " + ".join(part.id for part in self.parts)

    def picture(self, width: int, height: int) -> Image.Image:
        """The collage, RGB, of so many pixels; each part is stretched into its quarter."""
        collage = Image.new("RGB", (width, height))
        half = (width // 2, height // 2)
        for place, part in enumerate(self.parts):
            quarter = resize_for_network(part.load().pixels, half)
            collage.paste(quarter, (place % 2 * half[0], place // 2 * half[1]))
        return collage


def draw_collages(gallery: Gallery, count: int, seed: int) -> list[Collage]:
    """Draw collages at random.

    Args:
        gallery: With at least four classes of two images.
        count: How many.
        seed: Of the drawing.

    Raises:
        GalleryError: The gallery has too few classes.
    """
    classes = [label for label, images in gallery.by_label.items() if len(images) > 1]
    if len(classes) < QUARTERS:
        raise GalleryError(
            f"collages need four classes with two images each; {gallery.source.name} has "
            f"{len(classes)}"
        )
    chance = random.Random(f"collages {seed}")
    collages = []
    for _ in range(count):
        pairs = [
            chance.sample(gallery.by_label[label], 2) for label in chance.sample(classes, QUARTERS)
        ]
        collages.append(Collage(tuple(p for p, _ in pairs), tuple(m for _, m in pairs)))
    return collages


def quarters_of(grid: tuple[int, int]) -> NDArray[np.float64]:
    """The share of each cell that each quarter covers, (4, H, W)."""
    return np.stack(
        [
            region_weights([(x, y, x + 1, y + 1)], grid, (2, 2)).numpy()
            for y in (0, 1)
            for x in (0, 1)
        ]
    )


@dataclass(eq=False)
class CollageGame:
    """The game on one network.

    Attributes:
        network: That is asked.
        methods: That are compared.
        mean: The gallery's mean unit embedding, (D,); None leaves out what is relative to it.
        seed: Of random maps and masks.
        game: Its name in the results.
    """

    network: SimilarityNetwork
    methods: Sequence[Method]
    mean: Tensor | None = None
    seed: int = 0
    game: str = GAME

    def items(self, collages: Sequence[Collage]) -> list[Item]:
        """The collages as items."""
        return [Item(self.game, collage.name, partial(self.play, collage)) for collage in collages]

    def play(self, collage: Collage) -> list[Outcome]:
        """All methods on the four matches of one collage."""
        height, width = height_and_width(self.network.size)
        seed = item_seed(self.seed, collage.name)
        image = ExplainedImage(self.network, collage.picture(width, height), seed)
        pictures = [match.load().pixels for match in collage.matches]
        units = self.network.unit_embeddings(self.network.pixels(pictures))
        quarters = quarters_of(image.grid)
        found = []
        for right in range(QUARTERS):
            others = torch.cat([units[:right], units[right + 1 :]]).mean(0)
            target = Target(units[right], self.mean, others, right)
            item = (self.game, f"{collage.name}: {right}", collage.name)

            def measure(values: Map, name: str, right: int = right) -> Measures:
                return quarter_measures(values, quarters, right)

            found += outcomes_of(item, image, target, self.methods, measure)
        return found
