"""Open a gallery: a folder of class folders, a flat folder, or a CSV or Parquet manifest."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from simviz_core.errors import GalleryError
from simviz_core.gallery.gallery import Gallery, GalleryImage
from simviz_core.gallery.manifest import read_manifest
from simviz_core.images import IMAGE_SUFFIXES, ValueRange, shared_ranges

DEMO_GALLERY = Path(__file__).resolve().parents[2] / "demo" / "rooms" / "images"
"""The rendered hotel rooms that SimViz comes with."""
MANIFEST_SUFFIXES = frozenset({".csv", ".parquet"})
LOOK_AT = 200
"""Entries of a folder that are looked at to see whether it is a gallery."""


def open_gallery(
    source: Path | str,
    allowed: Sequence[Path] | None = None,
    value_ranges: tuple[ValueRange, ...] | None = None,
) -> Gallery:
    """List the images of a gallery; none is opened but those that tell the range of its values.

    Of a folder, files are taken by their ending. An image's class is the folder right below the
    gallery's folder that it lies in; images that lie in the gallery's folder itself have none.
    Hidden files are passed over, and so are links that lead out of the folder and what is no plain
    file. Of a manifest, the column `path` counts, relative to the manifest's folder, and `label`
    where there is one; the other columns are kept to filter and group by.

    Args:
        source: The folder or the manifest file.
        allowed: Folders that every image of a manifest must lie in; None allows all.
        value_ranges: What pictures of more than 8 bits are shown with; None finds one range for
            all of them, see `shared_ranges`.

    Returns:
        The gallery: of a folder in natural order ("view_2" before "view_10"), of a manifest in
        its own.

    Raises:
        GalleryError: There is no such folder or file, it holds no image, the manifest cannot be
            read, or it names a file outside the allowed folders.
    """
    source = Path(source)
    try:
        is_file, is_folder = source.is_file(), source.is_dir()
    except OSError as error:
        raise GalleryError(f"the gallery {source} cannot be opened: {error.strerror}") from error
    if source.suffix.lower() in MANIFEST_SUFFIXES and is_file:
        manifest = read_manifest(source)
        images = [
            GalleryImage(*image, columns=columns)
            for image, columns in zip(manifest.images, manifest.columns, strict=True)
        ]
        if allowed is not None:
            _check_inside(images, allowed, source)
        return Gallery(
            source,
            _with_ranges(images, value_ranges),
            columns_left_out=manifest.columns_left_out,
        )
    if is_file:
        raise GalleryError(
            f"{source} is a file; name a folder of images, or a CSV or Parquet file with a column "
            "'path'"
        )
    if not is_folder:
        raise GalleryError(f"the gallery folder {source} does not exist")
    files = list(_files_below(source))
    ids = [file for file in files if _is_image(file)]
    images = [GalleryImage(i, source / i, _folder_label(i)) for i in ids]
    if not images:
        raise GalleryError(
            f"the gallery folder {source} holds no images; put one folder per class into it, with "
            f"files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    images.sort(key=lambda image: (_natural_order(image.id), image.id))
    return Gallery(
        source,
        _with_ranges(images, value_ranges),
        passed_over=tuple(sorted(_printable(file) for file in files if not _is_image(file))),
    )


def _with_ranges(
    images: Sequence[GalleryImage], ranges: tuple[ValueRange, ...] | None
) -> tuple[GalleryImage, ...]:
    if ranges is None:
        ranges = shared_ranges([image.path for image in images])
    return tuple(replace(image, value_ranges=ranges) for image in images) if ranges else (*images,)


def holds_images(folder: Path) -> bool:
    """Whether a folder holds an image in itself, as a class folder does; a glance is taken."""
    return any(_has_image_suffix(entry.name) and entry.is_file() for entry in _glance(folder))


def has_class_folders(folder: Path) -> bool:
    """Whether a folder is one gallery with a folder for each class; only a glance is taken.

    At least half of the folders in it hold images, or it holds images beside them. Where fewer do,
    it is a folder of something else, which may hold galleries.
    """
    if holds_images(folder):
        return True
    inner = [Path(e.path) for e in _glance(folder) if e.is_dir(follow_symlinks=False)]
    return bool(inner) and 2 * sum(map(holds_images, inner)) >= len(inner)


def looks_like_gallery(folder: Path) -> bool:
    """Whether a folder holds an image, in itself or right below; only a glance is taken."""
    below = []
    for entry in _glance(folder):
        if _has_image_suffix(entry.name) and entry.is_file():
            return True
        if entry.is_dir(follow_symlinks=False):
            below.append(Path(entry.path))
    return any(
        _has_image_suffix(entry.name) and entry.is_file()
        for inner in below
        for entry in _glance(inner)
    )


def is_inside(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a path lies in one of the folders, links and ".." resolved."""
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError):
        return False  # a link to itself, say, or a name that no file can have
    return any(resolved.is_relative_to(folder.resolve()) for folder in folders)


def _glance(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(LOOK_AT), entries, strict=False):
                if not entry.name.startswith("."):
                    yield entry
    except OSError:
        return


def _has_image_suffix(name: str) -> bool:
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


def _is_image(file: str) -> bool:
    """By its ending; names that are no text cannot be stored or shown."""
    return _has_image_suffix(file) and file == _printable(file)


def _printable(file: str) -> str:
    """The name, with the bytes that are no UTF-8 written as `\\xdf`."""
    return os.fsencode(file).decode("utf-8", "backslashreplace")


def _files_below(root: Path) -> Iterator[str]:
    """The files below a folder, as paths below it with forward slashes."""
    inside = root.resolve()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(folder, name)
            if not name.startswith(".") and _is_file_in(path, inside):
                yield path.relative_to(root).as_posix()


def _is_file_in(path: Path, folder: Path) -> bool:
    """Whether it is a plain file, or a link to one that does not lead out of the folder."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        return path.is_file() and path.resolve().is_relative_to(folder)
    return stat.S_ISREG(mode)


def _folder_label(image_id: str) -> str | None:
    parts = PurePosixPath(image_id).parts
    return parts[0] if len(parts) > 1 else None


def _check_inside(images: Sequence[GalleryImage], allowed: Sequence[Path], manifest: Path) -> None:
    for image in images:
        if not is_inside(image.path, allowed):
            raise GalleryError(
                f"{manifest.name} names {image.id!r}, which is outside the folders that may be "
                "opened here; ask whoever runs SimViz to allow its folder"
            )


def _natural_order(text: str) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", text.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]
