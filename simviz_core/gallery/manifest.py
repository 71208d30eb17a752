"""Manifests: CSV or Parquet files that name a gallery's images, their classes and more of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import pyarrow as pa

from simviz_core.errors import GalleryError
from simviz_core.gallery.column_values import ColumnLeftOut, values_of
from simviz_core.gallery.columns import Value

COLUMNS = ("path", "label")


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Attributes:
        images: (id, path, label) of each image in the manifest's order; repeated rows count once;
            an empty label is None.
        columns: Of each image what the other columns say, under their names.
        columns_left_out: Columns that say no one thing of each image, with the reason.
    """

    images: list[tuple[str, Path, str | None]]
    columns: list[dict[str, Value | None]]
    columns_left_out: dict[str, str]


def read_manifest(manifest: Path) -> Manifest:
    """Read which images a manifest names.

    Args:
        manifest: A `.csv` or `.parquet` file with a column `path`, relative to the manifest's
            folder or absolute, and optionally a column `label`; what other columns say is kept.

    Raises:
        GalleryError: The file cannot be read, has no column `path` or no rows, or gives one image
            two labels.
    """
    try:
        table = _read(manifest)
        columns = {name: _texts(table, name) for name in COLUMNS if name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise GalleryError(f"{manifest} cannot be read as a table: {reason}") from error
    spaced = [n for n in table.column_names if n not in COLUMNS and n.strip().lower() in COLUMNS]
    if spaced:
        raise GalleryError(
            f"{manifest} has a column {spaced[0]!r}; call it {spaced[0].strip().lower()!r}"
        )
    if "path" not in columns:
        found = ", ".join(table.column_names) or "none"
        raise GalleryError(f"{manifest} needs a column 'path'; its columns are: {found}")
    paths = columns["path"]
    labels = columns.get("label", [None] * len(paths))
    classes: dict[str, str | None] = {}
    first_row: dict[str, int] = {}
    images: list[int] = []  # of each row, the row that names its image first
    for line, (path, label) in enumerate(zip(paths, labels, strict=True), start=1):
        if path is None:
            raise GalleryError(f"{manifest} has no path in its row {line}")
        image_id = PurePath(path).as_posix()
        if classes.setdefault(image_id, label) != label:
            raise GalleryError(
                f"{manifest} gives {image_id!r} two labels: {classes[image_id]!r} and {label!r}"
            )
        images.append(first_row.setdefault(image_id, line - 1))
    if not classes:
        raise GalleryError(f"{manifest} names no images; its column 'path' is empty")
    others, left_out = _other_columns(table, images)
    return Manifest(
        [(image_id, manifest.parent / image_id, label) for image_id, label in classes.items()],
        [{name: values[row] for name, values in others.items()} for row in first_row.values()],
        left_out,
    )


def _read(manifest: Path) -> pa.Table:
    if manifest.suffix.lower() == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(manifest)
    import pyarrow.csv

    with pyarrow.csv.open_csv(manifest) as reader:
        names = reader.schema.names
    # What the other columns are is found out from all of their values; they may hold anything.
    types = {name: pa.string() if name in COLUMNS else pa.binary() for name in names}
    return pyarrow.csv.read_csv(
        manifest, convert_options=pyarrow.csv.ConvertOptions(column_types=types)
    )


def _texts(table: pa.Table, column: str) -> list[str | None]:
    values = table.column(column).cast(pa.string()).to_pylist()
    return [value.strip() or None if value is not None else None for value in values]


def _other_columns(
    table: pa.Table, images: Sequence[int]
) -> tuple[dict[str, list[Value | None]], dict[str, str]]:
    """The values of the other columns, row by row, and why some are left out.

    Args:
        table: The manifest.
        images: Of each row, the row that names its image first.
    """
    found: dict[str, list[Value | None]] = {}
    left_out: dict[str, str] = {}
    repeated = [(row, first) for row, first in enumerate(images) if row != first]
    for place, name in enumerate(table.column_names):
        if name in COLUMNS:
            continue
        try:
            if table.column_names.count(name) > 1:
                raise ColumnLeftOut("several columns have this name")
            values = values_of(table.column(place))
            if any(values[row] != values[first] for row, first in repeated):
                raise ColumnLeftOut("it says two things of one image")
        except ColumnLeftOut as reason:
            left_out[name] = str(reason)
        else:
            found[name] = values
    return found, left_out
