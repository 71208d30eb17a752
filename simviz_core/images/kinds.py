"""Which files are pictures: by their ending, and where that says nothing by how they begin."""

import os
import re
from pathlib import Path, PurePath

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".apng", ".gif", ".bmp", ".dib"}
    | {".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx"}
    | {".avif", ".heic", ".heif", ".hif"}
)
"""The file endings that galleries list and uploads accept."""
OTHER_SUFFIXES = frozenset(
    {".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml"}
    | {".ini", ".cfg", ".log", ".html", ".css", ".js", ".py", ".pyc", ".sh", ".ipynb", ".lock"}
    | {".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".xz", ".zst", ".parquet", ".arrow", ".pkl"}
    | {".npy", ".npz", ".mat", ".h5", ".hdf5", ".pt", ".pth", ".ckpt", ".safetensors", ".onnx"}
    | {".mp4", ".avi", ".mov", ".mkv", ".mp3", ".wav", ".pdf", ".svg", ".doc", ".docx", ".xls"}
    | {".xlsx", ".db", ".sqlite", ".url", ".part", ".tmp", ".crdownload"}
)
"""Endings of files that are not looked into."""
LOOK_AT = 64
"""Bytes of a file's beginning that tell a picture."""
_BEGINNINGS = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*"),
    *(b"II+\0", b"MM\0+", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
)
_BITMAP = re.compile(rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)
_NETPBM = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s")
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")


def is_heic(start: bytes) -> bool:
    """Whether a file that begins so is a HEIC photo, and no AVIF picture."""
    return start[4:8] == b"ftyp" and start[8:12] in HEIC_BRANDS and b"avif" not in start[16:64]


def begins_as_image(start: bytes) -> bool:
    """Whether a file begins as a picture does.

    Args:
        start: Its first `LOOK_AT` bytes.
    """
    if start.startswith(_BEGINNINGS) or _BITMAP.match(start) or _NETPBM.match(start):
        return True
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return True
    return start[4:8] == b"ftyp" and start[8:12] in (*AVIF_BRANDS, *HEIC_BRANDS)


def has_image_ending(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES


def has_other_ending(name: str) -> bool:
    """Whether a file's name ends as that of something else does, which is not looked into."""
    return PurePath(name).suffix.lower() in OTHER_SUFFIXES


def is_image_file(path: Path) -> bool:
    """Whether a plain file is a picture: by its ending, or else by how it begins.

    Args:
        path: A plain file, or a link to one; what is no plain file is none.
    """
    if has_image_ending(path.name):
        return True
    return not has_other_ending(path.name) and begins_as_image(_start(path))


def _start(path: Path) -> bytes:
    try:
        # Of a pipe that has taken the file's place this does not wait for what may never come.
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return b""
    try:
        return os.read(file, LOOK_AT)
    except OSError:
        return b""
    finally:
        os.close(file)
