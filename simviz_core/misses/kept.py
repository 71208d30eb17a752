"""What every query finds, kept beside the index: of a large gallery it takes minutes to ask."""

import hashlib
import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simviz_core.files import write_atomically
from simviz_core.gallery import Conditions
from simviz_core.retrieval import EmbeddingTable, GalleryIndex, QueryOutcomes

MOST_KEPT = 8
"""Files of one index, of different conditions and selections; the oldest make room for others."""
_ABOUT = b"simviz"
_PLACES = ("rows", "nearest", "right")
_COLUMNS = (
    *(*_PLACES, "nearest_score", "right_score", "right_rank"),
    *("average_precision", "relevant"),
)


def outcomes_key(content: str, index: GalleryIndex, conditions: Conditions) -> str:
    """A digest of all that the outcomes depend on.

    Args:
        content: A digest of the images' ids and embeddings.
        index: The embeddings.
        conditions: On the columns of the gallery's manifest.
    """
    about = [
        content,
        [image.label for image in index.images],
        astuple(conditions),
        [repr(image.columns) for image in index.images] if conditions else [],
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def save_outcomes(outcomes: QueryOutcomes, key: str, table: EmbeddingTable) -> None:
    """Keep outcomes beside the index.

    Args:
        outcomes: What every query finds.
        key: Of them, by `outcomes_key`.
        table: Of the embeddings.

    Raises:
        OSError: The folder cannot be written.
    """
    about = {"key": key, "searched": outcomes.searched}
    rows = pa.table({name: pa.array(getattr(outcomes, name)) for name in _COLUMNS})
    rows = rows.replace_schema_metadata({_ABOUT: json.dumps(about)})
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer)
    write_atomically(_path(table, key), buffer.getvalue().to_pybytes())
    files = table.folder.glob(f"{table.name}_outcomes_*.parquet")
    for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)[:-MOST_KEPT]:
        file.unlink(missing_ok=True)


def read_outcomes(
    index: GalleryIndex, conditions: Conditions, key: str, table: EmbeddingTable
) -> QueryOutcomes | None:
    """The outcomes of an index as it is now.

    Args:
        index: The embeddings.
        conditions: On the columns of the gallery's manifest.
        key: Of the two, by `outcomes_key`.
        table: Of the embeddings.

    Returns:
        None where there are none, where they are of something else, or cannot be read.
    """
    try:
        rows = pq.read_table(_path(table, key))
        about = json.loads(rows.schema.metadata[_ABOUT])
        columns = {name: rows.column(name).to_numpy() for name in _COLUMNS}
        count = len(index.images)
        places = np.concatenate([columns[name] for name in _PLACES])
        is_whole = all(np.isfinite(column).all() for column in columns.values())
        if about["key"] != key or not len(rows) or not is_whole:
            return None
        if places.dtype != np.int64 or places.min() < 0 or places.max() >= count:
            return None
        return QueryOutcomes(
            index, searched=int(about["searched"]), conditions=conditions, **columns
        )
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException):
        return None


def _path(table: EmbeddingTable, key: str) -> Path:
    return table.folder / f"{table.name}_outcomes_{key[:16]}.parquet"
