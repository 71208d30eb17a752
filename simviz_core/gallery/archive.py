"""Unpack an uploaded ZIP archive of images, trusting nothing that it says about itself."""

import errno
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from simviz_core.errors import GalleryError
from simviz_core.gallery.archive_names import member_names
from simviz_core.images import (
    LOOK_AT,
    MAX_BYTES,
    begins_as_image,
    has_image_ending,
    has_other_ending,
)

MAX_FILES = 20_000
MAX_UNPACKED_BYTES = 2_000_000_000
PIECE = 1 << 20
"""Bytes that are unpacked at a time."""
ENCRYPTED = 0x1
"""Bit of a member's flags."""
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
)
"""What `zipfile` raises on damaged or hostile archives."""
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What no other member would fare better with."""
WHOLE_IS_ENCRYPTED = "the ZIP archive is encrypted; upload it without a password"


@dataclass(frozen=True)
class UnpackedArchive:
    """What came out of an archive.

    Attributes:
        images: How many.
        left_out: (name, reason) of everything that did not, but for hidden files.
        names_read_as: The encoding that the names without a stated one were read in; None where
            all are ASCII or state theirs.
    """

    images: int
    left_out: tuple[tuple[str, str], ...]
    names_read_as: str | None = None


@dataclass(frozen=True)
class _Member:
    """One file in the archive: what it is called, and where it belongs below the folder."""

    info: zipfile.ZipInfo
    name: str
    place: PurePosixPath


def unpack_archive(
    archive: IO[bytes], folder: Path, max_unpacked_bytes: int = MAX_UNPACKED_BYTES
) -> UnpackedArchive:
    """Unpack the images of a ZIP archive; what cannot be unpacked is left out and named.

    A folder that everything lies in is dropped, so that the class folders come right below
    `folder`. The limits count bytes as they come out, whatever the archive's index claims.

    Args:
        archive: The archive.
        folder: An empty folder, which receives the images.
        max_unpacked_bytes: How much may come out of it in all.

    Returns:
        How many images were unpacked, and what was not.

    Raises:
        GalleryError: Not a ZIP archive, damaged as a whole, without an image that can be unpacked,
            or too large.
    """
    left_out: list[tuple[str, str]] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            names, encoding = member_names(opened.infolist())
            members = _image_members(opened, names, left_out)
            room, done = max_unpacked_bytes, 0
            for member in members:
                written = _unpack(opened, member, folder, room, left_out)
                room -= written or 0
                done += written is not None
    except DAMAGE as error:
        reason = str(error) or "it ends too early"
        raise GalleryError(f"the ZIP archive is damaged and cannot be read ({reason})") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise GalleryError(f"the ZIP archive cannot be unpacked: {reason}") from error
    if not done:
        raise GalleryError(_nothing_came_out(members, left_out))
    return UnpackedArchive(done, tuple(left_out), encoding)


def _nothing_came_out(members: Sequence[_Member], left_out: Sequence[tuple[str, str]]) -> str:
    if all(member.info.flag_bits & ENCRYPTED for member in members):
        return WHOLE_IS_ENCRYPTED
    reasons = dict(left_out)
    first = members[0].name
    return f"no image of the ZIP archive can be unpacked; {first}: {reasons.get(first, 'damaged')}"


def _image_members(
    archive: zipfile.ZipFile, names: Sequence[str], left_out: list[tuple[str, str]]
) -> list[_Member]:
    """The images in the archive, and where below the folder each belongs."""
    members = []
    for info, name in zip(archive.infolist(), names, strict=True):
        place = PurePosixPath(name.replace("\\", "/"))
        if info.is_dir() or name.endswith(("/", "\\")) or _is_hidden(place):
            continue
        if reason := _why_not(archive, info, name, place):
            left_out.append((name, reason))
        else:
            members.append(_Member(info, name, place))
    if not members:
        raise GalleryError("the ZIP archive holds no images; put one folder per class into it")
    if len(members) > MAX_FILES:
        raise GalleryError(
            f"the ZIP archive holds {len(members):,} images; at most {MAX_FILES:,} are unpacked"
        )
    tops = {member.place.parts[0] for member in members}
    if len(tops) == 1 and all(len(member.place.parts) > 2 for member in members):
        return [
            _Member(member.info, member.name, PurePosixPath(*member.place.parts[1:]))
            for member in members
        ]
    return members


def _is_hidden(place: PurePosixPath) -> bool:
    return any(part.startswith(".") and part != ".." for part in place.parts) or (
        "__MACOSX" in place.parts
    )


def _why_not(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, place: PurePosixPath
) -> str | None:
    """Why a member is no image to be unpacked; None where it is one."""
    if place.suffix.lower() == ".zip":
        return "an archive inside the archive is not unpacked"
    if has_other_ending(name):
        return "no image by its ending"
    if place.is_absolute() or ".." in place.parts or ":" in name or "\0" in name:
        return "its path leads out of the archive"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind and not stat.S_ISREG(kind):
        return "a link" if stat.S_ISLNK(kind) else "no plain file"
    if not (has_image_ending(place.name) or begins_as_image(_start(archive, info))):
        return "no image by its content"
    return None


def _start(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as packed:
            return packed.read(LOOK_AT)
    except (OSError, *DAMAGE):
        return b""


def _unpack(
    archive: zipfile.ZipFile,
    member: _Member,
    folder: Path,
    room: int,
    left_out: list[tuple[str, str]],
) -> int | None:
    """Unpack one member as a plain file; returns its bytes, None where it has been left out."""
    path = folder / member.place
    try:
        return _write(archive, member, path, room)
    except FileExistsError:
        reason = "another file of the archive has this name"
    except OSError as error:
        if error.errno in DISK:
            raise
        reason = error.strerror or str(error)
    except DAMAGE as error:
        is_encrypted = member.info.flag_bits & ENCRYPTED
        reason = "encrypted" if is_encrypted else f"damaged ({error or 'it ends too early'})"
    left_out.append((member.name, reason))
    return None


def _write(archive: zipfile.ZipFile, member: _Member, path: Path, room: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member.info) as packed, path.open("xb") as file:
        try:
            while piece := packed.read(PIECE):
                written += len(piece)
                if written > room:
                    raise GalleryError(
                        f"the ZIP archive unpacks to more than is allowed (at {member.name}); "
                        "upload fewer or smaller images"
                    )
                if written > MAX_BYTES:
                    raise ValueError("more than is allowed for one image")
                file.write(piece)
        except BaseException:
            path.unlink()  # no half of an image
            raise
    return written
