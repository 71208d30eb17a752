"""Manifests: CSV or Parquet files that name a gallery's images, their classes and more of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pyarrow as pa

from simviz_core.errors import GalleryError
from simviz_core.gallery.columns import Value
from simviz_core.gallery.manifests.column_values import ColumnLeftOut, says_nothing, values_of
from simviz_core.gallery.manifests.csv_text import csv_text
from simviz_core.gallery.manifests.paths import ManifestPaths

COLUMNS = ("path", "label")
PARQUET = b"PAR1"
"""How a Parquet file begins."""
MAX_BYTES = 1_000_000_000
LONGEST_LABEL = 1000
"""Letters of a class."""
BLOCK = 1 << 24
"""Bytes that are parsed at once; no row may be longer, but for the only block."""


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Attributes:
        images: (id, path, label) of each image in the manifest's order; repeated rows count once;
            a label that says nothing is None.
        columns: Of each image what the other columns say, under their names.
        columns_left_out: Columns that say no one thing of each image, with the reason.
        left_out: (path, reason) of rows that name no file here, such as addresses.
        remarks: What was found out or taken for something else, in words.
    """

    images: list[tuple[str, Path, str | None]]
    columns: list[dict[str, Value | None]]
    columns_left_out: dict[str, str]
    left_out: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


def read_manifest(manifest: Path) -> Manifest:
    """Read which images a manifest names.

    Args:
        manifest: A CSV or Parquet file with a column `path`, relative to the manifest's folder or
            absolute, and optionally a column `label`; what other columns say is kept.

    Raises:
        GalleryError: The file cannot be read, has no column `path` or no rows that name a file, or
            gives one image two labels.
    """
    try:
        table, said = _read(manifest)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise GalleryError(f"{manifest} cannot be read as a table: {reason}") from error
    _check_names(manifest, table.column_names)
    columns = {
        name: _texts(manifest, table, name) for name in COLUMNS if name in table.column_names
    }
    paths, remarks = columns["path"], list(said)
    labels = columns.get("label", [None] * len(paths))
    if nothing := Counter(label for label in labels if label and says_nothing(label)):
        words = ", ".join(repr(word) for word, _ in nothing.most_common(3))
        count = nothing.total()
        are = "label that reads" if count == 1 else "labels that read"
        remarks.append(f"{count:,} {are} {words} {'is' if count == 1 else 'are'} no class")
    places = ManifestPaths(manifest.parent)
    classes: dict[str, str | None] = {}
    first_row: dict[str, int] = {}
    names: dict[str, str] = {}
    images: list[int] = []  # of each row, the row that names its image first
    for line, (path, label) in enumerate(zip(paths, labels, strict=True), start=1):
        if path is None:
            raise GalleryError(f"{manifest} has no path in its row {line}")
        found = places.of(path)
        if found is None:
            images.append(line - 1)
            continue
        key, name = found
        if label is not None and says_nothing(label):
            label = None
        elif label is not None and len(label) > LONGEST_LABEL:
            raise GalleryError(
                f"{manifest} has a label of {len(label):,} letters in its row {line}; at most "
                f"{LONGEST_LABEL:,} are read"
            )
        if classes.setdefault(key, label) != label:
            raise GalleryError(
                f"{manifest} gives {names[key]!r} two labels: {classes[key]!r} and {label!r}"
            )
        names.setdefault(key, name)
        images.append(first_row.setdefault(key, line - 1))
    if not paths:
        raise GalleryError(f"{manifest} names no images; its column 'path' is empty")
    if not classes:
        path, reason = places.left_out[0]
        raise GalleryError(f"{manifest} names no file that could be read; {path}: {reason}")
    others, left_out = _other_columns(table, images)
    remarks += [*places.remarks(), *_without_value(table, others)]
    return Manifest(
        [(names[key], manifest.parent / names[key], label) for key, label in classes.items()],
        [{name: values[row] for name, values in others.items()} for row in first_row.values()],
        left_out,
        tuple(places.left_out),
        tuple(remarks),
    )


def _read(manifest: Path) -> tuple[pa.Table, tuple[str, ...]]:
    """The table, and what was found out to read it."""
    if manifest.stat().st_size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES / 1e9:g} GB")
    with manifest.open("rb") as file:
        is_parquet = file.read(len(PARQUET)) == PARQUET
    if is_parquet or manifest.suffix.lower() == ".parquet":
        import pyarrow.parquet

        named = manifest.suffix.lower() == ".parquet"
        said = () if named else ("its content is Parquet, whatever its ending",)
        table = pyarrow.parquet.ParquetFile(manifest)
        _check_names(manifest, table.schema_arrow.names)
        return table.read(), said
    text = csv_text(manifest.read_bytes(), str(manifest))
    if not text.content.strip():
        raise ValueError("it is empty")
    try:
        return _parsed(text.content, text.delimiter, BLOCK), text.remarks
    except pa.ArrowInvalid as error:
        if "straddl" not in str(error):
            raise
        return _parsed(text.content, text.delimiter, len(text.content) + 1), text.remarks


def _parsed(content: bytes, delimiter: str, block: int) -> pa.Table:
    import pyarrow.csv

    parsing = pyarrow.csv.ParseOptions(delimiter=delimiter)
    reading = pyarrow.csv.ReadOptions(block_size=min(block, 2**31 - 1))
    with pyarrow.csv.open_csv(BytesIO(content), reading, parsing) as reader:
        names = reader.schema.names
    # What the other columns are is found out from all of their values; they may hold anything.
    types = {name: pa.string() if name in COLUMNS else pa.binary() for name in names}
    return pyarrow.csv.read_csv(
        BytesIO(content), reading, parsing, pyarrow.csv.ConvertOptions(column_types=types)
    )


def _check_names(manifest: Path, names: Sequence[str]) -> None:
    spaced = [name for name in names if name not in COLUMNS and name.strip().lower() in COLUMNS]
    if spaced:
        raise GalleryError(
            f"{manifest} has a column {spaced[0]!r}; call it {spaced[0].strip().lower()!r}"
        )
    for name in COLUMNS:
        if (count := list(names).count(name)) > 1:
            raise GalleryError(f"{manifest} has {count} columns {name!r}; keep one of them")
    if "path" not in names:
        found = ", ".join(names[:20]) or "none"
        raise GalleryError(f"{manifest} needs a column 'path'; its columns are: {found[:500]}")


def _texts(manifest: Path, table: pa.Table, column: str) -> list[str | None]:
    try:
        values = table.column(column).cast(pa.string()).to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise GalleryError(
            f"the column {column!r} of {manifest} holds no texts or numbers but "
            f"{table.column(column).type}: {str(error).splitlines()[0]}"
        ) from error
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


def _without_value(table: pa.Table, others: dict[str, list[Value | None]]) -> list[str]:
    """Columns of texts in which a word stands for no value."""
    named = []
    for name, values in others.items():
        if any(isinstance(value, str) for value in values):
            texts = table.column(name).cast(pa.string()).to_pylist()
            words = {text.strip() for text in texts if text and says_nothing(text)} - {""}
            named += [f"{', '.join(map(repr, sorted(words)))} in {name!r}"] if words else []
    return [f"taken for no value: {'; '.join(named)}"] if named else []
