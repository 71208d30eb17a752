"""The text of a CSV file as spreadsheets and other programs write it: encoding and delimiter."""

import codecs
from dataclasses import dataclass

from simviz_core.errors import GalleryError
from simviz_core.gallery.archive_names import KANA

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Beginnings that state the encoding; those of four bytes before those of two."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LOOK_AT = 4096
"""Bytes that tell a text from what is none."""
MOST_CONTROLS = 0.05
"""Of a text, the share of those bytes that are controls."""
_TEXT_CONTROLS = frozenset(b"\t\n\r\f")


@dataclass(frozen=True)
class CsvText:
    """What a CSV file holds.

    Attributes:
        content: In UTF-8, without a mark at its beginning.
        delimiter: What stands between columns.
        remarks: What was found out of the content, since the file does not state it.
    """

    content: bytes
    delimiter: str
    remarks: tuple[str, ...]


def csv_text(content: bytes, name: str) -> CsvText:
    """Find out how a CSV file is written.

    A mark at the beginning states the encoding; without one it is UTF-8 where all of it can be,
    UTF-16 where every other byte is zero, Japanese (cp932) where that gives kana, else Western
    European (cp1252). The delimiter is that which makes a column `path` of the first line.

    Args:
        content: Of the file.
        name: What to call it in messages.

    Raises:
        GalleryError: It is no text.
    """
    text, encoding = _decoded(content, name)
    remarks = [] if encoding == "utf-8" else [f"its text was read as {encoding}"]
    first, _, rest = text.lstrip("\r\n").partition("\n")
    if first.lower().startswith("sep=") and len(first.strip()) == 5:  # as Excel writes it
        delimiter, text = first.strip()[4], rest
    else:
        delimiter = _delimiter(first)
    if delimiter != ",":
        found = DELIMITERS.get(delimiter, repr(delimiter))
        remarks.append(f"its columns were found to be parted by {found}")
    return CsvText(text.encode("utf-8", "replace"), delimiter, tuple(remarks))


def _decoded(content: bytes, name: str) -> tuple[str, str]:
    """The text, and how it was encoded."""
    for mark, encoding in BOMS:
        if content.startswith(mark):
            try:
                return content.decode("utf-8-sig" if encoding == "utf-8" else encoding), encoding
            except UnicodeDecodeError as error:
                raise GalleryError(
                    f"{name} begins as {encoding} does and is damaged at byte {error.start:,}; "
                    "save it anew as UTF-8"
                ) from error
    start = content[:LOOK_AT]
    if len(start) > 3 and (wide := _wide_encoding(start)):
        return content.decode(wide, "replace"), wide
    controls = sum(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in start)
    if controls > MOST_CONTROLS * len(start):
        kind = "a ZIP archive, or a workbook of Excel" if start.startswith(b"PK") else "no text"
        raise GalleryError(f"{name} is {kind}; save the table as CSV in UTF-8, or as Parquet")
    for encoding in ("utf-8", "cp932"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or KANA.search(text):
            return text, encoding
    try:
        return content.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"


def _wide_encoding(start: bytes) -> str | None:
    """UTF-16 without a mark, where nearly every other byte is zero."""
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        others = start[::2] if encoding == "utf-16-le" else start[1::2]
        if zeros.count(0) > 0.8 * len(zeros) and others.count(0) < 0.2 * len(others):
            return encoding
    return None


def _delimiter(header: str) -> str:
    for delimiter in DELIMITERS:
        names = [name.strip().strip("\"'").strip().lower() for name in header.split(delimiter)]
        if "path" in names:
            return delimiter
    counts = {delimiter: header.count(delimiter) for delimiter in DELIMITERS}
    return "," if counts[","] or not any(counts.values()) else max(counts, key=lambda d: counts[d])
