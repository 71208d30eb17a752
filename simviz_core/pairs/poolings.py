"""The same images under several poolings: what changes is which cells carry the similarity."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from simviz_core.decomposition import DecomposedImage, cells_carrying, decompose, map_entropy
from simviz_core.networks import POOLINGS, SimilarityNetwork
from simviz_core.pairs.explanation import NetworkSettings, PairExplanation, explain_pair

COMPARED = ("average", "max", "gem")
"""Poolings that are compared. The maps of sum pooling are those of average pooling."""
CARRIED = 0.9
"""Of the similarity: how few cells carry this share says how concentrated a map is."""


@dataclass(frozen=True)
class MapSpread:
    """How widely a map is spread over its cells; a map of zeros has no spread, only cells.

    Attributes:
        cells: How many cells the map has.
        entropy: Of |M| / Σ|M|, in bits; log2(cells) if all are equal.
        relative_entropy: The same as a share of log2(cells), 0..1.
        carrying_cells: The least number of cells whose |M| add up to 90 % of Σ|M|.
        carrying_share: The same as a share of the cells, 0..1.
    """

    cells: int
    entropy: float | None
    relative_entropy: float | None
    carrying_cells: int | None
    carrying_share: float | None

    def __str__(self) -> str:
        """In words."""
        if self.entropy is None:
            return "no cell contributes anything"
        return (
            f"entropy {self.entropy:.2f} bits, {self.relative_entropy:.0%} of an even map · "
            f"{CARRIED:.0%} in {self.carrying_cells} of {self.cells} cells"
        )


def map_spread(values: NDArray[Any]) -> MapSpread:
    """Measure how widely a map is spread.

    Args:
        values: The map, (H, W), signed.
    """
    if not values.any():
        return MapSpread(values.size, None, None, None, None)
    cells = torch.from_numpy(values.copy())
    share = cells_carrying(cells, CARRIED).item()
    return MapSpread(
        cells=values.size,
        entropy=map_entropy(cells).item(),
        relative_entropy=map_entropy(cells, relative=True).item(),
        carrying_cells=round(share * values.size),
        carrying_share=share,
    )


def mean_spread(spreads: Sequence[MapSpread]) -> str:
    """The mean spread of several maps in words; those of zeros do not count."""
    measured = [spread for spread in spreads if spread.entropy is not None]
    if not measured:
        return "no cell contributes anything"
    entropy = sum(spread.entropy or 0 for spread in measured) / len(measured)
    share = sum(spread.carrying_share or 0 for spread in measured) / len(measured)
    return f"entropy {entropy:.2f} bits · {CARRIED:.0%} in {share:.0%} of the cells"


def compare_poolings(
    query: Tensor,
    match: Tensor,
    settings: NetworkSettings,
    network: SimilarityNetwork | None = None,
) -> list[PairExplanation]:
    """Explain a pair under each of the poolings in `COMPARED`.

    Args:
        query: Feature map of one image, (H, W, C).
        match: Feature map of one image, (H', W', C).
        settings: The network that made both; its pooling does not matter.
        network: Where its own pooling has layers after it, or it is an ensemble.

    Returns:
        One explanation for each pooling.

    Source: the paper's Figure 7.
    """

    def under(name: str, F: Tensor) -> DecomposedImage:
        if network is None:
            return decompose(F, POOLINGS[name])
        return network.with_pooling(name).decompose_feature_map(F)

    return [
        explain_pair(under(name, query), under(name, match), replace(settings, pooling=name))
        for name in COMPARED
    ]


def poolings_as_json(pairs: Sequence[PairExplanation]) -> list[dict[str, Any]]:
    """What `compare_poolings` found, as JSON-ready values."""
    return [
        {
            "pooling": pair.settings.pooling,
            "similarity": pair.similarity,
            "residual": float(pair.residual),
            "query_map": pair.query_map.tolist(),
            "match_map": pair.match_map.tolist(),
            "query_spread": asdict(map_spread(pair.query_map)),
            "match_spread": asdict(map_spread(pair.match_map)),
        }
        for pair in pairs
    ]
