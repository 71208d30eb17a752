"""Galleries: images on disk in one folder per class."""

import random
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from simviz_core.errors import GalleryError
from simviz_core.images import IMAGE_SUFFIXES

DEMO_GALLERY = Path(__file__).resolve().parents[1] / "demo" / "rooms" / "images"
"""The rendered hotel rooms that SimViz comes with."""


@dataclass(frozen=True)
class GalleryImage:
    """One image of a gallery.

    Attributes:
        id: Its path below the gallery's folder, with forward slashes; names it in links.
        path: Where it is on disk.
        label: Its class, the name of the folder that it lies in.
    """

    id: str
    path: Path
    label: str


@dataclass(frozen=True)
class Gallery:
    """The images below a folder, sorted by class and name.

    Attributes:
        root: The folder.
        images: At least one image.
    """

    root: Path
    images: tuple[GalleryImage, ...]

    @cached_property
    def by_id(self) -> dict[str, GalleryImage]:
        """Every image under its id."""
        return {image.id: image for image in self.images}

    @cached_property
    def by_label(self) -> dict[str, tuple[GalleryImage, ...]]:
        """The images of each class."""
        classes: dict[str, list[GalleryImage]] = {}
        for image in self.images:
            classes.setdefault(image.label, []).append(image)
        return {label: tuple(images) for label, images in classes.items()}

    def image(self, image_id: str) -> GalleryImage:
        """Look an image up by its id.

        Raises:
            GalleryError: The gallery has no such image.
        """
        if image_id not in self.by_id:
            raise GalleryError(f"the gallery {self.root.name!r} has no image {image_id!r}")
        return self.by_id[image_id]

    def neighbour(self, image_id: str, step: int) -> str:
        """The id of the image that is `step` places further on, round from the last to the first.

        Raises:
            GalleryError: The gallery has no such image.
        """
        position = self.images.index(self.image(image_id))
        return self.images[(position + step) % len(self.images)].id


def open_gallery(root: Path | str) -> Gallery:
    """List the images below a folder of class folders.

    Files are taken by their ending and not opened. Hidden files are passed over, and so are links
    that lead out of the folder.

    Args:
        root: The folder. Images may also lie in it directly; their class is then the folder's name.

    Returns:
        The gallery, its images in natural order ("view_2" before "view_10").

    Raises:
        GalleryError: The folder does not exist or holds no image.
    """
    root = Path(root)
    if not root.is_dir():
        raise GalleryError(f"the gallery folder {root} does not exist")
    inside = root.resolve()
    paths = [path for path in root.rglob("*") if _is_gallery_image(path, root, inside)]
    if not paths:
        raise GalleryError(
            f"the gallery folder {root} holds no images; put one folder per class into it, with "
            f"files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    images = [
        GalleryImage(path.relative_to(root).as_posix(), path, path.parent.name) for path in paths
    ]
    return Gallery(root, tuple(sorted(images, key=lambda image: _natural_order(image.id))))


def random_pair(gallery: Gallery, same_class: bool, chance: random.Random) -> tuple[str, str]:
    """Draw two different images at random.

    Args:
        gallery: Where to draw from.
        same_class: Whether both come from one class, or from two.
        chance: The source of randomness.

    Returns:
        The ids of the two images.

    Raises:
        GalleryError: No class has two images, or there is only one class.
    """
    classes = gallery.by_label
    if same_class:
        paired = [images for images in classes.values() if len(images) > 1]
        if not paired:
            raise GalleryError("no class of the gallery has two images; add more to a class folder")
        query, match = chance.sample(chance.choice(paired), 2)
    else:
        if len(classes) < 2:
            raise GalleryError("the gallery has only one class; add a second class folder")
        first, second = chance.sample(list(classes), 2)
        query, match = chance.choice(classes[first]), chance.choice(classes[second])
    return query.id, match.id


def _is_gallery_image(path: Path, root: Path, inside: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return (
        path.suffix.lower() in IMAGE_SUFFIXES
        and not is_hidden
        and path.is_file()
        and path.resolve().is_relative_to(inside)
    )


def _natural_order(text: str) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", text.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]
