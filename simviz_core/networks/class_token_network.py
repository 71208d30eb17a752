"""Networks that embed by a class token, decomposed along the residual stream."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from simviz_core.decomposition import DecomposedImage, apply_tails, unit_norm, vector_map
from simviz_core.networks.engines.choosing import TrunkEngine
from simviz_core.networks.engines.in_use import EngineInUse, by_torch
from simviz_core.networks.inspection.class_tokens.trunk import ClassTokenTrunk
from simviz_core.networks.inspection.detection import probe_images
from simviz_core.networks.inspection.finite import require_finite, require_length
from simviz_core.networks.poolings import pooling_by_name
from simviz_core.networks.similarity_network import SimilarityNetwork
from simviz_core.networks.sizes import height_and_width


@dataclass(frozen=True)
class ClassTokenNetwork(SimilarityNetwork):
    """A transformer whose embedding is its class token, and what follows that.

    Its "feature map" is what `ClassTokenPooling` takes: the contribution of each cell and, in two
    more rows, what lies in no cell. Embedding alone costs a run of the network and no more.
    """

    trunk: ClassTokenTrunk

    @property
    def engine_in_use(self) -> EngineInUse:
        """PyTorch: what leads to a class token is followed from one of its modules to the next."""
        return by_torch("class tokens are followed through its modules")

    def unit_embeddings(self, pixels: Tensor) -> Tensor:
        """Embed images without decomposing them; see `SimilarityNetwork.unit_embeddings`."""
        with torch.inference_mode():
            e = self.trunk.class_token(pixels)
            require_finite(e, self.trunk.network, pixels)
            for layer in self.tail:
                e = layer.embed(e)
        require_length(e)
        return unit_norm(e)

    def by_layer(self, pixels: Tensor) -> DecomposedImage:
        """Embed images and split their embeddings over the network's layers.

        Args:
            pixels: (N, 3, height, width), as `pixels` makes them.

        Returns:
            Contributions (N, 1, 1 + 2 · layers, D): of the token's start, and for each layer of
            the patch tokens and of what lies in no cell there. What the layers after the last one
            add is the constant.
        """
        with torch.inference_mode():
            return apply_tails(self.trunk.by_layer(pixels), self.tail)

    def with_pooling(self, name: str) -> SimilarityNetwork:
        """The network with another pooling, of its patch tokens instead of its class token.

        Its feature map is another one, too.

        Raises:
            SettingsError: There is no such pooling.
        """
        if name == self.pooling.name:
            return self
        return SimilarityNetwork(
            self.name,
            self.trunk.patches,
            self.preprocessing,
            pooling_by_name(name),
            self.size,
            weights=self.weights_for_another_pooling,
            engine=self._patches_engine,
        )

    @cached_property
    def _patches_engine(self) -> TrunkEngine:
        return TrunkEngine(self.name, self.trunk.patches)


def mean_shares(network: ClassTokenNetwork) -> list[dict[str, float]]:
    """What each layer makes of the embeddings of random images, on average.

    Returns:
        For each layer, the first one first, its number, and the share of the embedding's squared
        length, v · e / |e|², that it has in `cells` and in `no_cell`; the rest is the start's, and
        what the layers after the last one add.
    """
    pixels = probe_images(height_and_width(network.size), seed=1).to(network.device)
    image = network.by_layer(pixels)
    parts = vector_map(image, image.unit_embedding)[:, 0].mean(0).tolist()
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return [
        {"layer": number, "cells": cells, "no_cell": rest}
        for number, (cells, rest) in enumerate(pairs, 1)
    ]
