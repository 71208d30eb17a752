"""What a table of embeddings holds of each file."""

from dataclasses import dataclass

import pyarrow as pa

OWN_RANGE = "own"
"""Of a picture of more than 8 bits that is read with the range that it states or suggests."""


@dataclass(frozen=True)
class StoredImage:
    """What a table holds of one file, besides its embedding.

    Attributes:
        id: The image's id in its gallery.
        label: Its class; None where it has none.
        width: Of the upright original, in pixels; 0 of an unreadable file.
        height: Likewise.
        file_size: In bytes; −1 if there was no file.
        modified: When the file was last changed, in nanoseconds since 1970.
        error: Why the file could not be read; None if it could.
        values: What its values were made black and white with, `ValueRange.key`, or `OWN_RANGE`;
            None of a picture of 8 bits.
    """

    id: str
    label: str | None
    width: int
    height: int
    file_size: int
    modified: int
    error: str | None
    values: str | None = None


COLUMNS = {
    "id": pa.string(),
    "label": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "file_size": pa.int64(),
    "modified": pa.int64(),
    "error": pa.string(),
    "values": pa.string(),
}
"""The fields of `StoredImage`, in their order, as they are stored."""


CHECKSUM = "checksum"
"""The column of what `checksums` makes of each embedding."""
