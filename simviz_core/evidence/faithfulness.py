"""One run over all games: what is played, in which order, and what it comes to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from simviz_core import __version__
from simviz_core.errors import SettingsError
from simviz_core.evidence.games.collages import CollageGame, draw_collages
from simviz_core.evidence.games.item import Item, Outcome
from simviz_core.evidence.games.objects import ObjectGame, draw_pairs
from simviz_core.evidence.games.perturbation import PerturbationGame
from simviz_core.evidence.games.randomisation import RandomisationGame
from simviz_core.evidence.games.twins import TwinGames, read_twins
from simviz_core.evidence.methods import METHODS, Method, methods_named, used_packages
from simviz_core.evidence.results import GameTable, OutcomeFile, tables_of
from simviz_core.gallery import Gallery
from simviz_core.gallery.masks import find_masks
from simviz_core.networks import SimilarityNetwork, require_single
from simviz_core.retrieval import GalleryIndex


@dataclass(frozen=True)
class Plan:
    """What is played.

    Attributes:
        collages: How many collages of four photos.
        pairs: How many pairs with masks; 0 leaves the game out.
        perturbed: How many pairs are blanked cell by cell.
        randomised: How many collages are shown to networks of shuffled weights.
        twins: The folder of the twins; None leaves the game out.
        games: How many of them, evenly from their list; None plays all.
        methods: Names, as `methods_named` takes them.
        seed: Of everything that is drawn.
    """

    collages: int = 0
    pairs: int = 0
    perturbed: int = 0
    randomised: int = 0
    twins: str | None = None
    games: int | None = None
    methods: tuple[str, ...] = tuple(METHODS)
    seed: int = 0

    def chosen(self) -> list[Method]:
        """The methods.

        Raises:
            SettingsError: See `methods_named`.
        """
        return methods_named(self.methods)


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: Items that were played, in this run or before.
        total: Items that there are.
        game: The game of the last one.
    """

    done: int
    total: int
    game: str


def items_of(
    plan: Plan, gallery: Gallery, network: SimilarityNetwork, index: GalleryIndex
) -> list[Item]:
    """Everything that a plan plays, in its order.

    Raises:
        SimVizError: The gallery does not suit a game.
    """
    mean = torch.from_numpy(index.matrix.mean(0)).to(network.device)
    methods, items = plan.chosen(), list[Item]()
    if plan.collages:
        game = CollageGame(network, methods, mean, plan.seed)
        items += game.items(draw_collages(gallery, plan.collages, plan.seed))
    if plan.twins is not None:
        twins = TwinGames(network, methods, gallery, _masks(gallery), mean, plan.seed)
        games = read_twins(Path(plan.twins))
        count = min(plan.games or len(games), len(games))
        items += twins.items([games[place * len(games) // count] for place in range(count)])
    if plan.pairs:
        masks = _masks(gallery)
        objects = ObjectGame(network, methods, gallery, masks, mean, plan.seed)
        items += objects.items(draw_pairs(gallery, plan.pairs, plan.seed, masks))
    if plan.perturbed:
        blanked = PerturbationGame(network, methods, gallery, mean, plan.seed)
        items += blanked.items(draw_pairs(gallery, plan.perturbed, plan.seed))
    if plan.randomised:
        shuffled = RandomisationGame(network, plan.seed)
        items += shuffled.items(draw_collages(gallery, plan.randomised, plan.seed))
    if not items:
        raise SettingsError("nothing is left to be measured; ask for collages, pairs or twins")
    return items


def _masks(gallery: Gallery) -> Any:
    masks = find_masks(gallery)
    if masks is None:
        raise SettingsError(
            f"the gallery {gallery.source} has no masks; they would lie in a folder 'masks' beside "
            "a folder 'images'"
        )
    return masks


def play_all(
    items: Sequence[Item], kept: OutcomeFile, on_progress: Callable[[Progress], None] | None = None
) -> Iterator[Outcome]:
    """Play what was not played before; what was played is read back.

    Args:
        items: In their order.
        kept: Where outcomes are.
        on_progress: Called after each item; may raise to stop, nothing that was played is lost.

    Yields:
        All outcomes of the items.
    """
    for number, item in enumerate(items, start=1):
        key = (item.game, item.name)
        if key not in kept.played:
            kept.add(*key, item.play())
        if on_progress is not None:
            on_progress(Progress(number, len(items), item.game))
        yield from kept.played[key]


def run_settings(plan: Plan, gallery: Gallery, network: SimilarityNetwork) -> dict[str, Any]:
    """What decides the outcomes, JSON-ready; how many items there are does not."""
    counts = ("collages", "pairs", "perturbed", "randomised", "twins", "games")
    return {
        "gallery": str(gallery.source),
        "network": network.fingerprint,
        "value_ranges": [shown.key for shown in gallery.value_ranges],
        **{name: value for name, value in asdict(plan).items() if name not in counts},
        **used_packages(plan.chosen()),
        "version": __version__,
    }


def measure_faithfulness(
    plan: Plan,
    gallery: Gallery,
    network: SimilarityNetwork,
    index: GalleryIndex,
    folder: Path,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[GameTable]:
    """Play a plan, or what is left of it, and sum it up.

    Args:
        plan: What is played.
        gallery: With classes.
        network: That is asked; no ensemble.
        index: The gallery's embeddings by it.
        folder: Where outcomes are kept.
        on_progress: See `play_all`.

    Raises:
        SimVizError: See `items_of` and `OutcomeFile`.
    """
    require_single(network, "measured")
    items = items_of(plan, gallery, network, index)
    kept = OutcomeFile(folder, run_settings(plan, gallery, network))
    return tables_of(list(play_all(items, kept, on_progress)), plan.seed)
