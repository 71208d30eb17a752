"""Regions that a user draws on an image, in pixels of its original."""

from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from simviz_core.decomposition.regions import Rectangle, region_weights
from simviz_core.errors import SettingsError
from simviz_core.images import LoadedImage


@dataclass(frozen=True)
class Region:
    """Rectangles on an image, in pixels of its upright original.

    Attributes:
        include: Corners (x0, y0, x1, y1), in either order; none means the whole image.
        exclude: What to leave out of it.
    """

    include: tuple[Rectangle, ...] = ()
    exclude: tuple[Rectangle, ...] = ()

    @property
    def is_drawn(self) -> bool:
        """Whether there is any rectangle."""
        return bool(self.include or self.exclude)


def weights_on(region: Region, image: LoadedImage, grid: tuple[int, int]) -> Tensor:
    """The exact share of each cell that a region covers.

    Args:
        region: The region; what lies outside the image is cut off.
        image: The image that it is drawn on.
        grid: Rows and columns of the image's cells, (H, W).

    Returns:
        w, (H, W), float64, 0..1, not all zero.

    Raises:
        SettingsError: The region covers nothing of the image, or a corner is not a number.
    """
    extent = (image.width, image.height)
    try:
        weights = region_weights(region.include, grid, extent, region.exclude)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if not bool((weights > 0).any()):
        raise SettingsError(
            f"the region covers nothing of {image.name} ({image.width} × {image.height} pixels); "
            "draw a rectangle that has a width and a height, and leave some of it in"
        )
    return weights


def crop_to(region: Region, image: LoadedImage) -> Image.Image:
    """Cut out the smallest rectangle around everything that a region includes.

    Args:
        region: A region; what it excludes is not taken into account.
        image: The image that it is drawn on.

    Returns:
        RGB, at least one pixel wide and high; the whole image where nothing is included.

    Raises:
        SettingsError: The rectangle lies outside the image.
    """
    if not region.include:
        return image.pixels
    across = [x for x0, _, x1, _ in region.include for x in (x0, x1)]
    down = [y for _, y0, _, y1 in region.include for y in (y0, y1)]
    left, right = _clipped(min(across), max(across), image.width)
    top, bottom = _clipped(min(down), max(down), image.height)
    if left >= right or top >= bottom:
        raise SettingsError(f"the region covers nothing of {image.name}")
    # The pixels may have been reduced while loading.
    scale_x, scale_y = image.pixels.width / image.width, image.pixels.height / image.height
    x0 = min(int(left * scale_x), image.pixels.width - 1)
    y0 = min(int(top * scale_y), image.pixels.height - 1)
    x1, y1 = max(x0 + 1, round(right * scale_x)), max(y0 + 1, round(bottom * scale_y))
    return image.pixels.crop((x0, y0, x1, y1))


def _clipped(low: float, high: float, limit: int) -> tuple[float, float]:
    return max(0.0, low), min(float(limit), high)
