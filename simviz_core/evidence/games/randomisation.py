"""Randomisation: a map that does not change with the network's weights does not explain them.

The values of each weight tensor are shuffled, from the last layer down, so that their distribution
stays. Localisation on collages must fall to chance with it.

Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from simviz_core.evidence.games.collages import Collage, CollageGame
from simviz_core.evidence.games.item import Item, Outcome
from simviz_core.evidence.methods import METHODS, Method
from simviz_core.networks import SimilarityNetwork

SHARES = (0.0, 0.25, 0.5, 1.0)
"""Of the network's weight tensors, counted from the top, that are shuffled."""
RANDOMISED = ("exact map", "relative to the others", "Grad-CAM", "centre prior")


def shuffled_from_top(network: SimilarityNetwork, share: float, seed: int = 0) -> SimilarityNetwork:
    """A copy of a network some of whose weights have lost their place.

    Args:
        network: Stays as it is.
        share: Of its weight tensors, the last ones first, 0..1.
        seed: Of the shuffling.

    Returns:
        The copy; running statistics of batch norm stay, weights and shifts are shuffled.
    """
    trunk = copy.deepcopy(network.trunk)
    weights: list[Tensor] = list(trunk.parameters())
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in weights[len(weights) - round(share * len(weights)) :]:
            flat = weight.detach().flatten()
            order = torch.randperm(len(flat), generator=chance).to(flat.device)
            weight.copy_(flat[order].reshape(weight.shape))
    return replace(network, trunk=trunk)


@dataclass(eq=False)
class RandomisationGame:
    """Collages on networks that are more and more random.

    Attributes:
        network: The trained one.
        seed: Of the shuffling.
    """

    network: SimilarityNetwork
    seed: int = 0

    def items(self, collages: Sequence[Collage]) -> list[Item]:
        """Each share of each collage as an item."""
        games = {share: self._game(share) for share in SHARES}
        return [
            Item(game.game, collage.name, partial(self.play, share, collage))
            for share, game in games.items()
            for collage in collages
        ]

    def play(self, share: float, collage: Collage) -> list[Outcome]:
        """All methods on one collage."""
        if share not in self._networks:
            self._networks.clear()
            self._networks[share] = shuffled_from_top(self.network, share, self.seed)
        game = self._game(share)
        game.network = self._networks[share]
        return game.play(collage)

    def __post_init__(self) -> None:
        self._networks: dict[float, SimilarityNetwork] = {}

    def _game(self, share: float) -> CollageGame:
        methods: list[Method] = [METHODS[name] for name in RANDOMISED]
        name = f"randomised: {share:.0%} of the weights"
        return CollageGame(self.network, methods, seed=self.seed, game=name)
