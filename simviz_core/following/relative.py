"""A checkpoint's maps relative to a reference, which each checkpoint has of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import SettingsError
from simviz_core.images import LoadedImage
from simviz_core.retrieval import (
    NOTHING,
    SELF_REFERENCE,
    GalleryIndex,
    Reference,
    RelativeMap,
    RelativeMatchMaps,
    RelativeTo,
    Vector,
    gallery_reference,
    image_reference,
    relative_match_maps,
    relative_search_as_json,
    relative_vector_map,
)

MEASURED_NOTE = (
    "Entropy, the share on objects and what changed from one checkpoint to the next are measured "
    "on the maps of the similarity itself."
)
"""Beside everything that shows relative maps."""


@dataclass(frozen=True)
class FollowedReference:
    """What the maps of a followed query are relative to, at every checkpoint.

    Attributes:
        choice: The gallery's mean and classes are each checkpoint's own, from its index.
        picture: Of another image; None for every other choice.
    """

    choice: RelativeTo = NOTHING
    picture: LoadedImage | None = None


RELATIVE_TO_NOTHING = FollowedReference()


@dataclass(frozen=True)
class RelativeReport:
    """The maps of one checkpoint relative to a reference.

    Attributes:
        reference: What is subtracted, as the checkpoint sees it.
        query: The map that the query's similarity is drawn with, relative.
        maps: Of each match.
        pair: Of the query and the image that it is followed with, if there is one.
    """

    reference: Reference
    query: RelativeMap
    maps: tuple[RelativeMatchMaps, ...]
    pair: RelativeMatchMaps | None = None

    @property
    def residual(self) -> float:
        """The largest residual of the maps."""
        pairs = [*self.maps, *([self.pair] if self.pair else [])]
        both = [side for pair in pairs for side in (pair.query, pair.match) if side is not None]
        return max(found.residual for found in (self.query, *both))


def check_reference(choice: RelativeTo, label: str | None, is_pair: bool) -> None:
    """Refuse to take from the query's own map what it is drawn for.

    Args:
        choice: What the maps are to be relative to.
        label: The query's class; None where it has none.
        is_pair: Whether the query is followed with another image, and not with its class.

    Raises:
        SettingsError: The query's map is drawn for the class that is to be subtracted.
    """
    is_own = choice.kind == "class" and label is not None and choice.name in (None, label)
    if is_own and not is_pair:
        raise SettingsError(
            f"the query is followed with its class {label!r}, and relative to that class nothing "
            "would be left of its map; follow it with another image, or choose another reference"
        )


def reference_at(
    wanted: FollowedReference,
    index: GalleryIndex,
    query: tuple[str | None, str | None],
    other: DecomposedImage | None,
) -> Reference | None:
    """What is subtracted at one checkpoint; None for nothing.

    Args:
        wanted: What was chosen.
        index: The gallery, embedded by the checkpoint.
        query: The query's id and its class; None for what it does not have.
        other: The other image that maps are relative to, decomposed by the checkpoint.

    Raises:
        SettingsError: There is no such class, or no other image of it.
    """
    choice = wanted.choice
    if choice.kind == "nothing":
        return None
    if choice.kind == "self":
        return SELF_REFERENCE
    if other is not None:
        return image_reference(other, choice.name or "")
    return gallery_reference(choice, index, *query)


def relative_report(
    image: DecomposedImage,
    vector: Vector,
    reference: Reference,
    matches: Sequence[DecomposedImage],
    partner: DecomposedImage | None,
) -> RelativeReport:
    """The maps of one checkpoint relative to a reference.

    Args:
        image: The query.
        vector: What the query's map is drawn for, (D,).
        reference: What is subtracted.
        matches: Its best matches.
        partner: The image that it is followed with; None where it is followed with its class.
    """
    direction = torch.tensor(vector).to(image.contributions)
    return RelativeReport(
        reference,
        relative_vector_map(image, direction, reference),
        tuple(relative_match_maps(image, match, reference, None) for match in matches),
        None if partner is None else relative_match_maps(image, partner, reference, None),
    )


def relative_report_as_json(found: RelativeReport) -> dict[str, Any]:
    """Relative maps of a checkpoint as JSON-ready values.

    Returns:
        What `relative_search_as_json` has, `query` with the map that stands for `map` and its
        check, and `partner` with that of the image that the query is followed with, if any.
    """
    partner = found.pair.match if found.pair else None
    return {
        **relative_search_as_json(found.reference, found.maps, is_region=False),
        "measured": MEASURED_NOTE,
        "query": found.query.as_json(),
        **({"partner": partner.as_json()} if partner else {}),
    }
