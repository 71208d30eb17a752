"""A pair's maps relative to a reference, and what would be lost without each cell."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simviz_core.decomposition import DecomposedImage, lost_map
from simviz_core.retrieval.relative import Reference, RelativeMap, relative_map_of


@dataclass(frozen=True)
class RelativePair:
    """Both maps of a pair relative to one reference.

    Attributes:
        reference: What is subtracted.
        query: The query's map: the match beyond the reference.
        match: The match's map: the query beyond the same reference.
    """

    reference: Reference
    query: RelativeMap
    match: RelativeMap


@dataclass(frozen=True)
class LostMaps:
    """What similarity would be lost without each cell, one cell at a time; no sums.

    Attributes:
        query: Of the query, (H, W), float32; negative where the similarity would be higher.
        match: Of the match, (H', W').
    """

    query: NDArray[np.float32]
    match: NDArray[np.float32]


LOST_SENTENCE = (
    "What similarity would be lost without each cell's contribution, one at a time, in closed "
    "form. Cells do not add up to anything; without blue cells, even ones that contribute, it "
    "would be higher. That is arithmetic: blanking their pixels may do otherwise."
)


def relative_pair(
    query: DecomposedImage, match: DecomposedImage, reference: Reference
) -> RelativePair:
    """Both maps of a pair relative to one reference."""
    return RelativePair(
        reference,
        relative_map_of(query, match, reference),
        relative_map_of(match, query, reference),
    )


def lost_maps(query: DecomposedImage, match: DecomposedImage) -> LostMaps:
    """What similarity would be lost without each cell of either image."""
    maps = (lost_map(query, match), lost_map(match, query))
    return LostMaps(*(values.numpy(force=True) for values in maps))


def relative_as_json(pair: RelativePair) -> dict[str, Any]:
    """A relative pair as JSON-ready values.

    Returns:
        `relative_to` as it was chosen, what it is, what the colours mean, and both maps with their
        sums' checks.
    """
    return {
        "relative_to": str(pair.reference.choice),
        "description": pair.reference.description,
        "colours": pair.reference.sentence,
        "query": pair.query.as_json(),
        "match": pair.match.as_json(),
    }


def lost_as_json(lost: LostMaps) -> dict[str, Any]:
    """The maps of what would be lost as JSON-ready values."""
    return {
        "colours": LOST_SENTENCE,
        "query_map": lost.query.tolist(),
        "match_map": lost.match.tolist(),
    }
