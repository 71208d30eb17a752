"""Reading a table for searches; codes and embeddings that are scanned from files lie beside it."""

import hashlib
import json
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.lib.format import open_memmap

from simviz_core.errors import StoreError
from simviz_core.retrieval.scanning.codes import Codes, CodesScan, encode
from simviz_core.retrieval.scanning.memory import holds_codes, holds_embeddings, scans_codes
from simviz_core.retrieval.scanning.scan import ExactScan, ProductScan
from simviz_core.retrieval.storing.table import EmbeddingTable

LAYOUT = 1
"""Of the files; those of another are made anew."""
EMBEDDINGS, CODES, ROWS, CONTENT = "embeddings.npy", "codes.npy", "rows.npz", "content.json"


def read_scan(
    table: EmbeddingTable, ids: Sequence[str], from_disk: bool = False
) -> tuple[ExactScan, list[str]]:
    """Read embeddings, so that they can be searched.

    Few are read into memory. Of many, or where `SIMVIZ_MEMORY` does not allow it, only codes are;
    the embeddings themselves, in the order of the ids, lie in a file of their own, which is made
    at the first time and goes with the next change of the table.

    Args:
        table: The table.
        ids: Of readable images in it, N of them, each once.
        from_disk: Hold nothing in memory, whatever there is room for.

    Returns:
        The scan, and the ids whose embedding is damaged; then the scan is of no use, and those
        are to be left out.

    Raises:
        StoreError: The table is damaged, lacks an id, or there is no room for the file.
        SettingsError: `SIMVIZ_MEMORY` is no size.
    """
    if not from_disk and not scans_codes(len(ids), table.dimension):
        return _in_memory(table, ids)
    content = _content(table, ids)
    try:
        # Whoever else reads the same table waits, instead of writing the same files.
        with FileLock(table.folder / f"{table.name}.scan.lock"):
            damaged = [] if _has(table.scan_folder, content) else _write(table, ids, content)
            nothing = ProductScan(np.zeros((0, 0), np.float32))
            scan = nothing if damaged else _opened(table, from_disk)
    except OSError as error:
        if (found := _read_without_writing(table, ids, content, from_disk)) is not None:
            return found
        raise StoreError(
            f"the files to search {len(ids):,} embeddings cannot be written beside the table, in "
            f"{table.scan_folder} ({error.strerror or error}); they need "
            f"{5 * len(ids) * table.dimension / 1e9:.1f} GB"
        ) from error
    return scan, damaged


def _read_without_writing(
    table: EmbeddingTable, ids: Sequence[str], content: str, from_disk: bool
) -> tuple[ExactScan, list[str]] | None:
    """Of a folder that cannot be written to: the files that are there, or else all in memory.

    Returns:
        As `read_scan`; None where there are none and `SIMVIZ_MEMORY` does not allow the rest.
    """
    if _has(table.scan_folder, content):
        scan = _opened(table, from_disk)
        if _has(table.scan_folder, content):  # nobody has written others meanwhile
            return scan, []
    return _in_memory(table, ids) if holds_embeddings(len(ids), table.dimension) else None


def _in_memory(table: EmbeddingTable, ids: Sequence[str]) -> tuple[ExactScan, list[str]]:
    matrix, damaged = table.checked_embeddings(ids)
    return ProductScan(matrix), damaged


def _content(table: EmbeddingTable, ids: Sequence[str]) -> str:
    """What tells one state of a table, and one order of its rows, from another."""
    digest = hashlib.sha256(f"{LAYOUT} {table.state}\0".encode())
    digest.update("\0".join(ids).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _has(folder: Path, content: str) -> bool:
    """Whether the files are those of a content, and as they were written."""
    try:
        written = json.loads((folder / CONTENT).read_text())
        return written["content"] == content and written["check"] == _check(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(table: EmbeddingTable, ids: Sequence[str], content: str) -> list[str]:
    """Write the files; those that are there before have another content. Returns the damaged."""
    folder = table.scan_folder.with_suffix(".scan.new")
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    folder.mkdir(parents=True)
    try:
        shape = len(ids), table.dimension
        matrix = open_memmap(folder / EMBEDDINGS, "w+", np.float32, shape)
        damaged = table.checked_embeddings(ids, matrix)[1]
        if damaged:
            return damaged
        kept = encode(matrix, open_memmap(folder / CODES, "w+", np.int8, shape))
        del matrix
        np.savez(folder / ROWS, scales=kept.scales, errors=kept.errors, longest=kept.longest)
        del kept
        written = {"content": content, "check": _check(folder)}
        (folder / CONTENT).write_text(json.dumps(written))
        shutil.rmtree(table.scan_folder, ignore_errors=True)
        folder.rename(table.scan_folder)
        return []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _opened(table: EmbeddingTable, from_disk: bool) -> CodesScan:
    folder = table.scan_folder
    matrix = np.load(folder / EMBEDDINGS, mmap_mode="r")
    is_held = not from_disk and holds_codes(*matrix.shape)
    codes = np.load(folder / CODES, mmap_mode=None if is_held else "r")
    with np.load(folder / ROWS) as rows:
        kept = Codes(codes, rows["scales"], rows["errors"], float(rows["longest"]))
    return CodesScan(matrix, kept)


def _check(folder: Path) -> int:
    """A checksum of what bounds rest on: a flipped bit would make them wrong without a word."""
    check = 0
    for name in (CODES, ROWS):
        with (folder / name).open("rb") as file:
            while part := file.read(1 << 24):
                check = zlib.crc32(part, check)
    return check
