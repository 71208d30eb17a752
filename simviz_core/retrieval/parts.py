"""Queries of several parts: regions of one image or of several, added or subtracted.

Each part is a region, or the whole, of an image and makes one vector, q_p = Σ w A / |e|. The query
is their weighted sum, q = Σ_p λ_p q_p, with λ_p < 0 for what is subtracted. The score of a gallery
image is q · ê_j, and so exactly the sum of what each part contributes to it, λ_p (q_p · ê_j).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from simviz_core import __version__
from simviz_core.decomposition import DecomposedImage
from simviz_core.decomposition.regions import Rectangle
from simviz_core.errors import SettingsError
from simviz_core.gallery import NO_CONDITIONS, Conditions, GalleryImage
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval.ranking import (
    AllowedRows,
    GalleryIndex,
    Vector,
    choose,
    region_vector,
    search_with,
    whole_vector,
)
from simviz_core.retrieval.regions import Region, outside_note, rectangle_text
from simviz_core.retrieval.search import MatchMaps, Ranking

WHOLE_IMAGE = Region()
EN_SPACE = "\u2002"
_NUMBER = r"[-+]?[0-9.]+(?:e[-+]?[0-9]+)?"
_RECTANGLE = rf"(?:except:)?{_NUMBER}(?:,{_NUMBER}){{3}}"
_PART = re.compile(
    rf"(?P<image>.+?)(?::(?P<region>(?:{_RECTANGLE}(?:;{_RECTANGLE})*)?))?", re.DOTALL
)
MOST_PARTS = 12
"""Of one query."""
SEVERAL_PARTS = "the index was not measured with queries of several parts"
"""Why a search by one is exact."""
MOST_WEIGHT = 100.0
"""The largest weight of a part, whatever its sign."""
SCORE_SENTENCE = (
    "The score is the sum of what the parts contribute: each part's weight times its part of the "
    "similarity, which is what its cells contribute to the similarity of its own image with the "
    "match. Parts that are subtracted count against it. It is no cosine, and may exceed 1."
)


@dataclass(frozen=True)
class QueryPart:
    """One part of a query.

    Attributes:
        image: Its image's path, or its id on the pages.
        region: What of the image; nothing drawn means the whole of it.
        weight: λ, not 0; below 0 the part is subtracted.
    """

    image: str
    region: Region = WHOLE_IMAGE
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse weights that mean nothing.

        Raises:
            SettingsError: The weight is 0, too large, or not a number.
        """
        if not 0 < abs(self.weight) <= MOST_WEIGHT:
            raise SettingsError(
                f"a part's weight is a number other than 0 from {-MOST_WEIGHT:g} to "
                f"{MOST_WEIGHT:g}, not {self.weight}"
            )

    @property
    def is_subtracted(self) -> bool:
        """Whether it counts against what it finds."""
        return self.weight < 0


@dataclass(frozen=True, eq=False)
class PartsQuery:
    """A query of several parts, as one vector.

    Attributes:
        parts: P of them.
        vectors: q_p, (P, D), float32, without the weights.
    """

    parts: tuple[QueryPart, ...]
    vectors: NDArray[np.float32]

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """λ_p, (P,)."""
        return np.array([part.weight for part in self.parts], dtype=np.float32)

    @cached_property
    def vector(self) -> Vector:
        """q = Σ λ_p q_p, (D,), which the gallery is ranked by."""
        return np.ascontiguousarray(self.weights @ self.vectors)

    @property
    def lengths(self) -> list[float]:
        """|q_p| of each part: how much it can contribute at weight 1, at most."""
        return [float(length) for length in np.linalg.norm(self.vectors, axis=1)]


@dataclass(frozen=True)
class PartsRanking:
    """A gallery, ranked by a query of several parts.

    Attributes:
        query: The query.
        ranking: By its vector.
        contributions: What each part contributes to each match's score, its weight counted, (K, P).
    """

    query: PartsQuery
    ranking: Ranking
    contributions: NDArray[np.float32]

    @property
    def residual(self) -> float:
        """The largest |sum of the contributions − score|."""
        scores = np.array([match.score for match in self.ranking.matches])
        if not scores.size:
            return 0.0
        return float(np.abs(self.contributions.sum(1, dtype=np.float64) - scores).max())


def part_text(part: QueryPart) -> str:
    """A part as the command line and links write it, without its weight.

    Returns:
        `IMAGE`, or `IMAGE:X0,Y0,X1,Y1`; more rectangles follow after `;`, those that are excluded
        as `except:X0,Y0,X1,Y1`. A name that could be taken for one with rectangles ends in `:`.
    """
    rectangles = [rectangle_text(corners) for corners in part.region.include]
    rectangles += [f"except:{rectangle_text(corners)}" for corners in part.region.exclude]
    found = _PART.fullmatch(part.image)
    is_plain = not rectangles and found is not None and found["region"] is None
    return part.image if is_plain else f"{part.image}:{';'.join(rectangles)}"


def part_from_text(text: str, weight: float = 1.0) -> QueryPart:
    """The part that a text names; see `part_text`.

    Raises:
        SettingsError: It names no image, a corner is no number, or the weight is none.
    """
    found = _PART.fullmatch(text)
    if found is None:
        raise SettingsError(f"{text!r} names no image; write IMAGE or IMAGE:X0,Y0,X1,Y1")
    rectangles: dict[bool, list[Rectangle]] = {False: [], True: []}
    for written in filter(None, (found["region"] or "").split(";")):
        is_excluded = written.startswith("except:")
        try:
            x0, y0, x1, y1 = map(float, written.removeprefix("except:").split(","))
        except ValueError as error:
            raise SettingsError(f"{written!r} is not four numbers X0,Y0,X1,Y1") from error
        rectangles[is_excluded].append((x0, y0, x1, y1))
    region = Region(tuple(rectangles[False]), tuple(rectangles[True]))
    return QueryPart(found["image"], region, weight)


def in_order(parts: Sequence[QueryPart]) -> tuple[QueryPart, ...]:
    """The parts as they are listed everywhere: what is added, then what is subtracted."""
    return tuple(sorted(parts, key=lambda part: part.is_subtracted))


def part_vector(image: DecomposedImage, weights: Tensor | None) -> Vector:
    """The vector of one part, q_p, (D,), float32.

    Args:
        image: The part's image.
        weights: Share of each cell that its region covers, (H, W); None takes the whole image,
            with what belongs to no cell.
    """
    return whole_vector(image) if weights is None else region_vector(image, weights)


def parts_query(
    parts: Sequence[QueryPart], images: Sequence[DecomposedImage], weights: Sequence[Tensor | None]
) -> PartsQuery:
    """Make one vector of several parts.

    Args:
        parts: The parts.
        images: Each part's image, decomposed by one network.
        weights: What each part's region covers, (H, W); None for a whole image.

    Returns:
        The query.

    Raises:
        SettingsError: There is no part, or too many, or none of them is added.
    """
    if not parts or len(parts) > MOST_PARTS:
        raise SettingsError(f"a query has 1 to {MOST_PARTS} parts, not {len(parts)}")
    if all(part.is_subtracted for part in parts):
        raise SettingsError(
            "all parts of the query are subtracted; add an image, or a region of one, to search for"
        )
    vectors = [part_vector(image, w) for image, w in zip(images, weights, strict=True)]
    return PartsQuery(tuple(parts), np.stack(vectors))


def allowed_for(
    index: GalleryIndex,
    images: Sequence[tuple[GalleryImage | None, bool]],
    classes: Sequence[str] | None = None,
    keep_query: bool = False,
    without_own_class: bool = False,
    conditions: Conditions = NO_CONDITIONS,
) -> AllowedRows:
    """Which images a query of several parts may find.

    Args:
        index: The index.
        images: Of each part its image in the gallery, None if it is not there, and whether the
            part is subtracted.
        classes: Only images of these; None takes all.
        keep_query: Whether the parts' own images may be found.
        without_own_class: Whether the classes of the images that are added are left out.
        conditions: On the columns of the gallery's manifest; equals of the images that are added
            are left out.

    Returns:
        (N,), True for each that may be found.
    """
    sets = replace(conditions, leave_out_equal=(), leave_out_copies=None)
    allowed = choose(index, classes, conditions=sets)
    for image, is_subtracted in images:
        if image is None:
            continue
        if not keep_query:
            allowed &= choose(index, without_image=image.id)
        if not is_subtracted:
            own_class = image.label if without_own_class else None
            equals = replace(conditions, where=(), ask=(), find=())
            allowed &= choose(index, None, None, own_class, equals, image)
    return allowed


def shared_label(labels: Sequence[tuple[str | None, bool]]) -> str | None:
    """The class that all images that are added share; None where they share none.

    Args:
        labels: Of each part the class of its image, and whether it is subtracted.
    """
    added = {label for label, is_subtracted in labels if not is_subtracted}
    return added.pop() if len(added) == 1 else None


def rank_parts(
    index: GalleryIndex,
    query: PartsQuery,
    count: int,
    allowed: AllowedRows,
    per_class: bool = False,
) -> PartsRanking:
    """Search a gallery for a query of several parts.

    Args:
        index: The gallery's embeddings.
        query: The query.
        count: How many matches to return, at most.
        allowed: Which images may be found, (N,).
        per_class: Return the best image of each class instead of the best images.

    Returns:
        The ranking, with what each part contributes to every score.
    """
    vector = query.vector
    matches, found_by = search_with(index, vector, count, allowed, per_class, SEVERAL_PARTS)
    rows = [index.row[match.image.id] for match in matches]
    contributions = (index.matrix[rows] @ query.vectors.T) * query.weights
    scores = tuple(match.score for match in matches)
    ranking = Ranking(vector, tuple(matches), scores, coverage=index.coverage, found_by=found_by)
    return PartsRanking(query, ranking, contributions.astype(np.float32))


def parts_as_json(
    found: PartsRanking,
    settings: NetworkSettings,
    maps: Sequence[MatchMaps | None] = (),
) -> dict[str, Any]:
    """A search for several parts as JSON-ready values.

    Args:
        found: The ranking; its parts' images are named by their paths.
        settings: The network.
        maps: Of each match, where they are wanted.

    Returns:
        The settings, what the score is in words, `parts` with their weights, regions and the
        lengths of their vectors, and `results`: path, label, score and the parts' `contributions`,
        which add up to it.
    """
    results: list[dict[str, Any]] = []
    for number, match in enumerate(found.ranking.matches):
        result: dict[str, Any] = {
            "path": str(match.image.path),
            "label": match.image.label,
            "score": match.score,
            "contributions": found.contributions[number].tolist(),
        }
        if maps:
            of_match = maps[number]
            result["match_map"] = of_match.match_map.tolist() if of_match else None
        results.append(result)
    coverage = found.ranking.coverage
    return {
        **settings.as_json(),
        "score_is": SCORE_SENTENCE,
        "parts": [
            {
                "path": part.image,
                "weight": part.weight,
                "regions": [list(rectangle) for rectangle in part.region.include],
                "excluded_regions": [list(rectangle) for rectangle in part.region.exclude],
                "length": length,
            }
            for part, length in zip(found.query.parts, found.query.lengths, strict=True)
        ],
        "residual": found.residual,
        **(coverage.as_json() if coverage else {}),
        **found.ranking.found_by_as_json(),
        "results": results,
        "version": __version__,
    }


def region_notes(
    parts: Sequence[QueryPart], pictures: Mapping[str, LoadedImage], settings: NetworkSettings
) -> dict[str, str]:
    """What of the parts' regions the network does not see, in sentences.

    Args:
        parts: Of the query.
        pictures: By the name of a part's image.
        settings: The network.

    Returns:
        By the number of the part, from 1; only of those that lie partly outside.
    """
    notes = {}
    for number, part in enumerate(parts, start=1):
        picture = pictures[part.image]
        if note := outside_note(part.region, picture, settings.frame(picture.pixels)):
            notes[str(number)] = note
    return notes


def parts_table(found: PartsRanking) -> list[dict[str, Any]]:
    """The ranking as rows: rank, path, label, score, and what each part contributes."""
    return [
        {
            "rank": number,
            "path": str(match.image.path),
            "label": match.image.label,
            "score": match.score,
            **{f"part {place}": float(value) for place, value in enumerate(contributed, start=1)},
        }
        for number, (match, contributed) in enumerate(
            zip(found.ranking.matches, found.contributions, strict=True), start=1
        )
    ]


def contributions_text(contributions: Sequence[float]) -> str:
    """What the parts contribute to one score, in their order: `+0.310 +0.120 −0.052`."""
    return EN_SPACE.join(f"{value:+.3f}".replace("-", "−") for value in contributions)
