"""A map, and the embeddings under it, as numbers for other programs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simviz_core import __version__
from simviz_core.gallery import value_text
from simviz_core.networks.settings import NetworkSettings
from simviz_core.projection.gallery_map import GalleryMap
from simviz_core.projection.groups import hit_of, hits
from simviz_core.retrieval import GalleryIndex, RetrievalQuality

OWN_COLUMNS = ("id", "path", "label", "is_hit", "x", "y", "embedding")
"""Of a table of embeddings; a manifest's column of the same name is called `manifest_…`."""
TENSORS, METADATA, CONFIG = "tensors.tsv", "metadata.tsv", "projector_config.pbtxt"
"""The files that TensorBoard's projector reads."""
_BREAKS = re.compile(r"[\t\r\n\x0b\x0c\x85\u2028\u2029]+")


def image_rows(
    index: GalleryIndex, found: GalleryMap | None, quality: RetrievalQuality | None
) -> list[dict[str, Any]]:
    """What is known of each image, as rows of a table.

    Args:
        index: The images.
        found: Their map; None leaves `x` and `y` out.
        quality: Whose nearest neighbours are of their class; None leaves `is_hit` empty.

    Returns:
        For each id, path, label, `is_hit` (None where it was not asked), `x`, `y`, and the
        columns of the manifest as text, numbers or booleans.
    """
    codes = None if quality is None else hits(index, quality)
    rows = []
    for place, image in enumerate(index.images):
        row: dict[str, Any] = {
            "id": image.id,
            "path": str(image.path),
            "label": image.label,
            "is_hit": None if codes is None else hit_of(int(codes[place])),
        }
        if found is not None:
            row["x"], row["y"] = (float(value) for value in found.points[place])
        for name, value in image.columns.items():
            row[column_name(name)] = value_text(value) if isinstance(value, date) else value
        rows.append(row)
    return rows


def column_name(name: str) -> str:
    """What a manifest's column is called beside those of `OWN_COLUMNS`."""
    return f"manifest_{name}" if name in OWN_COLUMNS else name


def map_as_json(
    index: GalleryIndex,
    found: GalleryMap,
    quality: RetrievalQuality | None,
    gallery: str,
    settings: NetworkSettings,
) -> dict[str, Any]:
    """A map as JSON-ready values.

    Args:
        index: The images.
        found: Their map.
        quality: Whose nearest neighbours are of their class.
        gallery: As the user named it.
        settings: The network.
    """
    return {
        "gallery": gallery,
        **settings.as_json(),
        **index.coverage.as_json(),
        **about_map(found),
        "images": image_rows(index, found, quality),
        "version": __version__,
    }


def about_map(found: GalleryMap) -> dict[str, Any]:
    """How a map was made, and how far it can be believed."""
    return {
        "method": found.method,
        "seed": found.seed,
        "neighbours": found.kept.count,
        "neighbours_kept": found.kept.share,
        "neighbours_kept_by_chance": found.kept.chance,
        "images_asked_for_neighbours": found.kept.asked,
        "note": found.caution,
    }


def write_parquet(
    index: GalleryIndex, rows: Sequence[Mapping[str, Any]], file: Path, about: str
) -> None:
    """Write embeddings with what is known of each image.

    Args:
        index: The embeddings.
        rows: Of each image, by `image_rows`.
        file: A Parquet file: a column for each value, and `embedding`, a list of D float32.
        about: JSON: how they were made; stands in the file's metadata under `simviz`.

    Raises:
        OSError: The file cannot be written.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns: dict[str, Any] = {
        name: pa.array([_text(row.get(name)) for row in rows]) for name in names
    }
    flat = pa.array(index.matrix.ravel())
    columns["embedding"] = pa.FixedSizeListArray.from_arrays(flat, index.matrix.shape[1])
    table = pa.table(columns)
    metadata = {**(table.schema.metadata or {}), b"simviz": about.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), file)


def write_projector(index: GalleryIndex, rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write embeddings for TensorBoard's projector: `tensorboard --logdir FOLDER`.

    Args:
        index: The embeddings.
        rows: Of each image, by `image_rows`.
        folder: Gets the values of the embeddings, the rows with a line of their names, and what
            names both to TensorBoard. Tabs and line breaks inside a text become a space.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / TENSORS).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(map(repr, row.tolist())) + "\n" for row in index.matrix)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / METADATA).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(cells) + "\n" for cells in _lines(names, rows))
    (folder / CONFIG).write_text(
        "embeddings {\n"
        '  tensor_name: "SimViz"\n'
        f'  tensor_path: "{TENSORS}"\n'
        f'  metadata_path: "{METADATA}"\n'
        "}\n",
        encoding="utf-8",
    )


def _lines(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    yield [_on_one_line(name) for name in names]
    for row in rows:
        yield [_on_one_line(row.get(name)) for name in names]


def _on_one_line(value: Any) -> str:
    return "" if value is None else _BREAKS.sub(" ", str(_text(value)))


def _text(value: Any) -> Any:
    """Text that can be written: bytes of a file name that are no UTF-8 as escapes."""
    if isinstance(value, np.generic):
        return value.item()
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
