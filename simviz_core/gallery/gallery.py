"""What a gallery is: images, each with a class or without one."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from simviz_core.errors import GalleryError
from simviz_core.gallery.columns import Column, Value, columns_of
from simviz_core.gallery.levels import FIRST, ClassLevel, label_at, levels_note
from simviz_core.images import LoadedImage, ValueRange, load_image


@dataclass(frozen=True)
class GalleryImage:
    """One image of a gallery.

    Attributes:
        id: Its path below the gallery's folder, with forward slashes; names it in links.
        path: Where it is on disk.
        label: Its class; None where it has none.
        value_ranges: What the gallery's pictures of more than 8 bits are shown with; nothing where
            each has its own.
        columns: What a manifest says of it besides, under the columns' names; None where it says
            nothing.
    """

    id: str
    path: Path
    label: str | None
    value_ranges: tuple[ValueRange, ...] = ()
    columns: Mapping[str, Value | None] = field(default_factory=dict, compare=False)

    def load(self, name: str | None = None) -> LoadedImage:
        """The picture, its values shown as those of the whole gallery are.

        Args:
            name: What to call it in messages; the path by default.

        Raises:
            ImageError: The file cannot be read as an image.
        """
        return load_image(self.path, name=name, value_ranges=self.value_ranges)


@dataclass(frozen=True)
class Gallery:
    """Images in a fixed order.

    Attributes:
        source: The folder or the manifest that was opened.
        images: At least one image, each id once.
        passed_over: Files in the folder that are no images.
        columns_left_out: Columns of the manifest that say no one thing of each image, with the
            reason.
        left_out: (name, reason) of what may be images, or hold some, and is not listed: links that
            lead out, pipes, folders that cannot be read.
        level: Which folder is the class, as `class_level` has it.
        levels: Those that could be, where folders are nested.
        remarks: What was found out in reading a manifest, or taken for something else.
        references: The gallery whose images are found, where these are two; see
            `with_references`.
        set_column: The column that then says of each image which of the two it is of.
    """

    source: Path
    images: tuple[GalleryImage, ...]
    passed_over: tuple[str, ...] = ()
    columns_left_out: Mapping[str, str] = field(default_factory=dict, compare=False)
    left_out: tuple[tuple[str, str], ...] = ()
    level: str = FIRST
    levels: tuple[ClassLevel, ...] = ()
    remarks: tuple[str, ...] = ()
    references: Path | None = None
    set_column: str = ""

    @property
    def sources(self) -> tuple[Path, ...]:
        """Where it is on disk; of two galleries both."""
        return (self.source, self.references) if self.references else (self.source,)

    @property
    def place(self) -> str:
        """The same as one text, which tells it from all others."""
        return os.pathsep.join(str(source.resolve()) for source in self.sources)

    @property
    def reading(self) -> tuple[str, ...]:
        """What is to be said of how it was read, in sentences without a full stop."""
        said = [levels_note(self.levels, self.level), *self.remarks]
        if self.left_out:
            count, (name, reason) = len(self.left_out), self.left_out[0]
            first = "" if count == 1 else "; the first of them is "
            said.append(
                f"{count:,} {'file or folder is' if count == 1 else 'files and folders are'} left "
                f"out{first or ': '}{name}: {reason}"
            )
        return tuple(filter(None, said))

    @property
    def value_ranges(self) -> tuple[ValueRange, ...]:
        """What black and white stand for in all of its pictures of more than 8 bits."""
        return self.images[0].value_ranges

    def at_level(self, level: str) -> "Gallery":
        """The same folder with another level of its folders as the class.

        Args:
            level: As `class_level` has it; one that it does not have leaves it as it is.
        """
        if level not in [each.level for each in self.levels]:
            return self
        images = tuple(replace(each, label=label_at(each.id, level)) for each in self.images)
        return replace(self, images=images, level=level)

    @cached_property
    def by_id(self) -> dict[str, GalleryImage]:
        """Every image under its id."""
        return {image.id: image for image in self.images}

    @cached_property
    def by_label(self) -> dict[str, tuple[GalleryImage, ...]]:
        """The images of each class; those without a class are left out."""
        classes: dict[str, list[GalleryImage]] = {}
        for image in self.images:
            if image.label is not None:
                classes.setdefault(image.label, []).append(image)
        return {label: tuple(images) for label, images in classes.items()}

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns of a manifest besides path and label, or each level of nested folders."""
        return columns_of([image.columns for image in self.images])

    @cached_property
    def position(self) -> dict[str, int]:
        """The place of each id in the order of the images."""
        return {image.id: place for place, image in enumerate(self.images)}

    def image(self, image_id: str) -> GalleryImage:
        """Look an image up by its id.

        Raises:
            GalleryError: The gallery has no such image.
        """
        if image_id not in self.by_id:
            raise GalleryError(f"the gallery {self.source.name!r} has no image {image_id!r}")
        return self.by_id[image_id]

    def neighbour(self, image_id: str, step: int) -> str:
        """The id of the image that is `step` places further on, round from the last to the first.

        Raises:
            GalleryError: The gallery has no such image.
        """
        place = self.position[self.image(image_id).id]
        return self.images[(place + step) % len(self.images)].id


def random_pair(gallery: Gallery, same_class: bool, chance: random.Random) -> tuple[str, str]:
    """Draw two different images at random.

    Args:
        gallery: Where to draw from.
        same_class: Whether both come from one class, or from two.
        chance: The source of randomness.

    Returns:
        The ids of the two images.

    Raises:
        GalleryError: No class has two images, or there are not two classes.
    """
    classes = gallery.by_label
    if same_class:
        paired = [images for images in classes.values() if len(images) > 1]
        if not paired:
            raise GalleryError("no class of the gallery has two images; add more to a class folder")
        query, match = chance.sample(chance.choice(paired), 2)
    else:
        if len(classes) < 2:
            raise GalleryError("the gallery has fewer than two classes; add a class folder")
        first, second = chance.sample(list(classes), 2)
        query, match = chance.choice(classes[first]), chance.choice(classes[second])
    return query.id, match.id
