"""Unpack an uploaded ZIP archive of images, trusting nothing that it says about itself."""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from simviz_core.errors import GalleryError
from simviz_core.images import IMAGE_SUFFIXES, MAX_BYTES

MAX_FILES = 20_000
MAX_UNPACKED_BYTES = 2_000_000_000
PIECE = 1 << 20
"""Bytes that are unpacked at a time."""
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
)
"""What `zipfile` raises on damaged or hostile archives."""


def unpack_archive(
    archive: IO[bytes], folder: Path, max_unpacked_bytes: int = MAX_UNPACKED_BYTES
) -> int:
    """Unpack the images of a ZIP archive; whatever else it holds is passed over.

    A folder that everything lies in is dropped, so that the class folders come right below
    `folder`. The limits count bytes as they come out, whatever the archive's index claims.

    Args:
        archive: The archive.
        folder: An empty folder, which receives the images.
        max_unpacked_bytes: How much may come out of it in all.

    Returns:
        How many images were unpacked.

    Raises:
        GalleryError: Not a ZIP archive, damaged, encrypted, without images, or too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _image_members(opened)
            room = max_unpacked_bytes
            for member, place in members:
                room -= _unpack(opened, member, folder / place, min(room, MAX_BYTES))
    except DAMAGE as error:
        reason = str(error) or "it ends too early"
        raise GalleryError(f"the ZIP archive is damaged and cannot be read ({reason})") from error
    except RuntimeError as error:
        raise GalleryError("the ZIP archive is encrypted; upload it without a password") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise GalleryError(f"the ZIP archive cannot be unpacked: {reason}") from error
    return len(members)


def _image_members(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The images in the archive, and where below the folder each belongs."""
    members = [
        (member, place)
        for member in archive.infolist()
        if not member.is_dir() and (place := _safe_place(member.filename)) is not None
    ]
    if not members:
        raise GalleryError("the ZIP archive holds no images; put one folder per class into it")
    if len(members) > MAX_FILES:
        raise GalleryError(
            f"the ZIP archive holds {len(members):,} images; at most {MAX_FILES:,} are unpacked"
        )
    tops = {place.parts[0] for _, place in members}
    if len(tops) == 1 and all(len(place.parts) > 2 for _, place in members):
        return [(member, PurePosixPath(*place.parts[1:])) for member, place in members]
    return members


def _safe_place(name: str) -> PurePosixPath | None:
    """The member's place below the folder; None for what is no image or leads out of it."""
    place = PurePosixPath(name.replace("\\", "/"))
    is_image = place.suffix.lower() in IMAGE_SUFFIXES
    leads_out = place.is_absolute() or ".." in place.parts or ":" in name or "\0" in name
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in place.parts)
    return place if is_image and not leads_out and not is_hidden else None


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, room: int) -> int:
    """Unpack one member as a plain file, a link too; returns its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member) as packed, path.open("wb") as file:
        while piece := packed.read(PIECE):
            written += len(piece)
            if written > room:
                raise GalleryError(
                    f"the ZIP archive unpacks to more than is allowed (at {member.filename}); "
                    "upload fewer or smaller images"
                )
            file.write(piece)
    return written
