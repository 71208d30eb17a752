"""A class token's similarity by layer: what each adds in cells, and what in none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from simviz_core.decomposition import DecomposedImage, vector_bias, vector_map
from simviz_core.networks import ClassTokenNetwork


@dataclass(frozen=True)
class LayerShare:
    """What one layer contributes to the similarity.

    Attributes:
        cells: Through attention to the patch tokens; over the layers they add up to the map's sum.
        rest: In no cell: its MLP and biases, and attention to class token and registers.
    """

    cells: float
    rest: float


@dataclass(frozen=True)
class LayerShares:
    """A similarity, split over the layers of the network on one side.

    Attributes:
        start: What the class token started with, in no cell.
        layers: The layers, the first one first.
        after: What the layers after the class token add (a shift), in no cell.
        similarity: The cosine.
    """

    start: float
    layers: tuple[LayerShare, ...]
    after: float
    similarity: float

    @property
    def cells(self) -> float:
        """Of all layers."""
        return sum(layer.cells for layer in self.layers)

    @property
    def rest(self) -> float:
        """What lies in no cell, start and end among it."""
        return self.start + sum(layer.rest for layer in self.layers) + self.after

    @property
    def residual(self) -> float:
        """|sum − similarity|."""
        return abs(self.cells + self.rest - self.similarity)


def layer_shares(
    network: ClassTokenNetwork, picture: Image.Image, match: DecomposedImage
) -> LayerShares:
    """Split a similarity over the layers that made one of its images' class token.

    Args:
        network: That embeds both.
        picture: The image whose class token is split, RGB; the network runs on it once.
        match: The other image, decomposed.
    """
    image = network.by_layer(network.pixels([picture]))[0]
    unit = match.unit_embedding
    start, *parts = vector_map(image, unit)[0].tolist()
    return LayerShares(
        start=start,
        layers=tuple(map(LayerShare, parts[::2], parts[1::2])),
        after=vector_bias(image, unit).item(),
        similarity=float(image.unit_embedding @ unit),
    )


def layers_as_json(shares: LayerShares) -> dict[str, Any]:
    """What `layer_shares` found, as JSON-ready values."""
    return {
        "start": shares.start,
        "layers": layer_rows(shares.layers),
        "after": shares.after,
        "residual": shares.residual,
    }


def layer_rows(layers: Sequence[LayerShare]) -> list[dict[str, Any]]:
    """The layers as rows of a table."""
    return [
        {"layer": number, "cells": layer.cells, "no_cell": layer.rest}
        for number, layer in enumerate(layers, 1)
    ]
