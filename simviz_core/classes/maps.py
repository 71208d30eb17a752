"""What makes a class a class: maps of an image with a whole class, and with one against another.

All of it follows from one vector for each class, the sum of the unit embeddings of its images.
Similarity maps are linear in the embedding that an image is compared with, so the sum of an
image's maps with all the images of a class is its map with the sum of their embeddings: one
product, whether the class has five images or five thousand. An image of the class is compared
with the *other* ones: its own embedding is subtracted from the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.decomposition import DecomposedImage, vector_bias, vector_map
from simviz_core.errors import GalleryError
from simviz_core.gallery import GalleryImage
from simviz_core.retrieval import GalleryIndex, RelativeTo, mean_reference

NO_CLASSES = "the gallery has no classes; put the images of each class into a folder of its own"


@dataclass(frozen=True, eq=False)
class ClassSums:
    """What is kept of each class of an index, L of them, in the order of `index.classes`.

    Attributes:
        index: The gallery's embeddings.
        vectors: Σ ê over the images of each class, (L, D), float64.
        sizes: The images of each class, (L,).
        squares: Σ |ê|² over the images of each class, (L,), float64: their number, save for
            embeddings of zero.
    """

    index: GalleryIndex
    vectors: NDArray[np.float64]
    sizes: NDArray[np.int64]
    squares: NDArray[np.float64]

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """The mean unit embedding of each class, (L, D); not itself of length 1."""
        return self.vectors / self.sizes[:, None]

    def place(self, label: str) -> int:
        """The place of a class in the order.

        Raises:
            GalleryError: There is no such class, or none at all.
        """
        if not self.sizes.size:
            raise GalleryError(NO_CLASSES)
        if label not in self.index.place:
            raise GalleryError(f"the gallery has no class {label!r}")
        return self.index.place[label]

    def places(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """The places of several classes, (K,).

        Raises:
            GalleryError: There is no such class, or none at all.
        """
        return np.array([self.place(label) for label in labels], dtype=np.int64)


@dataclass(frozen=True)
class ClassReference:
    """The images of a class, or of the gallery, that an image is compared with.

    Attributes:
        label: The class; of the gallery what it is, in words.
        count: How many images, at least one.
        total: The sum of their unit embeddings, (D,), float64.
        is_gallery: Whether they are all images of the gallery.
    """

    label: str
    count: int
    total: NDArray[np.float64]
    is_gallery: bool = False

    @property
    def choice(self) -> RelativeTo:
        """What maps are relative to where this is subtracted."""
        return RelativeTo("mean") if self.is_gallery else RelativeTo("class", self.label)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Their mean unit embedding, (D,)."""
        return self.total / self.count


@dataclass(frozen=True)
class ClassMap:
    """An image's class similarity map: the sum of its maps with the (other) images of a class.

    Attributes:
        label: The class.
        count: How many images the map is summed over.
        values: Σ_j M_i|j, (H, W), float32, signed.
        bias: What belongs to no cell; `values.sum() + bias` is `similarity_sum`.
        similarity_sum: Σ_j s(i, j), from the embeddings alone.
        residual: |sum of the map + bias − similarity_sum|.
    """

    label: str
    count: int
    values: NDArray[np.float32]
    bias: float
    similarity_sum: float
    residual: float

    @property
    def typicality(self) -> float:
        """The mean similarity of the image to the (other) images of the class, −1..1."""
        return self.similarity_sum / self.count

    @property
    def mean_values(self) -> NDArray[np.float32]:
        """The map divided by `count`, (H, W): of classes of any size on one scale."""
        return (self.values / self.count).astype(np.float32)


@dataclass(frozen=True)
class ContrastMap:
    """Why an image is closer to one class than to another, or to the gallery, cell by cell.

    Attributes:
        label: The class that positive cells speak for.
        other: What negative cells speak for: a class, or the gallery's average in words.
        relative_to: The same as it is chosen: the class map is relative to it.
        values: The mean of the image's maps with the (other) images of `label`, minus the mean of
            its maps with the images of `other`, (H, W), float32, signed.
        bias: What belongs to no cell; `values.sum() + bias` is `difference`.
        difference: Mean similarity to the one minus mean similarity to the other, −2..2.
        reference_similarity: The latter, −1..1.
        residual: |sum of the map + bias − difference|.
    """

    label: str
    other: str
    relative_to: RelativeTo
    values: NDArray[np.float32]
    bias: float
    difference: float
    reference_similarity: float
    residual: float


def class_sums(index: GalleryIndex) -> ClassSums:
    """Add up the embeddings of each class: the one pass over the gallery that class maps need.

    Args:
        index: The gallery's embeddings; images without a class are passed over.
    """
    count, dimension = len(index.classes), index.matrix.shape[1]
    sums = ClassSums(
        index,
        np.zeros((count, dimension)),
        np.zeros(count, dtype=np.int64),
        np.zeros(count),
    )
    order = np.argsort(index.class_of, kind="stable")
    starts = np.searchsorted(index.class_of[order], np.arange(count + 1))
    for place in range(count):
        rows = index.matrix[order[starts[place] : starts[place + 1]]].astype(np.float64)
        sums.vectors[place] = rows.sum(0)
        sums.sizes[place] = len(rows)
        sums.squares[place] = (rows * rows).sum()
    return sums


def class_reference(sums: ClassSums, label: str, without: str | None = None) -> ClassReference:
    """The images of a class that an image is compared with.

    Args:
        sums: Of the gallery.
        label: The class.
        without: The image's own id; it is left out where it is of this class.

    Raises:
        GalleryError: There is no such class, or no image of it is left.
    """
    place = sums.place(label)
    total, count = sums.vectors[place], int(sums.sizes[place])
    row = sums.index.row.get(without or "")
    if row is not None and sums.index.class_of[row] == place:
        total, count = total - sums.index.matrix[row], count - 1
    if count == 0:
        raise GalleryError(
            f"the class {label!r} has no other image to compare {without} with; "
            "a class map needs a class of two images"
        )
    return ClassReference(label, count, total)


def gallery_average(sums: ClassSums) -> ClassReference:
    """All images of the gallery, those without a class and the image itself among them."""
    mean = mean_reference(sums.index)
    assert mean.vector is not None
    total = mean.vector.astype(np.float64) * mean.count
    return ClassReference(mean.description, mean.count, total, is_gallery=True)


def class_map_of(image: DecomposedImage, reference: ClassReference) -> ClassMap:
    """The class similarity map of an image.

    Args:
        image: One image, contributions (H, W, D).
        reference: The images of the class, without the image itself.

    Returns:
        The sum of the image's maps with them, and the check that it adds up.

    Source: the paper's section 4.4 and Figure 8.
    """
    values, bias, similarity, residual = _split(image, reference.total)
    return ClassMap(reference.label, reference.count, values, bias, similarity, residual)


def class_contrast(
    image: DecomposedImage, reference: ClassReference, other: ClassReference
) -> ContrastMap:
    """Why an image is closer to one class than to another, or than to the gallery on average.

    Means are subtracted, not sums, so that a large class does not outweigh a small one.

    Args:
        image: One image, contributions (H, W, D).
        reference: The images of the one class, without the image itself.
        other: The images of the other class, without the image itself, or `gallery_average`.

    Returns:
        The mean map with the one minus the mean map with the other, and its check.
    """
    values, bias, difference, residual = _split(image, reference.mean - other.mean)
    subtracted = float(image.unit_embedding.numpy(force=True).astype(np.float64) @ other.mean)
    return ContrastMap(
        reference.label, other.label, other.choice, values, bias, difference, subtracted, residual
    )


def most_typical(sums: ClassSums, label: str) -> list[tuple[GalleryImage, float | None]]:
    """The images of a class, each with its typicality.

    Returns:
        From the most to the least typical, equal ones in the gallery's order; the typicality of
        an image that is alone in its class is None.

    Raises:
        GalleryError: There is no such class.
    """
    place = sums.place(label)
    rows = np.flatnonzero(sums.index.class_of == place)
    if len(rows) == 1:
        return [(sums.index.images[rows[0]], None)]
    embeddings = sums.index.matrix[rows].astype(np.float64)
    total = embeddings @ sums.vectors[place] - (embeddings * embeddings).sum(1)
    means = total / (len(rows) - 1)
    best = np.argsort(-means, kind="stable")
    return [(sums.index.images[rows[row]], float(means[row])) for row in best]


def _split(
    image: DecomposedImage, vector: NDArray[np.float64]
) -> tuple[NDArray[np.float32], float, float, float]:
    """The product of ê with a vector: its map, its bias, the product itself, the residual."""
    direction = torch.from_numpy(vector).to(image.contributions)
    values = vector_map(image, direction).numpy(force=True)
    bias = vector_bias(image, direction).item()
    product = float(image.unit_embedding.numpy(force=True).astype(np.float64) @ vector)
    residual = abs(float(values.sum(dtype=np.float64)) + bias - product)
    return values, bias, product, residual
