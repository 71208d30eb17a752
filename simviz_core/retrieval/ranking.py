"""Search a gallery: rank its images by their product with one vector.

The whole image and a drawn region are searched alike. A region's score is q_R · ê_j, one product
with the vector that `region_vector` makes; no map of any gallery image is needed.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from simviz_core.decomposition import DecomposedImage, region_embedding
from simviz_core.errors import GalleryError, StoreError
from simviz_core.gallery import (
    NO_CONDITIONS,
    Column,
    Conditions,
    Gallery,
    GalleryImage,
    column_named,
    columns_of,
)
from simviz_core.networks.fine_regions import FineImage
from simviz_core.retrieval.coverage import Coverage
from simviz_core.retrieval.scanning import (
    AllowedRows,
    FoundBy,
    NeighbourScan,
    ProductScan,
    Rows,
    Scan,
    Vector,
    approximate_index,
    read_scan,
)
from simviz_core.retrieval.storing.table import EmbeddingTable

WHOLE = 1 - 1e-9
"""Cells that are covered by more than this are covered wholly; the rest is rounding."""


@dataclass(frozen=True)
class Match:
    """An image that was found.

    Attributes:
        image: The image.
        score: The similarity to the query; or what the query's region contributes to it.
    """

    image: GalleryImage
    score: float


@dataclass(frozen=True, eq=False)
class GalleryIndex:
    """The embeddings of a gallery, ready to be searched; equal only to itself.

    Attributes:
        images: The images that have an embedding, N of them, in the gallery's order.
        matrix: Their unit embeddings ê, (N, D), float32, contiguous, read-only; on disk, where
            they are scanned by something smaller.
        lacking: The images of the gallery that have none: not indexed yet, or not readable.
        reading: What is to be said of how the gallery was read, see `Gallery.reading`.
        scanned_by: What finds the rows that are most similar to a vector; None multiplies them all.
        approximate: What finds most of them for `search_with`; None where all are to be found.
    """

    images: tuple[GalleryImage, ...]
    matrix: NDArray[np.float32]
    lacking: tuple[GalleryImage, ...] = ()
    reading: tuple[str, ...] = ()
    scanned_by: Scan | None = None
    approximate: NeighbourScan | None = None

    @cached_property
    def coverage(self) -> Coverage:
        """How much of the gallery this is, which every figure of it says."""
        count = len(self.images)
        ranges = self.images[0].value_ranges
        return Coverage(count, count + len(self.lacking), ranges, self.reading)

    @cached_property
    def row(self) -> dict[str, int]:
        """The row of each image's id."""
        return {image.id: row for row, image in enumerate(self.images)}

    def image(self, image_id: str) -> GalleryImage | None:
        """The image of an id, whether it has an embedding or not; None where there is none."""
        if image_id in self.row:
            return self.images[self.row[image_id]]
        return next((image for image in self.lacking if image.id == image_id), None)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of their first images."""
        labels = (image.label for image in self.images)
        return tuple(dict.fromkeys(label for label in labels if label is not None))

    @cached_property
    def class_of(self) -> NDArray[np.int64]:
        """The place of each image's class among `classes`, (N,); −1 for images without one."""
        return np.array(
            [self.place.get(image.label or "", -1) for image in self.images], dtype=np.int64
        )

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns of the gallery's manifest, for the N images."""
        return columns_of([image.columns for image in self.images])

    @cached_property
    def scan(self) -> Scan:
        """What finds the rows that are most similar to a vector."""
        return self.scanned_by or ProductScan(self.matrix)

    def scores(self, vector: Vector) -> Vector:
        """The product of every unit embedding with a vector; `most_similar` needs less time.

        Args:
            vector: (D,), float32: a unit embedding, or the vector of a region.

        Returns:
            (N,), float32.
        """
        return self.matrix @ vector

    def part(self, rows: AllowedRows) -> "GalleryIndex":
        """The index of some of the images; itself, where they are all of them.

        Args:
            rows: True for those that stay, (N,).

        Returns:
            Their index; what it lacks are the images of the same classes.
        """
        if rows.all():
            return self
        images = tuple(self.images[row] for row in np.flatnonzero(rows))
        labels = {image.label for image in images}
        lacking = tuple(image for image in self.lacking if image.label in labels)
        return GalleryIndex(images, self.matrix[rows], lacking, self.reading)

    @cached_property
    def place(self) -> dict[str, int]:
        """The place of each class among `classes`."""
        return {label: number for number, label in enumerate(self.classes)}


def is_hit(label: str | None, image: GalleryImage) -> bool | None:
    """Whether an image that was found is of the query's class.

    Args:
        label: The query's class.
        image: The image that was found.

    Returns:
        None where either has no class.
    """
    return image.label == label if label and image.label else None


def load_index(gallery: Gallery, table: EmbeddingTable, approximate: bool = False) -> GalleryIndex:
    """Read a gallery's embeddings into memory.

    Args:
        gallery: The gallery.
        table: Its table; rows of images that are no longer in the gallery are passed over.
        approximate: Search by the table's approximate index where it can answer, and hold nothing
            in memory for the rest.

    Returns:
        The index of those images of the gallery that the table has, and has undamaged. Damaged
        embeddings are taken out of the table, so that they are made anew with what is new.

    Raises:
        StoreError: The table is damaged, or has no approximate index where one is asked for.
        GalleryError: The table has no image of the gallery.
    """
    kept = approximate_index(table) if approximate else None
    if approximate and not (kept and kept.is_current):
        raise StoreError(
            f"the gallery {gallery.source.name!r} has no approximate index with this network"
            f"{', but one of an earlier state of its embeddings' if kept else ''}; make it with "
            "`python -m simviz_core index … --approximate`, or search exactly"
        )
    images = indexed_images(gallery, table)
    scan, damaged = read_scan(table, [image.id for image in images], approximate)
    if damaged:
        gone = set(damaged)
        with suppress(StoreError), table.locked():  # whoever is indexing finds them, too
            table.remove(damaged)
        images = tuple(image for image in images if image.id not in gone)
        if not images:
            raise StoreError("all stored embeddings are damaged; index the gallery again")
        scan, _ = read_scan(table, [image.id for image in images])
    ids = [image.id for image in images]
    present = set(ids)
    lacking = tuple(image for image in gallery.images if image.id not in present)
    index = GalleryIndex(images, scan.matrix, lacking, gallery.reading, scan)
    if kept is None or damaged:
        return index
    return replace(index, approximate=NeighbourScan(scan, table, ids, kept.recall))


def indexed_images(gallery: Gallery, table: EmbeddingTable) -> tuple[GalleryImage, ...]:
    """The images of a gallery that a table has an embedding of.

    Raises:
        StoreError: The table is damaged.
        GalleryError: There are none.
    """
    readable = {image_id for image_id, row in table.images().items() if row.error is None}
    images = tuple(image for image in gallery.images if image.id in readable)
    if not images:
        raise GalleryError(f"the gallery {gallery.source.name!r} has not been indexed yet")
    return images


def whole_vector(query: DecomposedImage) -> Vector:
    """The vector that ranks by similarity: the query's unit embedding ê, (D,)."""
    return _as_vector(query.unit_embedding)


def region_vector(query: DecomposedImage, weights: Tensor) -> Vector:
    """The vector that ranks by what a region of the query contributes.

    Args:
        query: One image, contributions (H, W, D).
        weights: Share of each cell that the region covers, (H, W), 0..1.

    Returns:
        q_R, (D,), float32. Of the whole image it is ê without the bias term, to the last bit, so
        that it ranks exactly as `whole_vector` does where there is no bias.
    """
    if bool((weights >= WHOLE).all()):
        return _as_vector(query.unit_embedding - query.constant / query.norm)
    return _as_vector(region_embedding(query, weights))


def fine_region_vector(image: FineImage, weights: Callable[[tuple[int, int]], Tensor]) -> Vector:
    """The vector that ranks by what a region contributes, from finer cells of an earlier layer.

    Args:
        image: The query, run through a network that offers fine regions.
        weights: The share of each cell that the region covers, for a grid of any size.

    Returns:
        (D,), float32; with that of the complement it adds up to ê, gates as they are.
    """
    return _as_vector(image.vector(weights))


def choose(
    index: GalleryIndex,
    classes: Sequence[str] | None = None,
    without_image: str | None = None,
    without_class: str | None = None,
    conditions: Conditions = NO_CONDITIONS,
    query: GalleryImage | None = None,
    vector: Vector | None = None,
) -> AllowedRows:
    """Which images of an index a search may find.

    Args:
        index: The index.
        classes: Only images of these; None takes all images.
        without_image: An id to leave out, such as the query's own.
        without_class: A class to leave out.
        conditions: On the columns of the gallery's manifest.
        query: The query in the gallery, whose equals `conditions` may leave out; None, or a query
            without a value in a column, is equal to nothing.
        vector: The unit embedding of a query that is not in the index, (D,), whose copies
            `conditions` may leave out; the query itself is no copy.

    Returns:
        (N,), True for each that may be found.

    Raises:
        GalleryError: There is no such class.
        SettingsError: There is no such column, or a value is none that it can hold.
    """
    place = index.place
    unknown = [label for label in classes or () if label not in place]
    if unknown:
        raise GalleryError(f"the gallery has no class {unknown[0]!r}")
    allowed = np.ones(len(index.images), dtype=bool)
    if classes is not None:
        allowed = np.isin(index.class_of, [place[label] for label in classes])
    if without_image in index.row:
        allowed[index.row[without_image]] = False
    if without_class in place:
        allowed &= index.class_of != place[without_class]
    if conditions:
        allowed &= conditions.found_rows(index.columns, len(index.images))
    for name in conditions.leave_out_equal:
        column = column_named(index.columns, name)
        allowed &= ~column.rows_equal_to(query.columns.get(name) if query else None)
    if conditions.leave_out_copies is not None:
        own = index.row.get(query.id) if query else None
        vector = vector if own is None else index.matrix[own]
        if vector is not None:
            is_copy = index.scan.rows_from(vector, conditions.leave_out_copies)
            if own is not None:
                is_copy[own] = False
            allowed &= ~is_copy
    return allowed


def best_matches(
    index: GalleryIndex, scores: Vector, count: int, allowed: AllowedRows
) -> list[Match]:
    """The images with the highest scores.

    Args:
        index: The index.
        scores: One for each image, (N,).
        count: How many to return, at most.
        allowed: Which images may be found, (N,).

    Returns:
        The matches, best first; equal scores in the gallery's order.
    """
    scores = scores if allowed.all() else np.where(allowed, scores, -np.inf)
    count = min(count, int(allowed.sum()))
    if count == 0:
        return []
    least = -np.partition(-scores, count - 1)[count - 1]
    rows = np.flatnonzero((scores >= least) & allowed)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:count]
    return [Match(index.images[row], float(scores[row])) for row in rows]


def most_similar(
    index: GalleryIndex, vector: Vector, count: int, allowed: AllowedRows, per_class: bool = False
) -> list[Match]:
    """The images that are most similar to a vector, or the best image of each class.

    Args:
        index: The index.
        vector: (D,), float32: a unit embedding, or the vector of a region.
        count: How many to return, at most.
        allowed: Which images may be found, (N,).
        per_class: One image of each class; those without a class are never found.

    Returns:
        The matches, best first; equal scores in the gallery's order.

    Source: of one image of each class, the paper's figure 9.
    """
    if per_class:
        rows, scores = index.scan.best_of_each(vector, index.class_of, allowed)
    else:
        rows, scores = index.scan.best(vector, count, allowed)
    return _as_matches(index, rows[:count], scores[:count])


def search_with(
    index: GalleryIndex,
    vector: Vector,
    count: int,
    allowed: AllowedRows,
    per_class: bool = False,
    unmeasured: str = "",
) -> tuple[list[Match], FoundBy]:
    """The same by the index's approximate index, where it has one that can answer.

    Args:
        index, vector, count, allowed, per_class: As of `most_similar`.
        unmeasured: Why a vector of this kind is searched exactly; "" for those that approximate
            indexes are measured with.

    Returns:
        The matches, and what found them.
    """
    note = "the best of each class needs all scores" if per_class else unmeasured
    if index.approximate is None or note:
        matches = most_similar(index, vector, count, allowed, per_class)
        return matches, FoundBy(index.scan.tier, note=note if index.approximate else "")
    rows, scores, found_by = index.approximate.best(vector, count, allowed)
    return _as_matches(index, rows, scores), found_by


def _as_matches(index: GalleryIndex, rows: Rows, scores: Vector) -> list[Match]:
    found = zip(rows.tolist(), scores.tolist(), strict=True)
    return [Match(index.images[row], score) for row, score in found]


def rival(
    index: GalleryIndex,
    vector: Vector,
    label: str | None,
    match: GalleryImage | None,
    allowed: AllowedRows,
) -> tuple[Match, int] | None:
    """The image that a match is set against, where nobody has chosen one.

    Args:
        index: The index.
        vector: Of the query, (D,).
        label: The query's class; None where it has none.
        match: The match; None where it is not of the gallery.
        allowed: Which images may be found, (N,).

    Returns:
        Against a match of another class the best one of the query's class; against one of the
        query's class the best of another; without classes the best one besides the match. With its
        rank among all that may be found, from 1. None where there is none.
    """
    wanted = allowed.copy()
    if match is not None and match.id in index.row:
        wanted[index.row[match.id]] = False
    if label in index.place and match is not None and match.label is not None:
        is_own = index.class_of == index.place[label]
        wanted &= is_own if match.label != label else ~is_own & (index.class_of >= 0)
    best = most_similar(index, vector, 1, wanted)
    if not best:
        return None
    return best[0], index.scan.place(vector, index.row[best[0].image.id], allowed)


def _as_vector(values: Tensor) -> Vector:
    return np.ascontiguousarray(values.numpy(force=True), dtype=np.float32)
