"""Open a gallery: a folder of class folders, a flat folder, or a CSV or Parquet manifest."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from simviz_core.errors import GalleryError
from simviz_core.gallery.folders import link_folders, list_folder
from simviz_core.gallery.gallery import Gallery, GalleryImage
from simviz_core.gallery.levels import (
    FIRST,
    class_level,
    class_levels,
    folder_columns,
    label_at,
)
from simviz_core.gallery.manifests.reading import read_manifest
from simviz_core.home import HOME
from simviz_core.images import IMAGE_SUFFIXES, ValueRange, has_image_ending, shared_ranges

DEMO_GALLERY = HOME / "demo" / "rooms" / "images"
"""The rendered hotel rooms that SimViz comes with."""
MANIFEST_SUFFIXES = frozenset({".csv", ".tsv", ".parquet"})
LOOK_AT = 200
"""Entries of a folder that are looked at to see whether it is a gallery."""


def open_gallery(
    source: Path | str,
    allowed: Sequence[Path] | None = None,
    value_ranges: tuple[ValueRange, ...] | None = None,
    level: str = FIRST,
) -> Gallery:
    """List the images of a gallery; none is opened but those that tell the range of its values.

    Of a folder, files are taken by their ending, or where that says nothing by how they begin. An
    image's class is one of the folders below the gallery's that it lies in; images that do not lie
    as deep have none. Hidden files are passed over. Links are followed where they stay in the
    folder or lead into one that the operator allowed; those that do not, and what is no plain
    file, are named. Where folders are nested, each level is a column too, to filter and group by.
    Of a manifest, the column `path` counts, relative to the manifest's folder, and `label` where
    there is one; the other columns are kept.

    Args:
        source: The folder or the manifest file.
        allowed: Folders that every image of a manifest must lie in, beside those that links may
            lead into; None allows all.
        value_ranges: What pictures of more than 8 bits are shown with; None finds one range for
            all of them, see `shared_ranges`.
        level: Which folder is the class, as `class_level` has it; of no account for a manifest.

    Returns:
        The gallery: of a folder in natural order ("view_2" before "view_10"), of a manifest in
        its own.

    Raises:
        GalleryError: There is no such folder or file, it holds no image, the manifest cannot be
            read, or it names a file outside the allowed folders.
        SettingsError: The level is none.
    """
    source, level = Path(source), class_level(level)
    try:
        is_file, is_folder = source.is_file(), source.is_dir()
        is_there = is_file or is_folder or source.exists()
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError):  # a name that no file can have
            raise GalleryError(f"the gallery folder {source} does not exist") from error
        raise GalleryError(f"the gallery {source} cannot be opened: {error.strerror}") from error
    if source.suffix.lower() in MANIFEST_SUFFIXES and is_file:
        return _from_manifest(source, allowed, value_ranges)
    if is_there and not is_folder:
        what = "a file" if is_file else "no plain file and no folder"
        raise GalleryError(
            f"{source} is {what}; name a folder of images, or a CSV or Parquet file with a column "
            "'path'"
        )
    if not is_folder:
        raise GalleryError(
            f"the gallery folder {source} does not exist; if it was there before, mount its disk "
            "again: its index is kept"
        )
    return _from_folder(source, value_ranges, level)


def _from_manifest(
    source: Path, allowed: Sequence[Path] | None, value_ranges: tuple[ValueRange, ...] | None
) -> Gallery:
    manifest = read_manifest(source)
    images = [
        GalleryImage(*image, columns=columns)
        for image, columns in zip(manifest.images, manifest.columns, strict=True)
    ]
    if allowed is not None:
        _check_inside(images, [*allowed, *link_folders()], source)
    return Gallery(
        source,
        _with_ranges(images, value_ranges),
        columns_left_out=manifest.columns_left_out,
        left_out=manifest.left_out,
        remarks=manifest.remarks,
    )


def _from_folder(source: Path, value_ranges: tuple[ValueRange, ...] | None, level: str) -> Gallery:
    found = list_folder(source)
    if not found.images:
        left_out = found.left_out
        of_them = f"; {left_out[0][0]} is left out: {left_out[0][1]}" if left_out else ""
        raise GalleryError(
            f"the gallery folder {source} holds no images; put one folder per class into it, with "
            f"files ending in {', '.join(sorted(IMAGE_SUFFIXES))}{of_them}"
        )
    levels = class_levels(found.images)
    depth = len(levels) - 1
    images = [
        GalleryImage(i, source / i, label_at(i, level), columns=folder_columns(i, depth))
        for i in found.images
    ]
    images.sort(key=lambda image: (_natural_order(image.id), image.id))
    return Gallery(
        source,
        _with_ranges(images, value_ranges),
        passed_over=tuple(sorted(found.passed_over)),
        left_out=tuple(sorted(found.left_out)),
        level=level,
        levels=levels,
    )


def _with_ranges(
    images: Sequence[GalleryImage], ranges: tuple[ValueRange, ...] | None
) -> tuple[GalleryImage, ...]:
    if ranges is None:
        ranges = shared_ranges([image.path for image in images])
    return tuple(replace(image, value_ranges=ranges) for image in images) if ranges else (*images,)


def holds_images(folder: Path) -> bool:
    """Whether a folder holds an image in itself, as a class folder does; a glance is taken."""
    return any(has_image_ending(entry.name) and entry.is_file() for entry in _glance(folder))


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
        if has_image_ending(entry.name) and entry.is_file():
            return True
        if entry.is_dir(follow_symlinks=False):
            below.append(Path(entry.path))
    return any(
        has_image_ending(entry.name) and entry.is_file()
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
