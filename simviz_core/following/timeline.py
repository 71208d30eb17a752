"""How a query is seen by the checkpoints of a run, and what changes from one to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simviz_core.decomposition import DecomposedImage, map_entropy, vector_map
from simviz_core.errors import GalleryError
from simviz_core.map_measures import jensen_shannon_divergence, pearson_correlation
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    AllowedRows,
    GalleryIndex,
    Ranking,
    Vector,
    best_matches,
    choose,
    most_similar,
    rank,
    whole_vector,
)

NEIGHBOURS = 10
"""Nearest neighbours whose change is counted."""
QUERIES_AT_ONCE = 256
"""Queries whose neighbours are found in one product."""
IMAGES_AT_ONCE = 8
"""Images that enter the network together."""


@dataclass(frozen=True)
class QuerySnapshot:
    """A query as one checkpoint sees it.

    Attributes:
        ranking: Its best matches.
        neighbours: Ids of its nearest neighbours, nearest first.
        map: What its cells contribute to `similarity`, (H, W).
        similarity: With what the map is drawn for: the other image of a pair, on average the
            other images of its class, or its nearest neighbour.
        residual: |sum of the map + bias − similarity|, computed each time.
        entropy: Of the map, 0 (one cell carries all) to 1 (all carry the same); None where the map
            is zero everywhere.
    """

    ranking: Ranking
    neighbours: tuple[str, ...]
    map: NDArray[np.float32]
    similarity: float
    residual: float
    entropy: float | None


@dataclass(frozen=True)
class Change:
    """What changed for a query from one checkpoint to the next.

    Attributes:
        pearson: Correlation of the two maps, −1..1; None where one of them is the same everywhere,
            or their grids differ.
        jensen_shannon: Divergence of the two maps as distributions over the cells, in bits, 0..1;
            None where one of them is zero everywhere, or their grids differ.
        neighbour_overlap: Share of the nearest neighbours that stayed among them, 0..1; None where
            there are none.
    """

    pearson: float | None
    jensen_shannon: float | None
    neighbour_overlap: float | None


def held_out_rows(index: GalleryIndex, held_out: Sequence[str]) -> AllowedRows:
    """The images of classes that no training saw.

    Args:
        index: The gallery.
        held_out: The classes that a run names; those that the gallery lacks are passed over.

    Returns:
        (N,); all True where the gallery has none of the classes.
    """
    known = [label for label in held_out if label in index.place]
    return choose(index, known or None)


def reference_vector(
    index: GalleryIndex, unit: Vector, label: str | None, own_id: str | None, allowed: AllowedRows
) -> Vector:
    """What a query's map is drawn for, where no other image was chosen.

    Args:
        index: The gallery.
        unit: The query's unit embedding, (D,).
        label: Its class; None where it has none.
        own_id: Its id in the gallery, so that it is not compared with itself.
        allowed: Which images may be found, (N,).

    Returns:
        The mean unit embedding of the other images of its class, whose product with the query is
        their mean similarity; where there are none, the nearest neighbour's unit embedding. (D,).

    Raises:
        GalleryError: No image may be found.

    Source: the paper's section 4.4, divided by the number of images.
    """
    rows = index.class_of == index.place.get(label or "", -2)
    if own_id in index.row:
        rows[index.row[own_id]] = False
    if rows.any():
        return index.matrix[rows].mean(0)
    nearest = most_similar(index, unit, 1, allowed)
    if not nearest:
        raise GalleryError("no image of the gallery is left to be found")
    return index.matrix[index.row[nearest[0].image.id]]


def take_snapshot(
    index: GalleryIndex, query: DecomposedImage, vector: Vector, count: int, allowed: AllowedRows
) -> QuerySnapshot:
    """Look at a query with one checkpoint.

    Args:
        index: The gallery, embedded by the checkpoint.
        query: One image, decomposed by the checkpoint.
        vector: What the query's map is drawn for, (D,): `reference_vector`, or `whole_vector` of
            the other image of a pair.
        count: How many matches.
        allowed: Which images may be found, (N,).

    Returns:
        The query as the checkpoint sees it.
    """
    found = rank(index, query, None, max(count, NEIGHBOURS), allowed)
    direction = torch.tensor(vector).to(query.contributions)
    values = vector_map(query, direction)
    similarity = float(query.unit_embedding @ direction)
    bias = float(query.constant @ direction / query.norm)
    return QuerySnapshot(
        ranking=replace(
            found, matches=found.matches[:count], similarities=found.similarities[:count]
        ),
        neighbours=tuple(match.image.id for match in found.matches[:NEIGHBOURS]),
        map=values.numpy(force=True),
        similarity=similarity,
        residual=abs(float(values.sum(dtype=torch.float64)) + bias - similarity),
        entropy=_number(map_entropy(values, relative=True)),
    )


def changes(snapshots: Sequence[QuerySnapshot]) -> list[Change]:
    """What changed from each snapshot of a query to the next: of M snapshots, M − 1 changes."""
    return [change(before, after) for before, after in pairwise(snapshots)]


def change(before: QuerySnapshot, after: QuerySnapshot) -> Change:
    """What changed between two snapshots of one query."""
    return Change(
        *map_changes(before.map, after.map), neighbour_overlap(before.neighbours, after.neighbours)
    )


def map_changes(
    before: NDArray[np.float32], after: NDArray[np.float32]
) -> tuple[float | None, float | None]:
    """Pearson's r and the Jensen-Shannon divergence of two maps; None as in `Change`."""
    if before.shape != after.shape:
        return None, None
    return pearson_correlation(before, after), jensen_shannon_divergence(before, after)


def neighbour_overlap(before: Sequence[str], after: Sequence[str]) -> float | None:
    """The share of the ids that are in both of two lists of one length; None for empty lists."""
    return len(set(before) & set(after)) / len(before) if before else None


def neighbours(
    index: GalleryIndex, rows: NDArray[np.int64], allowed: AllowedRows
) -> list[tuple[str, ...]]:
    """The nearest neighbours of many images.

    Args:
        index: The gallery, N images.
        rows: Of the queries, (Q,).
        allowed: Which images may be found, (N,); a query never finds itself.

    Returns:
        Their ids, nearest first, for each query: the same that `see` finds.
    """
    found = []
    for start in range(0, len(rows), QUERIES_AT_ONCE):
        part = rows[start : start + QUERIES_AT_ONCE]
        for row, scores in zip(part, index.matrix[part] @ index.matrix.T, strict=True):
            others = allowed.copy()
            others[row] = False
            matches = best_matches(index, scores, NEIGHBOURS, others)
            found.append(tuple(match.image.id for match in matches))
    return found


def reference_maps(
    network: SimilarityNetwork,
    index: GalleryIndex,
    rows: NDArray[np.int64],
    allowed: AllowedRows,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[NDArray[np.float32]]:
    """The maps of many images, each drawn for its `reference_vector`.

    Args:
        network: The checkpoint's.
        index: The gallery, embedded by the checkpoint.
        rows: Of the images, (Q,).
        allowed: Which images may be found, (N,).
        on_progress: Called with the number of images that are done; what it raises ends the work.

    Returns:
        Q maps, (H, W) each: the same that `see` makes.

    Raises:
        ImageError: A file cannot be read any more.
        GalleryError: No image may be found.
    """
    maps: list[NDArray[np.float32]] = []
    for start in range(0, len(rows), IMAGES_AT_ONCE):
        images = [index.images[row] for row in rows[start : start + IMAGES_AT_ONCE]]
        batch = network.decompose([image.load().pixels for image in images])
        vectors = [
            reference_vector(
                index, whole_vector(batch[place]), image.label, image.id, _without(allowed, row)
            )
            for place, (image, row) in enumerate(zip(images, rows[start:], strict=False))
        ]
        found = vector_map(batch, torch.from_numpy(np.stack(vectors)).to(batch.contributions))
        maps += list(found.numpy(force=True))
        on_progress(len(maps))
    return maps


def _without(allowed: AllowedRows, row: int) -> AllowedRows:
    others = allowed.copy()
    others[row] = False
    return others


def _number(value: Tensor) -> float | None:
    return None if value.isnan() else float(value)
