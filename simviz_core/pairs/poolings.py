"""The same images under several poolings: what changes is which cells carry the similarity."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor

from simviz_core.decomposition import CLASS_TOKEN, DecomposedImage, decompose
from simviz_core.map_measures import map_spread
from simviz_core.networks import POOLING_TITLES, POOLINGS, SimilarityNetwork
from simviz_core.networks.poolings import POOLING_PHRASES
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs.explanation import PairExplanation, explain_pair

COMPARED = tuple(POOLING_TITLES)
"""Poolings that are compared."""


def compared_with(own: str) -> tuple[str, ...]:
    """The poolings that a network's own is compared with, and its class token where that is it."""
    return (own, *COMPARED) if own == CLASS_TOKEN else COMPARED


def compared_title(name: str) -> str:
    """What a pooling is called where several are compared."""
    return POOLING_TITLES.get(name) or POOLING_PHRASES[name].capitalize()


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
            "bias": pair.bias,
            "residual": float(pair.residual),
            "query_map": pair.query_map.tolist(),
            "match_map": pair.match_map.tolist(),
            "query_spread": asdict(map_spread(pair.query_map)),
            "match_spread": asdict(map_spread(pair.match_map)),
        }
        for pair in pairs
    ]
