"""What is shown and exported of classes and of the images in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simviz_core import __version__
from simviz_core.classes.maps import (
    ClassMap,
    ClassSums,
    ContrastMap,
    class_contrast,
    class_map_of,
    class_reference,
    gallery_average,
)
from simviz_core.classes.matrix import class_similarities, closest_classes
from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import GalleryError, SettingsError
from simviz_core.figures import ClassBlock, ClassPanel
from simviz_core.images import WHOLE, Frame, ValueRange, load_image
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import NOTHING, Coverage, RelativeTo


@dataclass(frozen=True)
class ClassSummary:
    """A class in figures.

    Attributes:
        label: The class.
        images: How many it has.
        similarity: The mean similarity of two of its images; None for a class of one image.
        closest: The most similar other class, and the mean similarity to it; None where the
            gallery has one class.
        coverage: How much of the gallery the figures rest on.
    """

    label: str
    images: int
    similarity: float | None
    closest: tuple[str, float] | None
    coverage: Coverage


@dataclass(frozen=True)
class ImageInClass:
    """An image with its class map.

    Attributes:
        path: The image's file, as it is written in reports.
        label: The image's own class; None where it has none, or is not of the gallery.
        map: Its map with the (other) images of a class.
        contrast: Why it is closer to that class than to another one, or to the gallery; None if
            that was not asked.
        value_ranges: What the picture is read with, where it has more than 8 bits.
        frame: Where the map lies in the picture.
    """

    path: str
    label: str | None
    map: ClassMap
    contrast: ContrastMap | None = None
    value_ranges: tuple[ValueRange, ...] = ()
    frame: Frame = WHOLE

    @property
    def in_padding(self) -> float | None:
        """What lies in the padding, on no picture, of the mean similarity, or of the difference
        where there is a contrast; None of a picture that is not padded."""
        if not self.frame.is_padded:
            return None
        shown = self.contrast.values if self.contrast else self.map.mean_values
        return self.frame.in_padding(shown)

    @property
    def padding_note(self) -> str:
        """The same in words; "" of a picture that is not padded."""
        return "" if self.in_padding is None else f"{self.in_padding:.3f} in padding"


def summarise(sums: ClassSums, label: str) -> ClassSummary:
    """A class in figures.

    Raises:
        GalleryError: There is no such class.
    """
    place = sums.place(label)
    own = float(class_similarities(sums, sums.places([label]))[0, 0])
    closest = closest_classes(sums, label)
    size = int(sums.sizes[place])
    return ClassSummary(
        label,
        size,
        own if size > 1 else None,
        closest[0] if closest else None,
        sums.index.coverage,
    )


def class_to_contrast(sums: ClassSums, label: str, wanted: str | None = None) -> str:
    """The class that another one is contrasted with: the one that is wanted, or the closest.

    Raises:
        GalleryError: There is no such class, or no second class.
        SettingsError: It is the class itself.
    """
    if wanted is not None:
        sums.place(wanted)
        if wanted == label:
            raise SettingsError(f"{label!r} cannot be contrasted with itself; name another class")
        return wanted
    closest = closest_classes(sums, label)
    if not closest:
        raise GalleryError("the gallery has one class only; a contrast needs a second one")
    return closest[0][0]


def check_class_reference(relative: RelativeTo, label: str | None = None) -> None:
    """Refuse what a class map cannot be relative to.

    Args:
        relative: What was chosen.
        label: The class of the map; None where it is not known yet.

    Raises:
        SettingsError: It is neither nothing, the gallery's mean, nor another class.
    """
    is_class = relative.kind == "class" and relative.name is not None
    if not is_class and relative.kind not in ("nothing", "mean"):
        raise SettingsError(
            f"class maps cannot be relative to {relative}; write mean, or class:LABEL with the "
            "label of another class"
        )
    if is_class and relative.name == label:
        raise SettingsError(
            f"the class map of {label!r} relative to {label!r} itself is nothing; name another "
            "class"
        )


def contrast_sentence(images: Sequence[ImageInClass]) -> str:
    """What the colours of class maps that are relative to something mean; else nothing."""
    others = {found.contrast.other for found in images if found.contrast}
    if not others:
        return ""
    other = others.pop() if len(others) == 1 else "the other class"
    return (
        f"Red cells make an image more similar to the other images of its class than to {other}, "
        "blue ones speak for the latter; the cells add up to its mean similarity to the one minus "
        "that to the other."
    )


def contrast_check(found: ContrastMap) -> str:
    """The check that a relative class map adds up to the difference, in one line."""
    bias = f" + bias {found.bias:.4f}" if found.bias else ""
    total = float(found.values.sum(dtype="float64"))
    return (
        f"map sum {total:.4f}{bias} · difference {found.difference:.4f} = mean similarity "
        f"{found.difference + found.reference_similarity:.4f} − {found.reference_similarity:.4f} "
        f"· residual {found.residual:.0e}"
    )


def image_in_class(
    image: DecomposedImage,
    sums: ClassSums,
    label: str,
    path: str,
    image_id: str | None = None,
    relative: RelativeTo = NOTHING,
    frame: Frame = WHOLE,
) -> ImageInClass:
    """The class map of an image, and the same relative to another class or the gallery's mean.

    Args:
        image: One image, contributions (H, W, D).
        sums: Of the gallery, by the same network.
        label: The class.
        path: The image's file, as it is to be written.
        image_id: Its id in the gallery; None where it is not of the gallery.
        relative: What is subtracted from the class's mean: the gallery's, or another class's.
        frame: Where the network's input lies in the picture.

    Raises:
        GalleryError: There is no such class, or no other image in it.
        SettingsError: Class maps cannot be relative to it.
    """
    check_class_reference(relative, label)
    own = sums.index.row.get(image_id or "")
    reference = class_reference(sums, label, image_id)
    contrast = None
    if relative != NOTHING:
        of_class = relative.name is not None
        other = class_reference(sums, relative.name or "", image_id) if of_class else None
        contrast = class_contrast(image, reference, other or gallery_average(sums))
    return ImageInClass(
        path,
        sums.index.images[own].label if own is not None else None,
        class_map_of(image, reference),
        contrast,
        sums.index.coverage.value_ranges,
        frame,
    )


def class_block(
    summary: ClassSummary,
    images: Sequence[ImageInClass],
    settings: NetworkSettings,
    first: int = 1,
) -> ClassBlock:
    """Images of one class as the figure shows them.

    Args:
        summary: Of the class that they are compared with.
        images: With their maps, at least one; all with a contrast to the same class, or none.
        settings: The network.
        first: The rank of the first one.

    Raises:
        ImageError: A file cannot be read any more.
    """
    contrast = images[0].contrast
    return ClassBlock(
        title=summary_line(summary),
        panels=tuple(
            ClassPanel(
                settings.seen(load_image(Path(found.path), value_ranges=found.value_ranges).pixels),
                f"{place}. {Path(found.path).name} · {found.map.typicality:.3f}"
                + (f" · {found.padding_note}" if found.padding_note else ""),
                found.map.mean_values,
                found.contrast.values if found.contrast else None,
                f"difference {found.contrast.difference:+.3f}" if found.contrast else "",
            )
            for place, found in enumerate(images, start=first)
        ),
        contrasted=_contrasted(contrast) if contrast else None,
    )


def _contrasted(contrast: ContrastMap) -> tuple[str, str]:
    """What the two ends of the colours speak for, short enough for a colour bar."""
    is_mean = contrast.relative_to.kind == "mean"
    return contrast.label, "the gallery's mean" if is_mean else contrast.other


def summary_line(summary: ClassSummary) -> str:
    """A class in one line."""
    parts = [f"{summary.label}: {summary.images:,} {'image' if summary.images == 1 else 'images'}"]
    if summary.similarity is not None:
        parts.append(f"mean similarity {summary.similarity:.3f}")
    if summary.closest is not None:
        label, similarity = summary.closest
        parts.append(f"closest class {label} ({similarity:.3f})")
    if summary.coverage.note:
        parts.append(summary.coverage.note)
    return " · ".join(parts)


def classes_as_json(
    summaries: Sequence[ClassSummary],
    images: Sequence[ImageInClass],
    gallery: str,
    settings: NetworkSettings,
) -> dict[str, Any]:
    """Class maps as JSON-ready values.

    Args:
        summaries: Of the classes.
        images: With their maps.
        gallery: As the user named it.
        settings: The network.

    Returns:
        The settings, `classes` and `images`; maps are lists of rows.
    """
    return {
        "gallery": gallery,
        **settings.as_json(),
        "classes": [_class_as_json(summary) for summary in summaries],
        "images": [_image_as_json(found) for found in images],
        **summaries[0].coverage.as_json(),
        "version": __version__,
    }


def _class_as_json(summary: ClassSummary) -> dict[str, Any]:
    closest = summary.closest
    return {
        "label": summary.label,
        "images": summary.images,
        "mean_similarity": summary.similarity,
        "closest_class": {"label": closest[0], "similarity": closest[1]} if closest else None,
    }


def _image_as_json(found: ImageInClass) -> dict[str, Any]:
    values: dict[str, Any] = {
        "path": found.path,
        "label": found.label,
        "class": found.map.label,
        "count": found.map.count,
        "similarity_sum": found.map.similarity_sum,
        "typicality": found.map.typicality,
        "bias": found.map.bias,
        "residual": found.map.residual,
        "class_map": found.map.values.tolist(),
    }
    if found.in_padding is not None:
        values["in_padding"] = found.in_padding
    if found.contrast is not None:
        values["contrast"] = {
            "relative_to": str(found.contrast.relative_to),
            "against": found.contrast.other,
            "colours": contrast_sentence([found]),
            "reference_similarity": found.contrast.reference_similarity,
            "difference": found.contrast.difference,
            "bias": found.contrast.bias,
            "residual": found.contrast.residual,
            "map": found.contrast.values.tolist(),
        }
    return values


def class_rows(images: Sequence[ImageInClass]) -> list[dict[str, Any]]:
    """Images of classes as rows of a table, in their order."""
    return [
        {
            "class": found.map.label,
            "path": found.path,
            "label": found.label,
            "typicality": found.map.typicality,
            "other_images": found.map.count,
            "contrasted_with": found.contrast.other if found.contrast else None,
            "reference_similarity": found.contrast.reference_similarity if found.contrast else None,
            "difference": found.contrast.difference if found.contrast else None,
            "residual": found.map.residual,
        }
        for found in images
    ]
