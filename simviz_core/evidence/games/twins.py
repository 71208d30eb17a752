"""Twins: the inpainting game with a known truth.

Two images, A and B, share one design and nothing else; B' is B with that design swapped, in the
same room, light and camera. So it is known what makes A more similar to B than to B':

- *why the match*: the map of B for A should lie on the shared object in B;
- *why not its twin*: the map on A of the difference cos(A, B) − cos(A, B') should lie on the object
  in A that has the design;
- *the change*: the map of B and that of B' should differ where the object was swapped.

Source of the game: Williford, May, Byrne, "Explainable Face Recognition", ECCV 2020.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core.errors import GalleryError
from simviz_core.evidence.games.item import Item, Measures, Outcome, item_seed, outcomes_of
from simviz_core.evidence.measures import localisation
from simviz_core.evidence.methods import ExplainedImage, Map, Method, Target
from simviz_core.gallery import Gallery, is_inside
from simviz_core.gallery.masks import GalleryMasks, mask_weights
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork

WHY_MATCH, WHY_NOT_TWIN = "twins: why the match", "twins: why not its twin"
MANIFEST = "twins.json"
MAX_BYTES = 1_000_000
FIELDS = ("category", "design", "query", "match", "twin", "mask")


@dataclass(frozen=True)
class TwinGame:
    """One game: A, B, B' and what was swapped.

    Attributes:
        category: Of the swapped object, as the gallery's masks name it.
        design: What A and B share.
        query: A's id in the gallery.
        match: B's file.
        twin: The file of B'.
        mask: The file of the mask of the swapped object, in B or B'.
    """

    category: str
    design: str
    query: str
    match: Path
    twin: Path
    mask: Path

    @property
    def name(self) -> str:
        """Names the game."""
        return f"{self.query} × {self.twin.stem}"


def read_twins(folder: Path) -> list[TwinGame]:
    """Read the games of a folder.

    Args:
        folder: With `twins.json`: `{"games": [{"category", "design", "query", "match", "twin",
            "mask"}]}`, files below the folder.

    Raises:
        GalleryError: There is no such folder, or its list is damaged.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        games = json.loads(path.read_text(encoding="utf-8"))["games"]
        return [_game(folder, game) for game in games]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise GalleryError(
            f"{path} cannot be read as a list of twins ({error}); it should hold "
            f'{{"games": [{{{", ".join(FIELDS)}}}]}}'
        ) from error


def _game(folder: Path, values: dict[str, Any]) -> TwinGame:
    fields = {name: values[name] for name in FIELDS}
    if not all(isinstance(value, str) for value in fields.values()):
        raise ValueError("every field should be a text")
    files = {name: folder / fields[name] for name in ("match", "twin", "mask")}
    outside = [str(path) for path in files.values() if not is_inside(path, [folder])]
    if outside:
        raise ValueError(f"{outside[0]} lies outside the folder")
    return TwinGame(fields["category"], fields["design"], fields["query"], **files)


@dataclass(eq=False)
class TwinGames:
    """The games on one network.

    Attributes:
        network: That is asked.
        methods: That are compared.
        gallery: That A is of.
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

    def items(self, games: Sequence[TwinGame]) -> list[Item]:
        """Each game as one item."""
        return [Item("twins", game.name, partial(self.play, game)) for game in games]

    def play(self, game: TwinGame) -> list[Outcome]:
        """All methods on both questions of one game."""
        own, seed = self.gallery.image(game.query), item_seed(self.seed, game.name)
        ranges = self.gallery.value_ranges
        others = (load_image(path, value_ranges=ranges) for path in (game.match, game.twin))
        pictures = [picture.pixels for picture in (own.load(), *others)]
        a, b, twin = (ExplainedImage(self.network, picture, seed) for picture in pictures)
        return self._why_match(game, a, b, twin) + self._why_not_twin(game, a, b, twin)

    def _why_match(
        self, game: TwinGame, a: ExplainedImage, b: ExplainedImage, twin: ExplainedImage
    ) -> list[Outcome]:
        with Image.open(game.mask, formats=["PNG"]) as opened:
            covered = mask_weights(np.asarray(opened.convert("1")), b.grid, b.frame).numpy()
        target = Target(a.unit, self.mean)
        others = {
            method.name: method.map(twin, target)[0]
            for method in self.methods
            if method.can_explain(target, twin) and not method.runs
        }

        def measure(values: Map, name: str) -> Measures:
            found = localisation(values, covered)
            if name in others:
                found["share of the change"] = _share(values - others[name], covered)
            return found

        return outcomes_of((WHY_MATCH, game.name, game.design), b, target, self.methods, measure)

    def _why_not_twin(
        self, game: TwinGame, a: ExplainedImage, b: ExplainedImage, twin: ExplainedImage
    ) -> list[Outcome]:
        mask = self.masks.of_image(game.query, [game.category])
        if mask is None:
            raise GalleryError(f"{game.query} has no mask of its {game.category}")
        covered = mask_weights(mask, a.grid, a.frame).numpy()

        def measure(values: Map, name: str) -> Measures:
            return localisation(values, covered)

        target = Target(b.unit - twin.unit)
        item = (WHY_NOT_TWIN, game.name, game.design)
        return outcomes_of(item, a, target, self.methods, measure)


def _share(change: Map, covered: NDArray[np.float64]) -> float | None:
    """The share of a change, |Δ|, inside a mask."""
    magnitudes = np.abs(change.astype(np.float64))
    total = float(magnitudes.sum())
    return float((magnitudes * covered).sum()) / total if total > 1e-12 else None
