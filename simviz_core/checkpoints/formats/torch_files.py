"""What `torch.save` wrote: archives, the one file of older versions, and plain pickles."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from simviz_core.checkpoints.formats.inert import StandIn, storage_kind
from simviz_core.checkpoints.formats.pickles import Budget, PickleMachine
from simviz_core.checkpoints.formats.stored import Damaged, Storage

MOST_COMPRESSED_AWAY = 100_000_000
"""By how many bytes an archive may be smaller than what is in it; torch.save compresses nothing."""
LARGEST_PICKLE = 500_000_000
"""Of what stands beside the numbers, in bytes."""
MAGIC = 0x1950A86A20F9469CFC6C
"""What files of older versions begin with, as a pickle."""
Opener = Callable[[], IO[bytes]]


def read_archive(path: Path) -> object:
    """Read an archive of `torch.save`.

    Returns:
        What was saved, with its tensors still in the file.

    Raises:
        Damaged: It is none, or says what cannot be true.
        NamesCode: It names something that could run code.
    """
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        unpacked = sum(entry.file_size for entry in entries.values())
        # A small file that unpacks to a huge one would fill the memory.
        if unpacked > path.stat().st_size + MOST_COMPRESSED_AWAY:
            raise Damaged(
                f"it would unpack to {unpacked / 1e6:,.0f} MB; save it with torch.save, which does "
                "not compress"
            )
        root = _root(entries)
        order = f"{root}byteorder"
        is_summed = _is_summed(archive, entries, root)
    if order in entries and _Entry(path, entries[order], is_summed).read(0, 3) == b"big":
        raise Damaged("its numbers have their bytes in the order of another kind of computer")
    pickle = entries[f"{root}data.pkl"]
    if pickle.file_size > LARGEST_PICKLE:
        raise Damaged("what stands beside its numbers is too large")
    content = bytes(_Entry(path, pickle, is_summed).read(0, pickle.file_size))

    opened: dict[str, _Entry] = {}  # several tensors may lie in one, whose checksum is taken once

    def persistent(identifier: object) -> object:
        kind, key, count = _storage_identifier(identifier)
        dtype, width = storage_kind(kind)
        entry = entries.get(f"{root}data/{key}")
        if entry is None:
            # What has no numbers (on "meta", say) has no entry; see `view`.
            raise Damaged(f"the numbers of storage {str(key)[:20]!r} are not in it")
        if entry.file_size < count * width:
            raise Damaged("a storage is shorter than it should be")
        return Storage(dtype, count, opened.setdefault(key, _Entry(path, entry, is_summed)).read)

    budget = Budget(len(content))
    nested = partial(_nested, budget)
    return PickleMachine(io.BytesIO(content), len(content), persistent, nested, budget).load()


def _root(entries: dict[str, zipfile.ZipInfo]) -> str:
    """The folder of the archive that everything is in, with its slash."""
    for name in entries:
        if name.count("/") <= 1 and name.rpartition("/")[2] == "data.pkl":
            return name.removesuffix("data.pkl")
    raise Damaged("it is an archive, but none that torch.save wrote")


def _is_summed(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], root: str) -> bool:
    """Whether its checksums are true; torch.save can be told to leave them out."""
    try:
        archive.read(entries.get(f"{root}version", entries[f"{root}data.pkl"]))
    except zipfile.BadZipFile:
        return False
    return True


class _Entry:
    """An entry of an archive, whose numbers are read when asked for."""

    def __init__(self, path: Path, entry: zipfile.ZipInfo, is_summed: bool) -> None:
        self.path = path
        self.entry = entry
        self.is_checked = not is_summed

    def read(self, start: int, count: int) -> bytearray:
        """So many bytes from so many on; the checksum of the whole entry is compared once.

        Raises:
            Damaged: They are not there, or the checksum is another one.
        """
        if self.entry.compress_type != zipfile.ZIP_STORED:
            with zipfile.ZipFile(self.path) as archive:
                return bytearray(archive.read(self.entry)[start : start + count])
        with self.path.open("rb") as file:
            begin = self._begin(file)
            if not self.is_checked:
                self._check(file, begin)
            return _bytes(file, begin + start, count)

    def _begin(self, file: IO[bytes]) -> int:
        file.seek(self.entry.header_offset)
        header = file.read(30)
        if len(header) != 30 or header[:4] != b"PK\x03\x04":
            raise Damaged("an entry of the archive is not where it should be")
        name, extra = struct.unpack("<HH", header[26:30])
        return self.entry.header_offset + 30 + name + extra

    def _check(self, file: IO[bytes], begin: int) -> None:
        file.seek(begin)
        found, left = 0, self.entry.file_size
        while left:
            block = file.read(min(left, 1 << 22))
            if not block:
                raise Damaged("it ends too soon")
            found, left = zlib.crc32(block, found), left - len(block)
        if found != self.entry.CRC:
            raise Damaged(f"the checksum of {self.entry.filename} is another one than when saved")
        self.is_checked = True


def read_pickles(open_file: Opener, size: int, outer: Budget | None = None) -> object:
    """Read the one file of older versions of `torch.save`, or a plain pickle.

    Args:
        open_file: Opens it.
        size: In bytes.
        outer: What may be done for the file that this one lies in; None where it lies in none.
            In one that does, none may lie.

    Returns:
        What was saved, with its tensors still in the file.

    Raises:
        Damaged: It is none, or says what cannot be true.
        NamesCode: It names something that could run code.
    """
    places: dict[str, int] = {}
    storages: dict[str, tuple[int, int]] = {}

    def persistent(identifier: object) -> object:
        if isinstance(identifier, tuple) and identifier[:1] == ("module",):
            return identifier[1] if len(identifier) > 1 else None
        kind, key, count = _storage_identifier(identifier)
        dtype, width = storage_kind(kind)
        if storages.setdefault(key, (count, width)) != (count, width):
            raise Damaged("a storage has two lengths")
        if count * width > size:
            raise Damaged("a storage is longer than the file")

        def read(start: int, length: int) -> bytearray:
            with open_file() as file:
                return _bytes(file, places[key] + start, length)

        return Storage(dtype, count, read)

    with open_file() as file:
        budget = Budget(size) if outer is None else outer
        nested = partial(_nested, budget) if outer is None else _inert
        pickles = PickleMachine(file, size, persistent, nested, budget)
        first = pickles.load()
        if first != MAGIC or isinstance(first, bool):
            return first
        pickles.load()  # the version of the format
        pickles.load()  # what computer wrote it
        content, keys = pickles.load(), pickles.load()
        _find_places(file, keys, storages, places)
    return content


def _find_places(
    file: IO[bytes], keys: object, storages: dict[str, tuple[int, int]], places: dict[str, int]
) -> None:
    """Note where each storage lies: one after the other, each with its length before it."""
    place, end = file.tell(), file.seek(0, io.SEEK_END)
    for key in keys if isinstance(keys, list) else []:
        count, width = storages.get(str(key), (-1, 0))
        file.seek(place)
        length = file.read(8)
        if count < 0 or len(length) < 8 or struct.unpack("<q", length)[0] != count:
            raise Damaged("its storages are not what it says; it may have been cut off")
        places[str(key)] = place + 8
        place += 8 + count * width
    if place > end or len(places) < len(storages):
        raise Damaged("it ends too soon")


def _nested(budget: Budget, content: bytes) -> object:
    """Read a storage that lies in a pickle as a file of its own."""
    return read_pickles(lambda: io.BytesIO(content), len(content), budget)


def _inert(_: bytes) -> object:
    return StandIn("torch.storage._load_from_bytes")


def _storage_identifier(identifier: object) -> tuple[object, str, int]:
    """What a file says of a storage: its kind, its key, and how many numbers it has."""
    if not isinstance(identifier, tuple) or len(identifier) < 5 or identifier[0] != "storage":
        raise Damaged("it refers to what is kept outside of it")
    _, kind, key, _, count = identifier[:5]
    if type(count) is not int or not 0 <= count < 2**60:
        raise Damaged("the length of a storage is no number")
    if not isinstance(key, str):
        raise Damaged("the key of a storage is no text")
    if len(identifier) > 5 and identifier[5] is not None:
        raise Damaged("it was written by a version of PyTorch that is too old; save it again")
    return kind, key[:100], count


def _bytes(file: IO[bytes], start: int, count: int) -> bytearray:
    """So many bytes from so many on.

    Raises:
        Damaged: They are not there.
    """
    if count > file.seek(0, io.SEEK_END) - start:
        raise Damaged("it ends too soon")
    file.seek(start)
    found = bytearray(count)
    view, done = memoryview(found), 0
    while done < count:
        read = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not read:
            raise Damaged("it ends too soon")
        done += read
    return found
