"""Manifests: CSV or Parquet files that name a gallery's images and their classes."""

from pathlib import Path, PurePath

import pyarrow as pa

from simviz_core.errors import GalleryError

COLUMNS = ("path", "label")


def read_manifest(manifest: Path) -> list[tuple[str, Path, str | None]]:
    """Read which images a manifest names.

    Args:
        manifest: A `.csv` or `.parquet` file with a column `path`, relative to the manifest's
            folder or absolute, and optionally a column `label`; other columns are passed over.

    Returns:
        (id, path, label) of each image in the manifest's order; repeated rows count once; an
        empty label is None.

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
    for line, (path, label) in enumerate(zip(paths, labels, strict=True), start=1):
        if path is None:
            raise GalleryError(f"{manifest} has no path in its row {line}")
        image_id = PurePath(path).as_posix()
        if classes.setdefault(image_id, label) != label:
            raise GalleryError(
                f"{manifest} gives {image_id!r} two labels: {classes[image_id]!r} and {label!r}"
            )
    if not classes:
        raise GalleryError(f"{manifest} names no images; its column 'path' is empty")
    return [(image_id, manifest.parent / image_id, label) for image_id, label in classes.items()]


def _read(manifest: Path) -> pa.Table:
    if manifest.suffix.lower() == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(manifest)
    import pyarrow.csv

    texts = pyarrow.csv.ConvertOptions(column_types={"path": pa.string(), "label": pa.string()})
    return pyarrow.csv.read_csv(manifest, convert_options=texts)


def _texts(table: pa.Table, column: str) -> list[str | None]:
    values = table.column(column).cast(pa.string()).to_pylist()
    return [value.strip() or None if value is not None else None for value in values]
