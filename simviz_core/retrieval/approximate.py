"""Adding an approximate index to a gallery's embeddings, and measuring what it finds."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from simviz_core.errors import ImageError, SettingsError, StoreError
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval.ranking import indexed_images, region_vector
from simviz_core.retrieval.regions import Region, weights_on
from simviz_core.retrieval.scanning import (
    Recall,
    Rows,
    Vector,
    approximate_index,
    choose_probes,
    read_scan,
)
from simviz_core.retrieval.storing.table import EmbeddingTable

FEWEST_APPROXIMATE = 50_000
"""Embeddings; fewer are searched exactly in less time than an approximate index takes."""
MEASURED_WITH = 100
"""Images, and a region of each, that an index is measured with."""

Stage = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much; 0 where that is not known."""


def add_approximate_index(
    gallery: Gallery,
    network: SimilarityNetwork,
    table: EmbeddingTable,
    on_progress: Stage = lambda stage, done, total: None,
) -> Recall:
    """Add an approximate index to a table, unless it has one of its present state.

    Args:
        gallery: The gallery.
        network: The network that the table's embeddings are of.
        table: Up to date with the gallery.
        on_progress: Told how far it has come.

    Returns:
        What the index was measured to find, with 100 images of the gallery drawn at random and, of
        each, the region within half its width and height at a random place.

    Raises:
        SettingsError: There are too few embeddings, or they lie in a bucket.
        StoreError: The index finds too little and is not kept; another process writes to the table,
            or it cannot be written.
        GalleryError: The table has no image of the gallery.
        ImageError: No image of the gallery can be read.
    """
    if (kept := approximate_index(table)) is not None and kept.is_current:
        return kept.recall
    if table.bucket is not None:
        raise SettingsError("an approximate index is for tables in a folder, not in a bucket")
    with table.locked():
        images = indexed_images(gallery, table)
        if len(images) < FEWEST_APPROXIMATE:
            raise SettingsError(
                f"an approximate index is for {FEWEST_APPROXIMATE:,} embeddings and more; the "
                f"{len(images):,} of this gallery are searched exactly in less time"
            )
        rows, regions = _asked(images, network, on_progress)
        on_progress("adding an approximate index", 0, 0)
        table.index_neighbours()
        on_progress("reading the embeddings", 0, 0)
        ids = [image.id for image in images]
        exact, damaged = read_scan(table, ids, from_disk=True)
        if damaged:
            raise StoreError(f"{len(damaged):,} embeddings are damaged; index the gallery again")
        return choose_probes(
            table,
            exact,
            ids,
            rows,
            regions,
            lambda done, total: on_progress("measuring what it finds", done, total),
        )


def _asked(
    images: Sequence[GalleryImage], network: SimilarityNetwork, on_progress: Stage
) -> tuple[Rows, list[Vector]]:
    """Images to measure with, as places among all, and the vector of a region of each."""
    chance = np.random.default_rng(0)
    rows: list[int] = []
    regions: list[Vector] = []
    for row in chance.permutation(len(images)).tolist():
        corner = chance.uniform(0, 0.5, 2)
        with suppress(ImageError):  # a file that is gone by now
            vector = _region_of(images[row], corner.tolist(), network)
            if vector.any():
                rows, regions = [*rows, row], [*regions, vector]
                on_progress("asking the network for regions", len(rows), MEASURED_WITH)
        if len(rows) == MEASURED_WITH:
            break
    if not rows:
        raise ImageError("no image of the gallery can be read, which an index is measured with")
    return np.array(rows), regions


def _region_of(image: GalleryImage, corner: list[float], network: SimilarityNetwork) -> Vector:
    """The vector of the region of half an image's width and height from a corner, in shares."""
    loaded = image.load()
    left, top = corner[0] * loaded.width, corner[1] * loaded.height
    region = Region(((left, top, left + loaded.width / 2, top + loaded.height / 2),))
    query = network.decompose([loaded.pixels])[0]
    return region_vector(
        query, weights_on(region, loaded, query.grid, network.frame(loaded.pixels))
    )
