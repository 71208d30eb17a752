"""Selections: images of a gallery chosen by hand, kept under a name that a link can hold."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import SettingsError
from simviz_core.files import write_atomically
from simviz_core.gallery.gallery import Gallery, GalleryImage

SELECTION_NAME = re.compile(r"[0-9a-f]{16}")
"""What names of selections look like."""
MOST_KEPT = 200
"""Selections in one folder; the oldest make room for others."""
MAX_BYTES = 256_000_000
_FOLDER = "selections"


@dataclass(frozen=True)
class Selection:
    """Some images of one gallery.

    Attributes:
        gallery: The gallery's folder or manifest, resolved.
        ids: Of the images, in the alphabet's order, at least one.
    """

    gallery: str
    ids: tuple[str, ...]

    @cached_property
    def name(self) -> str:
        """What links and commands call it: a digest, the same for the same images."""
        text = "\0".join((self.gallery, *self.ids))
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def title(self) -> str:
        """What it is called on the pages."""
        count = len(self.ids)
        return f"Selection of {count:,} {'image' if count == 1 else 'images'}"

    def rows(self, images: Sequence[GalleryImage]) -> NDArray[np.bool_]:
        """Which of some images are selected, (N,)."""
        ids = set(self.ids)
        return np.array([image.id in ids for image in images], dtype=bool)

    def is_of(self, gallery: Gallery) -> bool:
        """Whether it was made in a gallery."""
        return self.gallery == gallery.place


def selection_of(gallery: Gallery, ids: Iterable[str]) -> Selection:
    """The selection of images of a gallery.

    Raises:
        GalleryError: The gallery has no such image.
        SettingsError: There are none.
    """
    chosen = tuple(sorted({gallery.image(image_id).id for image_id in ids}))
    if not chosen:
        raise SettingsError("a selection needs at least one image")
    return Selection(gallery.place, chosen)


def save_selection(selection: Selection, store: Path) -> None:
    """Keep a selection beside the embeddings.

    Args:
        selection: The selection.
        store: The folder of the embeddings.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = store / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    values = {"gallery": selection.gallery, "ids": selection.ids}
    write_atomically(folder / f"{selection.name}.json", json.dumps(values).encode())
    kept = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in kept[:-MOST_KEPT]:
        file.unlink(missing_ok=True)


def read_selection(name: str, store: Path) -> Selection | None:
    """The selection of a name.

    Returns:
        None where it is not kept, or is not what was kept under that name.
    """
    if not SELECTION_NAME.fullmatch(name):
        return None
    file = store / _FOLDER / f"{name}.json"
    try:
        if file.stat().st_size > MAX_BYTES:
            return None
        values = json.loads(file.read_text(encoding="utf-8"))
        found = Selection(str(values["gallery"]), tuple(map(str, values["ids"])))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if found.name == name else None


def asked_selection(text: str, gallery: Gallery, store: Path) -> Selection:
    """The selection that a command asks for.

    Args:
        text: The name of one that is kept, or a file with the id of an image on each line.
        gallery: The gallery.
        store: The folder of the embeddings.

    Raises:
        SettingsError: There is no such selection or file, or it is of another gallery.
        GalleryError: The gallery has no such image.
    """
    found = read_selection(text, store)
    if found is None:
        try:
            lines = Path(text).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"no selection {text!r} is kept, and no such file can be read; name a file with "
                "the id of an image on each line"
            ) from error
        return selection_of(gallery, filter(None, map(str.strip, lines)))
    if not found.is_of(gallery):
        raise SettingsError(f"the selection {text} is of another gallery, {found.gallery}")
    return found
