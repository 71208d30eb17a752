"""One search, from the query to its matches with their maps."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simviz_core import __version__
from simviz_core.decomposition import DecomposedImage, similarity_map, vector_map
from simviz_core.map_measures import map_spread
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval.ranking import (
    GalleryIndex,
    Mask,
    Match,
    Vector,
    best_matches,
    best_of_each_class,
    region_vector,
    whole_vector,
)
from simviz_core.retrieval.regions import Region


@dataclass(frozen=True)
class Ranking:
    """A gallery, ranked by one vector.

    Attributes:
        vector: What the gallery was multiplied with, (D,).
        matches: The best, best first.
        similarities: The cosine of each match with the whole query; the score itself unless a
            region was searched.
    """

    vector: Vector
    matches: tuple[Match, ...]
    similarities: tuple[float, ...]


@dataclass(frozen=True)
class MatchMaps:
    """What the cells of both images contribute to a match's score.

    Attributes:
        query_map: Of the query, (H, W); cells outside the region are zero.
        match_map: Of the match, (H', W').
    """

    query_map: NDArray[np.float32]
    match_map: NDArray[np.float32]


def rank(
    index: GalleryIndex,
    query: DecomposedImage,
    weights: Tensor | None,
    count: int,
    allowed: Mask,
    per_class: bool = False,
) -> Ranking:
    """Search a gallery for a whole image, or for a region of it.

    Args:
        index: The gallery's embeddings.
        query: One image.
        weights: Share of each cell that the region covers, (H, W); None searches the whole image.
        count: How many matches to return, at most.
        allowed: Which images may be found, (N,).
        per_class: Return the best image of each class instead of the best images.

    Returns:
        The ranking.
    """
    whole = whole_vector(query)
    vector = whole if weights is None else region_vector(query, weights)
    choose_best = best_of_each_class if per_class else best_matches
    matches = choose_best(index, index.scores(vector), count, allowed)
    rows = [index.row[match.image.id] for match in matches]
    similarities = index.matrix[rows] @ whole if weights is not None else None
    return Ranking(
        vector,
        tuple(matches),
        tuple(match.score for match in matches)
        if similarities is None
        else tuple(similarities.tolist()),
    )


def match_maps(
    query: DecomposedImage, match: DecomposedImage, vector: Vector, weights: Tensor | None
) -> MatchMaps:
    """The maps of one match; both sum to its score, up to the bias terms.

    Args:
        query: One image.
        match: One image.
        vector: What the gallery was ranked by, (D,).
        weights: Share of each of the query's cells that the region covers, (H, W); None for all.

    Returns:
        On the query w · M_query|match; on the match what its cells contribute to its product with
        the vector.
    """
    query_map = similarity_map(query, match)
    if weights is not None:
        query_map = query_map * weights.to(query_map)
    match_map = vector_map(match, torch.from_numpy(vector).to(match.contributions))
    return MatchMaps(query_map.numpy(force=True), match_map.numpy(force=True))


def search_as_json(
    ranking: Ranking,
    query: str,
    region: Region,
    settings: NetworkSettings,
    maps: Sequence[MatchMaps] = (),
    is_crop: bool = False,
) -> dict[str, Any]:
    """A search as JSON-ready values.

    Args:
        ranking: What was found.
        query: The query's path, as the user gave it.
        region: What was drawn on it; may be nothing.
        settings: The network that was asked.
        maps: Of each match; may be left out.
        is_crop: Whether the region was cut out and embedded anew.

    Returns:
        The settings, and `results`: path, label and score of each match; where a region was
        drawn also its similarity to the whole query; maps as lists of rows.
    """
    results: list[dict[str, Any]] = []
    for number, match in enumerate(ranking.matches):
        result = {
            "path": str(match.image.path),
            "label": match.image.label,
            "score": match.score,
        }
        if region.is_drawn and not is_crop:
            result["similarity"] = ranking.similarities[number]
        if maps:
            result["query_map"] = maps[number].query_map.tolist()
            result["match_map"] = maps[number].match_map.tolist()
        results.append(result)
    return {
        "query": query,
        **settings.as_json(),
        "regions": [list(rectangle) for rectangle in region.include],
        "excluded_regions": [list(rectangle) for rectangle in region.exclude],
        "crop": is_crop,
        "results": results,
        "version": __version__,
    }


def searches_as_json(
    searches: Sequence[tuple[NetworkSettings, Ranking, Sequence[MatchMaps | None]]],
) -> list[dict[str, Any]]:
    """The same search under several poolings as JSON-ready values.

    Args:
        searches: For each pooling the settings, what was found, and the maps of each match; None
            where a match's file cannot be read any more.

    Returns:
        For each the `pooling` and its `results`: path, label and score of each match, and how
        widely both of its maps are spread.
    """
    return [
        {
            "pooling": settings.pooling,
            "results": [
                {
                    "path": str(match.image.path),
                    "label": match.image.label,
                    "score": match.score,
                    "query_spread": asdict(map_spread(found.query_map)) if found else None,
                    "match_spread": asdict(map_spread(found.match_map)) if found else None,
                }
                for match, found in zip(ranking.matches, maps, strict=True)
            ],
        }
        for settings, ranking, maps in searches
    ]
