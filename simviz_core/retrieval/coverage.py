"""How much of a gallery stands behind a figure."""

from dataclasses import dataclass
from typing import Any

from simviz_core.images import ValueRange


@dataclass(frozen=True)
class Coverage:
    """How many of a gallery's images have an embedding, and how they were read.

    Attributes:
        indexed: Images that have one.
        in_gallery: Images that the gallery has: those that are not indexed yet, or cannot be read,
            too.
        value_ranges: What its pictures of more than 8 bits were read with.
        reading: What is to be said of how the gallery was read, see `Gallery.reading`.
    """

    indexed: int
    in_gallery: int
    value_ranges: tuple[ValueRange, ...] = ()
    reading: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of the gallery's images, those that are indexed, 0..1."""
        return self.indexed / self.in_gallery

    @property
    def note(self) -> str:
        """What is to be said beside a figure; "" where it rests on all of the gallery."""
        if self.indexed == self.in_gallery:
            return ""
        return (
            f"rests on {self.indexed:,} of the gallery's {self.in_gallery:,} images "
            f"({self.share:.1%}); the others are not indexed, or cannot be read"
        )

    def as_json(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {
            "images_in_gallery": self.in_gallery,
            "images_indexed": self.indexed,
            "share_indexed": self.share,
            "value_ranges": [shown.as_json() for shown in self.value_ranges],
            **({"gallery_reading": list(self.reading)} if self.reading else {}),
        }
