"""Regions that a user draws on an image, in pixels of its original."""

import math
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from simviz_core.decomposition.regions import Rectangle
from simviz_core.errors import SettingsError
from simviz_core.images import WHOLE, Frame, LoadedImage

LEAST_OUTSIDE = 0.0005
"""Of a region's area, to be said: less is shown as 0.0%."""


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


def rectangle_text(corners: Rectangle) -> str:
    """Corners in full, parted by commas: what is read again is the same to the last bit."""
    return ",".join(str(int(x)) if x == int(x) else repr(float(x)) for x in corners)


def weights_on(region: Region, image: LoadedImage, grid: tuple[int, int], frame: Frame) -> Tensor:
    """The exact share of each cell that a region covers.

    Args:
        region: The region; what lies outside the image, or its frame, is cut off.
        image: The image that it is drawn on.
        grid: Rows and columns of the image's cells, (H, W).
        frame: Where the cells lie in the image, as its network has it.

    Returns:
        w, (H, W), float64, 0..1, not all zero.

    Raises:
        SettingsError: The region covers nothing of the image, or of what the network sees of it,
            or a corner is not a number.
    """
    try:
        weights = _weights(region, image, grid, frame)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if not bool((weights > 0).any()):
        if bool((_weights(region, image, grid, WHOLE) > 0).any()):
            raise SettingsError(
                f"the region lies outside what the network sees of {image.name}, "
                f"{_seen(image, frame)}; draw inside of it, or take stretch or pad (--fit) instead "
                "of crop"
            )
        raise SettingsError(_covers_nothing(image))
    return weights


def outside_note(region: Region, image: LoadedImage, frame: Frame) -> str:
    """What of a region lies outside what the network sees, in a sentence; "" for nothing.

    Args:
        region: That covers something of it.
        image: The image that it is drawn on.
        frame: Where the network's input lies in the image.
    """
    if not (region.is_drawn and frame.is_cropped):
        return ""
    drawn = float(_weights(region, image, (1, 1), WHOLE))
    left, top, right, bottom = frame.corners(1, 1)
    area = (right - left) * (bottom - top)
    outside = 1 - float(_weights(region, image, (1, 1), frame)) * area / drawn
    if outside < LEAST_OUTSIDE:
        return ""
    return (
        f"{outside:.1%} of the region lies outside what the network sees of the image, "
        f"{_seen(image, frame)}, and counts for nothing"
    )


def _weights(region: Region, image: LoadedImage, grid: tuple[int, int], frame: Frame) -> Tensor:
    extent = (image.width, image.height)
    return frame.region_weights(region.include, grid, extent, region.exclude)


def _seen(image: LoadedImage, frame: Frame) -> str:
    left, top, right, bottom = map(round, frame.corners(image.width, image.height))
    return (
        f"columns {left} to {right} and rows {top} to {bottom} of {image.width} × {image.height} "
        "pixels"
    )


def crop_to(region: Region, image: LoadedImage) -> Image.Image:
    """Cut out the smallest rectangle around everything that a region includes.

    Args:
        region: A region; what it excludes is not taken into account.
        image: The image that it is drawn on; what lies outside it is cut off.

    Returns:
        RGB, at least one pixel wide and high; the whole image where nothing is included.

    Raises:
        SettingsError: The region covers nothing of the image, or a corner is not a number.
    """
    if not region.include:
        return image.pixels
    inside = [
        rectangle
        for drawn in region.include
        if (rectangle := _clipped(drawn, image, WHOLE)) is not None
    ]
    if not inside:
        raise SettingsError(_covers_nothing(image))
    left, top = (min(rectangle[side] for rectangle in inside) for side in (0, 1))
    right, bottom = (max(rectangle[side] for rectangle in inside) for side in (2, 3))
    # The pixels may have been reduced while loading.
    scale_x, scale_y = image.pixels.width / image.width, image.pixels.height / image.height
    x0 = min(int(left * scale_x), image.pixels.width - 1)
    y0 = min(int(top * scale_y), image.pixels.height - 1)
    x1, y1 = max(x0 + 1, round(right * scale_x)), max(y0 + 1, round(bottom * scale_y))
    return image.pixels.crop((x0, y0, x1, y1))


def exclude_counts(region: Region, image: LoadedImage, frame: Frame) -> bool:
    """Whether what a region excludes takes anything out of what it includes, within the frame.

    Raises:
        SettingsError: A corner is not a number.
    """
    whole = (0.0, 0.0, float(image.width), float(image.height))
    included = [_clipped(drawn, image, frame) for drawn in region.include or (whole,)]
    excluded = [_clipped(drawn, image, frame) for drawn in region.exclude]
    return any(
        max(a[0], b[0]) < min(a[2], b[2]) and max(a[1], b[1]) < min(a[3], b[3])
        for a in included
        for b in excluded
        if a is not None and b is not None
    )


def _clipped(drawn: Rectangle, image: LoadedImage, frame: Frame) -> Rectangle | None:
    """The part of a rectangle on the image and in the frame, corners in order; None for nothing."""
    if not all(math.isfinite(corner) for corner in drawn):
        raise SettingsError("the corners of a rectangle must be finite numbers")
    (left, right), (top, bottom) = sorted(drawn[0::2]), sorted(drawn[1::2])
    x0, y0, x1, y1 = frame.corners(image.width, image.height)
    left, top = max(0.0, x0, left), max(0.0, y0, top)
    right, bottom = min(float(image.width), x1, right), min(float(image.height), y1, bottom)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _covers_nothing(image: LoadedImage) -> str:
    return (
        f"the region covers nothing of {image.name} ({image.width} × {image.height} pixels); "
        "draw a rectangle that has a width and a height, and leave some of it in"
    )
