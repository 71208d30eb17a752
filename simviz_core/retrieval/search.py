"""One search, from the query to its matches with their maps."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simviz_core.decomposition import (
    DecomposedImage,
    similarity_map,
    unit_norm,
    vector_map,
)
from simviz_core.retrieval.copies import OF_QUERY, copies_among
from simviz_core.retrieval.coverage import Coverage
from simviz_core.retrieval.ranking import (
    AllowedRows,
    GalleryIndex,
    Match,
    Vector,
    region_vector,
    search_with,
    whole_vector,
)
from simviz_core.retrieval.relative import Reference, RelativeMap, relative_map_of
from simviz_core.retrieval.scanning import FoundBy

FINE_REGIONS = "the index was not measured with fine regions"
"""Why a search by one is exact."""
REST_IS_NOTHING = 1e-5
"""What is left of an embedding of length 1 that is rounding and has no direction."""


@dataclass(frozen=True)
class Ranking:
    """A gallery, ranked by one vector.

    Attributes:
        vector: What the gallery was multiplied with, (D,).
        matches: The best, best first.
        similarities: The cosine of each match with the whole query; the score itself unless a
            region was searched.
        without: What the cosine of each match with the query would be without the region's cells;
            empty unless a region was searched.
        coverage: How much of the gallery was searched; None where that is not known.
        copy_of: What each match is a copy of, see `copies_among`; empty where that is not known.
        found_by: What found the matches; None where that is not known.
    """

    vector: Vector
    matches: tuple[Match, ...]
    similarities: tuple[float, ...]
    without: tuple[float, ...] = ()
    coverage: Coverage | None = None
    copy_of: tuple[str | None, ...] = ()
    found_by: FoundBy | None = None

    @property
    def is_approximate(self) -> bool:
        """Whether not all of the best need be among the matches."""
        return self.found_by is not None and self.found_by.recall is not None

    @property
    def found_by_sentence(self) -> str:
        """What found the matches, in words; "" where that is not known."""
        return self.found_by.sentence if self.found_by else ""

    def found_by_as_json(self) -> dict[str, Any]:
        """What found the matches, as JSON-ready values under `found_by`."""
        return {"found_by": self.found_by.as_json()} if self.found_by else {}

    def copy_note(self, place: int) -> str:
        """What a match is a copy of, in words; "" where it is taken for none."""
        of = self.copy_of[place] if self.copy_of else None
        if of is None:
            return ""
        if of == OF_QUERY:
            return "copy of the query"
        rank = next(n for n, match in enumerate(self.matches, 1) if match.image.id == of)
        return f"copy of match {rank}"


@dataclass(frozen=True)
class MatchMaps:
    """What the cells of both images contribute to a match's score.

    Attributes:
        query_map: Of the query, (H, W); cells outside the region are zero.
        match_map: Of the match, (H', W').
    """

    query_map: NDArray[np.float32]
    match_map: NDArray[np.float32]


@dataclass(frozen=True)
class RelativeMatchMaps:
    """The maps of a match relative to a reference.

    Attributes:
        query: Of the query; where a region was searched, of its cells alone.
        match: Of the match; None where a region was searched, since the reference has no region.
    """

    query: RelativeMap
    match: RelativeMap | None


def rank(
    index: GalleryIndex,
    query: DecomposedImage,
    weights: Tensor | None,
    count: int,
    allowed: AllowedRows,
    per_class: bool = False,
    fine_vector: Vector | None = None,
) -> Ranking:
    """Search a gallery for a whole image, or for a region of it.

    Args:
        index: The gallery's embeddings.
        query: One image.
        weights: Share of each cell that the region covers, (H, W); None searches the whole image.
        count: How many matches to return, at most.
        allowed: Which images may be found, (N,).
        per_class: Return the best image of each class instead of the best images.
        fine_vector: What the region's fine cells make of it, (D,), to rank by instead; see
            `fine_region_vector`.

    Returns:
        The ranking.
    """
    whole = whole_vector(query)
    vector = whole if weights is None else region_vector(query, weights)
    vector = vector if fine_vector is None else fine_vector
    unmeasured = "" if fine_vector is None else FINE_REGIONS
    matches, found_by = search_with(index, vector, count, allowed, per_class, unmeasured)
    ids = [match.image.id for match in matches]
    found = index.matrix[[index.row[image_id] for image_id in ids]]
    copies = copies_among(ids, found, found @ whole, partial(index.scan.rows_from, whole))
    if weights is None:
        scores = tuple(match.score for match in matches)
        return Ranking(vector, tuple(matches), scores, (), index.coverage, copies, found_by)
    rest = found @ vector_without(query, vector)
    similarities, without = tuple((found @ whole).tolist()), tuple(rest.tolist())
    return Ranking(vector, tuple(matches), similarities, without, index.coverage, copies, found_by)


def vector_without(query: DecomposedImage, part: Vector) -> Vector:
    """The unit embedding of a query without a region, (D,): ranks by all the rest.

    Args:
        query: One image.
        part: The region's vector, (D,), as `region_vector` or `fine_region_vector` makes it.

    Returns:
        The unit vector of e − A_R; zeros where nothing is left.
    """
    unit = query.unit_embedding
    rest = unit - torch.from_numpy(np.array(part)).to(unit)
    is_rounding = bool(rest.norm() < REST_IS_NOTHING)
    unit = torch.zeros_like(rest) if is_rounding else unit_norm(rest)
    return np.ascontiguousarray(unit.numpy(force=True), dtype=np.float32)


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


def relative_match_maps(
    query: DecomposedImage, match: DecomposedImage, reference: Reference, weights: Tensor | None
) -> RelativeMatchMaps:
    """The maps of one match relative to a reference.

    Args:
        query: One image.
        match: One image.
        reference: What is subtracted.
        weights: Share of each of the query's cells that the region covers, (H, W); None for all.
    """
    return RelativeMatchMaps(
        relative_map_of(query, match, reference, weights),
        relative_map_of(match, query, reference) if weights is None else None,
    )
