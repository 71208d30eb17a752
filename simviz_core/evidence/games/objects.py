"""Objects: does the map of a pair of one class lie on the objects, where masks say what they are?

A weak test, kept because others report it: on centred objects a picture of the *object* does as
well as an explanation of the *pair*, and so does a blob in the middle.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from simviz_core.errors import GalleryError
from simviz_core.evidence.games.item import Item, Outcome, item_seed, outcomes_of
from simviz_core.evidence.measures import localisation
from simviz_core.evidence.methods import ExplainedImage, Method, Target
from simviz_core.gallery import Gallery
from simviz_core.gallery.gallery import random_pair
from simviz_core.gallery.masks import GalleryMasks, mask_weights
from simviz_core.networks import SimilarityNetwork

GAME = "objects"
TRIES = 50
"""Pairs that are drawn for one whose query has a mask."""


def draw_pairs(
    gallery: Gallery, count: int, seed: int, masks: GalleryMasks | None = None
) -> list[tuple[str, str]]:
    """Draw pairs of one class at random, each once.

    Args:
        gallery: With a class of two images.
        count: How many, at most.
        seed: Of the drawing.
        masks: Take only queries that have one with something in it.

    Raises:
        GalleryError: No class has two images, or no query has a mask.
    """
    chance = random.Random(f"pairs {seed}")
    pairs: dict[tuple[str, str], None] = {}
    for _ in range(TRIES * count):
        if len(pairs) == count:
            break
        pair = random_pair(gallery, True, chance)
        if pair not in pairs and (masks is None or _has_objects(masks, pair[0])):
            pairs[pair] = None
    if not pairs:
        raise GalleryError("no image of the gallery has a mask with an object in it")
    return list(pairs)


def _has_objects(masks: GalleryMasks, image_id: str) -> bool:
    mask = masks.of_image(image_id)
    return mask is not None and bool(mask.any()) and not bool(mask.all())


@dataclass(eq=False)
class ObjectGame:
    """The game on one network.

    Attributes:
        network: That is asked.
        methods: That are compared.
        gallery: That the pairs are of.
        masks: Its masks.
        mean: The gallery's mean unit embedding, (D,).
        seed: Of random maps and masks.
    """

    network: SimilarityNetwork
    methods: Sequence[Method]
    gallery: Gallery
    masks: GalleryMasks
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
        pictures = [self.gallery.image(name).load().pixels for name in (query, match)]
        seed = item_seed(self.seed, f"{query} × {match}")
        image = ExplainedImage(self.network, pictures[0], seed)
        unit = self.network.unit_embeddings(self.network.pixels([pictures[1]]))[0]
        mask = self.masks.of_image(query)
        assert mask is not None
        covered = mask_weights(mask, image.grid, image.frame).numpy()
        item = (GAME, f"{query} × {match}", self.gallery.image(query).label or query)
        return outcomes_of(
            item,
            image,
            Target(unit, self.mean),
            self.methods,
            lambda values, name: localisation(values, covered),
        )
