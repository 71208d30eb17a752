"""Object masks: which pixels of a gallery's images show what.

The masks of a gallery `…/images` lie beside it in `…/masks`: for `images/chairs/1.jpg` the file
`masks/chairs/1.png`, whose palette index or grey value is the category of each pixel, 0 being the
background. `masks/categories.json` may name the categories, and say which of them are objects:
`{"categories": ["background", "wall", "lamp"], "objects": ["lamp"]}`. Without it every pixel that
is not 0 is an object.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core.errors import GalleryError, SettingsError
from simviz_core.gallery import Gallery, is_inside
from simviz_core.images import MAX_PIXELS, Frame

CATEGORIES_FILE = "categories.json"
MAX_CATEGORIES_BYTES = 1_000_000
MODES = ("P", "L", "1")
"""Of pictures whose pixels are categories."""

PixelMask = NDArray[np.bool_]


@dataclass(frozen=True)
class GalleryMasks:
    """The masks of a gallery.

    Attributes:
        folder: Where they lie.
        categories: What each palette index means; empty where they have no names.
        objects: The categories that are objects, not surroundings.
    """

    folder: Path
    categories: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()

    def of_image(self, image_id: str, objects: Sequence[str] | None = None) -> PixelMask | None:
        """Which pixels of an image show objects.

        Args:
            image_id: The image's id in the gallery.
            objects: Categories; None takes `self.objects`, or all but the background.

        Returns:
            (height, width); None where the image has no mask.

        Raises:
            SettingsError: There is no such category.
            GalleryError: The mask cannot be read.
        """
        wanted = self.objects if objects is None else objects
        unknown = [name for name in wanted if name not in self.categories]
        if unknown:
            offered = ", ".join(self.categories) or "none: they are not named"
            raise SettingsError(f"the masks have no category {unknown[0]!r}; they have {offered}")
        path = (self.folder / image_id).with_suffix(".png")
        if not path.is_file() or not is_inside(path, [self.folder]):
            return None
        values = _read_categories(path)
        if not wanted:
            return values != 0
        return np.isin(values, [self.categories.index(name) for name in wanted])


def find_masks(gallery: Gallery, allowed: Sequence[Path] | None = None) -> GalleryMasks | None:
    """The masks of a gallery's folder.

    Args:
        gallery: The gallery.
        allowed: Folders that the masks must lie in; None allows all.

    Returns:
        The masks; None where there are none.

    Raises:
        GalleryError: `categories.json` is damaged.
    """
    folder = gallery.source.parent / "masks"
    if gallery.source.name != "images" or not folder.is_dir():
        return None
    if allowed is not None and not is_inside(folder, allowed):
        return None
    path = folder / CATEGORIES_FILE
    if not path.is_file():
        return GalleryMasks(folder)
    try:
        if path.stat().st_size > MAX_CATEGORIES_BYTES:
            raise ValueError("it is too large")
        values = json.loads(path.read_text(encoding="utf-8"))
        categories, objects = tuple(values["categories"]), tuple(values.get("objects", ()))
        if not all(isinstance(name, str) for name in categories) or not set(objects) <= set(
            categories
        ):
            raise ValueError("categories should be texts, and objects some of them")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise GalleryError(
            f'{path} is damaged ({error}); it should hold lists of names under "categories" and '
            '"objects"'
        ) from error
    return GalleryMasks(folder, categories, objects)


def mask_weights(mask: PixelMask, grid: tuple[int, int], frame: Frame) -> Tensor:
    """The share of each cell that a mask covers.

    Args:
        mask: Of the whole picture, (height, width) in pixels.
        grid: Rows and columns of cells, (H, W); cells need not be whole pixels.
        frame: Where the cells lie in the picture.

    Returns:
        w, (H, W), float64, 0..1; padding is never covered.
    """
    (rows, columns), (height, width) = grid, mask.shape
    left, top, right, bottom = frame.corners(width, height)
    down, across = _overlaps(rows, height, top, bottom), _overlaps(columns, width, left, right)
    return torch.from_numpy(down @ mask @ across.T)


def _overlaps(cells: int, pixels: int, start: float, end: float) -> NDArray[np.float64]:
    """The share of each cell that each pixel takes along one axis, (cells, pixels).

    The cells lie from `start` to `end`, in pixels.
    """
    size = cells / (end - start)  # of a pixel, in cells
    cell, pixel = np.arange(cells)[:, None], (np.arange(pixels) - start) * size
    ends = np.minimum(cell + 1, pixel + size)
    return np.clip(ends - np.maximum(cell, pixel), 0, None)


def _read_categories(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=["PNG"]) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise ValueError(f"it has {opened.width:,} × {opened.height:,} pixels")
            if opened.mode not in MODES:
                raise ValueError(
                    f"its pixels are {opened.mode}, not palette indices or grey values"
                )
            return np.asarray(opened).astype(np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise GalleryError(f"the mask {path} cannot be read: {error}") from error
