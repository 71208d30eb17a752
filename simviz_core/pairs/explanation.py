"""Explain a pair: both similarity maps, the score and its check, in numbers ready to show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simviz_core import __version__
from simviz_core.decomposition import (
    CLASS_TOKEN,
    DecomposedImage,
    bias_term,
    cumulative_share,
    feature_contributions,
    similarity,
    similarity_map,
)
from simviz_core.networks.poolings import AS_IT_IS
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs.cells import BlockPart, CellPairs, block_as_json

TOP_FEATURES = 10
"""How many of the strongest feature components are listed; the paper marks the top ten."""


@dataclass(frozen=True)
class PairExplanation:
    """Why two images are similar.

    Attributes:
        settings: The network that was asked.
        similarity: The cosine of the two embeddings, -1..1.
        query_map: What each cell of the query contributes to it, (H, W), float32.
        match_map: What each cell of the match contributes to it, (H', W'), float32.
        bias: What belongs to no cell of the query; `query_map.sum() + bias` is the similarity.
        match_bias: What belongs to no cell of the match.
        residual: |sum of the map + bias − similarity|, the larger one of the two maps.
        features: What each component of the embedding contributes, (D,), float32.
        feature_curve: Share of the similarity that the k strongest components carry, (D,).
    """

    settings: NetworkSettings
    similarity: float
    query_map: NDArray[np.float32]
    match_map: NDArray[np.float32]
    bias: float
    match_bias: float
    residual: float
    features: NDArray[np.float32]
    feature_curve: NDArray[np.float32]

    @property
    def share_in_no_cell(self) -> float | None:
        """The share of the similarity that no cell of the query accounts for; None for 0 of 0."""
        return self.bias / self.similarity if self.similarity else None

    @property
    def is_class_token(self) -> bool:
        """Whether the network embeds by a class token, decomposed with its attention as it is."""
        return self.settings.pooling == CLASS_TOKEN

    @property
    def bias_words(self) -> str:
        """What lies in no cell, for a line that begins with the map's sum; "" for nothing."""
        if not self.is_class_token:
            return f" + bias {self.bias:.4f}" if self.bias else ""
        share = self.share_in_no_cell
        of_it = "" if share is None else f" ({share:.0%} of the similarity)"
        return f" + in no cell {self.bias:.4f}{of_it}"

    @property
    def top_features(self) -> list[tuple[int, float]]:
        """The strongest components, as (channel, contribution), strongest first."""
        strongest = np.argsort(-self.features, kind="stable")[:TOP_FEATURES]
        return [(int(channel), float(self.features[channel])) for channel in strongest]


def explain_pair(
    query: DecomposedImage, match: DecomposedImage, settings: NetworkSettings
) -> PairExplanation:
    """Explain the similarity of two decomposed images, both ways.

    Args:
        query: One image, contributions (H, W, D).
        match: One image, contributions (H', W', D).
        settings: The network that decomposed both.

    Returns:
        The explanation.

    Source: the paper's section 3, equations 1 to 6.
    """
    score = similarity(query, match).item()
    query_map = similarity_map(query, match).numpy(force=True)
    match_map = similarity_map(match, query).numpy(force=True)
    bias, match_bias = bias_term(query, match).item(), bias_term(match, query).item()
    features = feature_contributions(query, match)
    return PairExplanation(
        settings=settings,
        similarity=score,
        query_map=query_map,
        match_map=match_map,
        bias=bias,
        match_bias=match_bias,
        residual=max(
            abs(query_map.sum(dtype=np.float64) + bias - score),
            abs(match_map.sum(dtype=np.float64) + match_bias - score),
        ),
        features=features.numpy(force=True),
        feature_curve=cumulative_share(features).numpy(force=True),
    )


def pair_as_json(
    pair: PairExplanation, query: str, match: str, parts: Sequence[BlockPart] = ()
) -> dict[str, Any]:
    """The explanation as JSON-ready values.

    Args:
        pair: The explanation.
        query: The query's name, as the user gave it.
        match: The match's name.
        parts: Blocks of cells, listed under `cells` as `block_as_json` has them.

    Returns:
        The figures; maps are lists of rows, in the order of the image's rows.
    """
    values = {
        "query": query,
        "match": match,
        **pair.settings.as_json(),
        "similarity": pair.similarity,
        "bias": pair.bias,
        "match_bias": pair.match_bias,
        **({"share_in_no_cell": pair.share_in_no_cell} if pair.is_class_token else {}),
        "residual": float(pair.residual),
        "query_map": pair.query_map.tolist(),
        "match_map": pair.match_map.tolist(),
        "top_features": [
            {"channel": channel, "contribution": contribution}
            for channel, contribution in pair.top_features
        ],
        "version": __version__,
    }
    return values | {"cells": [block_as_json(part) for part in parts]} if parts else values


def save_pair_arrays(
    pair: PairExplanation,
    cells: CellPairs,
    file: IO[bytes],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the explanation as an NPZ archive.

    Args:
        pair: The explanation.
        cells: Its pairs of cells.
        file: Receives `query_map` (H, W), `match_map` (H', W'), `cell_pairs` (H, W, H', W'),
            `feature_contributions` (D,), float32, and the scalars `similarity`, `bias`,
            `match_bias`, `residual`, `network`, `pooling`, `size`, `fit`, `checkpoint` and `layer`
            (empty for none), `tail`, `random_weights`, `weights`; `label` of a class token.
        more: Further arrays under their names, such as `against_arrays`.
    """
    label: dict[str, Any] = {"label": np.asarray(AS_IT_IS)} if pair.is_class_token else {}
    settings = {name: value or "" for name, value in pair.settings.as_json().items()}
    np.savez_compressed(
        file,
        query_map=pair.query_map,
        match_map=pair.match_map,
        cell_pairs=cells.values,
        feature_contributions=pair.features,
        similarity=np.asarray(pair.similarity),
        bias=np.asarray(pair.bias),
        match_bias=np.asarray(pair.match_bias),
        residual=np.asarray(pair.residual),
        network=np.asarray(settings["network"]),
        pooling=np.asarray(settings["pooling"]),
        size=np.asarray(settings["size"]),
        fit=np.asarray(settings["fit"]),
        checkpoint=np.asarray(settings["checkpoint"]),
        tail=np.asarray(settings["tail"]),
        layer=np.asarray(settings["layer"]),
        random_weights=np.asarray(pair.settings.is_random),
        weights=np.asarray(pair.settings.weights_line),
        **label,
        **(more or {}),
    )


def feature_rows(pair: PairExplanation) -> list[dict[str, Any]]:
    """The feature components as rows of a table, strongest first.

    Returns:
        For each the channel, what it contributes to the similarity, and the share that it and all
        before it carry.
    """
    order = np.argsort(-pair.features, kind="stable")
    return [
        {
            "channel": int(channel),
            "contribution": float(pair.features[channel]),
            "cumulative_share": float(pair.feature_curve[place]),
        }
        for place, channel in enumerate(order)
    ]
