"""The map of a gallery: its images in two dimensions, made once and kept with the index."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simviz_core.errors import ProjectionError
from simviz_core.files import write_atomically
from simviz_core.projection.layout import Progress, lay_out, method_of
from simviz_core.projection.neighbours import NeighboursKept, neighbours_kept
from simviz_core.retrieval import EmbeddingTable, GalleryIndex
from simviz_core.retrieval.storing.integrity import checksums

ABOUT = b"simviz_map"
"""Under this name the file says what it was made from."""


@dataclass(frozen=True, eq=False)
class GalleryMap:
    """Where the images of an index lie on a map.

    Attributes:
        points: (N, 2), float32, in the order of the index. Only who is near to whom means
            something: no distance, direction or size of a cluster does.
        method: How they were laid out.
        seed: Of what was drawn for it.
        kept: How many of the nearest neighbours are still neighbours on the map.
    """

    points: NDArray[np.float32]
    method: str
    seed: int
    kept: NeighboursKept

    @property
    def caution(self) -> str:
        """What a reader of the map has to know, with the number measured of it, in sentences."""
        return (
            f"Neighbourhoods are approximate: of the {self.kept.count} most similar images of an "
            f"image {self.kept.share:.0%} are among its {self.kept.count} nearest on the map "
            f"(a map at random: {self.kept.chance:.2%}), measured on {self.kept.asked:,} images. "
            "Distances, directions and the sizes of clusters are not to be read."
        )


def make_map(
    index: GalleryIndex,
    seed: int = 0,
    on_progress: Progress = lambda done, total, step: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> GalleryMap:
    """Lay the images of an index out.

    Args:
        index: At least two images.
        seed: Of what is drawn for it.
        on_progress: Called with the steps done, the steps in all, and what is being done.
        is_cancelled: Asked several times a second.

    Raises:
        ProjectionError: There are fewer than two images, or the library failed.
        Cancelled: `is_cancelled` said so.
    """
    if len(index.images) < 2:
        raise ProjectionError("a map needs two images; the gallery has one that can be read")
    method = method_of(len(index.images))
    points = lay_out(index.matrix, seed, on_progress, is_cancelled)
    return GalleryMap(points, method, seed, neighbours_kept(index.matrix, points))


def content_of(index: GalleryIndex) -> str:
    """A digest of the images' ids and embeddings, which changes with any of them."""
    digest = hashlib.sha256()
    digest.update("\0".join(image.id for image in index.images).encode("utf-8", "surrogateescape"))
    digest.update(checksums(index.matrix).tobytes())
    return digest.hexdigest()


def save_map(found: GalleryMap, content: str, table: EmbeddingTable) -> None:
    """Keep a map beside the index.

    Args:
        found: The map.
        content: Of the index that it was made from, by `content_of`.
        table: Of the embeddings.

    Raises:
        OSError: The folder cannot be written.
    """
    about = {"content": content, "method": found.method, **asdict(found.kept)}
    columns = {"x": pa.array(found.points[:, 0]), "y": pa.array(found.points[:, 1])}
    rows = pa.table(columns).replace_schema_metadata({ABOUT: json.dumps(about)})
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer)
    write_atomically(_path(table, found.seed), buffer.getvalue().to_pybytes())


def read_map(
    index: GalleryIndex, content: str, table: EmbeddingTable, seed: int = 0
) -> GalleryMap | None:
    """The map of an index as it is now.

    Returns:
        None where there is none, where it is of other embeddings or of another version of the
        library, or where it cannot be read.
    """
    try:
        rows = pq.read_table(_path(table, seed))
        about = json.loads(rows.schema.metadata[ABOUT])
        points = np.stack([rows.column(name).to_numpy() for name in ("x", "y")], axis=1)
        method = about.pop("method")
        if about.pop("content") != content or method != method_of(len(index.images)):
            return None
        if points.shape != (len(index.images), 2) or not np.isfinite(points).all():
            return None
        return GalleryMap(points.astype(np.float32), method, seed, NeighboursKept(**about))
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException):
        return None


def _path(table: EmbeddingTable, seed: int) -> Path:
    return table.folder / f"{table.name}_map_{seed}.parquet"
