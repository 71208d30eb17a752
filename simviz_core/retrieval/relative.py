"""What maps are relative to: the choice as it is written, and the vector that is subtracted.

A reference is chosen once for a query and holds for all of its matches; only `self` depends on the
match. Subtracting it changes what the colours mean, never the order of the matches: ê_i · r is one
number for all of them.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from simviz_core.decomposition import (
    DecomposedImage,
    reference_similarity,
    relative_bias,
    relative_map,
    self_reference,
)
from simviz_core.errors import SettingsError
from simviz_core.retrieval.ranking import GalleryIndex, Vector

Kind = Literal["nothing", "mean", "class", "image", "self"]
KINDS_IN_GALLERY = ("mean", "class")
"""What needs the embeddings of a gallery."""
SAME_RANKING = (
    "The ranking is that of the similarity itself: what is subtracted is one number for all "
    "matches of a query."
)


@dataclass(frozen=True)
class RelativeTo:
    """What maps are relative to, as it is chosen.

    Attributes:
        kind: Nothing (the similarity itself), the gallery's mean, a class, an image, or the map of
            the image with itself.
        name: The class's label, None for the query's own; or the image's path.
    """

    kind: Kind = "nothing"
    name: str | None = None

    @property
    def needs_gallery(self) -> bool:
        """Whether it takes the embeddings of a gallery."""
        return self.kind in KINDS_IN_GALLERY

    def __str__(self) -> str:
        """As `relative_to` reads it."""
        return self.kind if self.name is None else f"{self.kind}:{self.name}"


NOTHING = RelativeTo()


def relative_to(text: str) -> RelativeTo:
    """Read a choice: `nothing`, `mean`, `class`, `class:LABEL`, `image:PATH` or `self`.

    Raises:
        SettingsError: It is written otherwise.
    """
    kind, colon, name = text.partition(":")
    plain = kind in ("nothing", "mean", "class", "self") and not colon
    named = kind in ("class", "image") and name
    if not plain and not named:
        raise SettingsError(
            f"{text!r} is nothing that maps can be relative to; write nothing, mean, class, "
            "class:LABEL, image:PATH or self"
        )
    return RelativeTo(cast(Kind, kind), name or None)


@dataclass(frozen=True, eq=False)
class Reference:
    """What is subtracted from the match's unit embedding.

    Attributes:
        choice: As it was chosen; never `nothing`.
        description: What it is, in words: "the mean of the gallery's 288 images".
        vector: r, (D,), float32; None for `self`, which depends on the match.
        count: How many images it is the mean of; 0 for `self`.
    """

    choice: RelativeTo
    description: str
    vector: Vector | None = None
    count: int = 0

    def for_map(self, image: DecomposedImage, vector: Tensor) -> Tensor:
        """r for one map, (D,), on the device and of the width of the image's contributions.

        Args:
            image: The image that the map lies on.
            vector: What its map is drawn for, (D,).
        """
        if self.vector is None:
            return self_reference(image, vector)
        # A copy, since the rows of an index are read-only.
        return torch.from_numpy(np.array(self.vector)).to(image.contributions)

    @property
    def sentence(self) -> str:
        """What the colours mean now, in one sentence."""
        if self.vector is None:
            return (
                "Red cells do more for this match than for the image itself, blue ones less; all "
                "cells together add up to 0 for every pair, so they say where, not how much. With "
                "average pooling Grad-CAM of the cosine shows the positive ones alone."
            )
        return (
            f"Red cells make the other image more similar than {self.description}, blue ones speak "
            "for the latter; the cells add up to the difference of the two similarities."
        )


@dataclass(frozen=True)
class RelativeMap:
    """A map of one image relative to a reference, and the check that it adds up.

    Attributes:
        values: What each cell contributes to the difference, (H, W), float32, signed.
        bias: What belongs to no cell; `values.sum() + bias` is `difference`.
        reference_similarity: ê_i · r, what is subtracted from the similarity.
        difference: The similarity minus that.
        residual: |sum of the map + bias − difference|.
    """

    values: np.ndarray
    bias: float
    reference_similarity: float
    difference: float
    residual: float

    def as_json(self) -> dict[str, Any]:
        """As JSON-ready values; the map as a list of rows."""
        return {
            "map": self.values.tolist(),
            "bias": self.bias,
            "reference_similarity": self.reference_similarity,
            "difference": self.difference,
            "residual": self.residual,
        }

    def check(self) -> str:
        """The check that the map adds up to the difference, in one line."""
        bias = f" + bias {self.bias:.4f}" if self.bias else ""
        total = float(self.values.sum(dtype=np.float64))
        return (
            f"map sum {total:.4f}{bias} · difference {self.difference:.4f} = similarity "
            f"{self.difference + self.reference_similarity:.4f} − {self.reference_similarity:.4f} "
            f"· residual {self.residual:.0e}"
        )


def mean_reference(index: GalleryIndex) -> Reference:
    """The mean unit embedding of a gallery: what is similar to this image anyway."""
    count = len(index.images)
    mean = index.matrix.mean(0, dtype=np.float64).astype(np.float32)
    description = f"the average of the gallery's {count:,} images"
    return Reference(RelativeTo("mean"), description, mean, count)


def class_reference_vector(
    index: GalleryIndex, label: str, without: str | None = None, is_own: bool = False
) -> Reference:
    """The mean unit embedding of a class.

    Args:
        index: The gallery's embeddings.
        label: The class.
        without: An image's id to leave out, such as the query's own.
        is_own: Whether the class was asked for as the query's own.

    Raises:
        SettingsError: There is no such class, or no image of it is left.
    """
    if label not in index.place:
        raise SettingsError(f"the gallery has no class {label!r}")
    rows = index.class_of == index.place[label]
    row = index.row.get(without or "")
    others = ""
    if row is not None and rows[row]:
        rows[row] = False
        others = "other "
    count = int(rows.sum())
    if not count:
        raise SettingsError(
            f"the class {label!r} has no other image that maps could be relative to"
        )
    images = "image" if count == 1 else "images"
    return Reference(
        RelativeTo("class", None if is_own else label),
        f"the average of the {count:,} {others}{images} of {label}",
        index.matrix[rows].mean(0, dtype=np.float64).astype(np.float32),
        count,
    )


def image_reference(image: DecomposedImage, path: str) -> Reference:
    """Another image's unit embedding: a contrast of two matches."""
    unit = np.ascontiguousarray(image.unit_embedding.numpy(force=True), dtype=np.float32)
    return Reference(RelativeTo("image", path), path, unit, 1)


SELF_REFERENCE = Reference(RelativeTo("self"), "the image itself, scaled to the match")
"""Grad-CAM's form of the cosine, its sign kept."""


def gallery_reference(
    choice: RelativeTo, index: GalleryIndex, query_id: str | None, query_label: str | None
) -> Reference:
    """The reference of a choice that takes a gallery.

    Args:
        choice: `mean` or `class`.
        index: The gallery's embeddings.
        query_id: The query's id in the gallery; None if it is not there.
        query_label: The query's class; None if it has none.

    Raises:
        SettingsError: The query's class is asked for and not known, or there is no such class.
    """
    if choice.kind == "mean":
        return mean_reference(index)
    label = choice.name if choice.name is not None else query_label
    if label is None:
        raise SettingsError(
            "the query has no class in the gallery that maps could be relative to; name one as "
            "class:LABEL"
        )
    return class_reference_vector(index, label, query_id, choice.name is None)


def relative_map_of(
    image: DecomposedImage,
    other: DecomposedImage,
    reference: Reference,
    weights: Tensor | None = None,
) -> RelativeMap:
    """The map of one image relative to a reference, checked.

    Args:
        image: The image that the map lies on.
        other: The image that it is compared with.
        reference: What is subtracted.
        weights: Share of each cell that a region covers, (H, W); None for all. The difference is
            then that of the region's scores, to which no bias belongs.
    """
    return relative_vector_map(image, other.unit_embedding, reference, weights)


def relative_vector_map(
    image: DecomposedImage, vector: Tensor, reference: Reference, weights: Tensor | None = None
) -> RelativeMap:
    """The map of one image for a vector, relative to a reference, checked.

    Args:
        image: The image that the map lies on.
        vector: What it is drawn for, (D,): another image's unit embedding, or a class's mean one.
        reference: What is subtracted.
        weights: As for `relative_map_of`.
    """
    r = reference.for_map(image, vector)
    values, bias = relative_map(image, vector, r), relative_bias(image, vector, r).item()
    whole, subtracted = reference_similarity(image, vector), reference_similarity(image, r)
    if weights is not None:
        part = torch.einsum("hw,hwd->d", weights.to(image.contributions), image.contributions)
        part = part / image.norm
        values, bias = values * weights.to(values), 0.0
        whole, subtracted = part @ vector, part @ r
    cells = values.numpy(force=True)
    difference = (whole - subtracted).item()
    return RelativeMap(
        values=cells,
        bias=bias,
        reference_similarity=subtracted.item(),
        difference=difference,
        residual=abs(float(cells.sum(dtype=np.float64)) + bias - difference),
    )
