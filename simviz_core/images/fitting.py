"""How a picture becomes a network's input, and where that input lies in the picture.

Stretched, the whole picture fills the input. Padded, it keeps its proportions and lies in the
middle of a canvas. Cropped, its middle is the input, as most networks were trained and measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core.decomposition.regions import Rectangle, region_weights
from simviz_core.images.loading import resize_for_network

Fit = Literal["stretch", "pad", "crop"]
STRETCH: Fit = "stretch"
PAD: Fit = "pad"
CROP: Fit = "crop"
FITS: tuple[Fit, ...] = (STRETCH, PAD, CROP)

Colour = tuple[int, int, int]
LONGEST_SHOWN = 2048
"""Of the sides of a padded picture as it is shown, in pixels; a strip's canvas would be huge."""
DIMMED = 0.65
"""How far the pixels that a network does not see go towards black."""


@dataclass(frozen=True)
class Frame:
    """Where a network's input lies in a picture, of whatever resolution.

    A map and its cells lie on the frame: whatever leads from a picture to cells, or back, asks it.

    Attributes:
        left: In the unit of `width`, from the picture's left edge; less than 0 is padding.
        top: In the unit of `height`, from its top; likewise.
        right: As `left`; more than `width` is padding.
        bottom: As `top`; more than `height` is padding.
        width: Of the picture.
        height: Of the picture.
        fill: Colour of the padding: red, green, blue, 0..255.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    width: float = 1.0
    height: float = 1.0
    fill: Colour = (0, 0, 0)

    @property
    def is_cropped(self) -> bool:
        """Whether a part of the picture lies outside."""
        return max(self.left, self.top) > 0 or self.right < self.width or self.bottom < self.height

    @property
    def is_padded(self) -> bool:
        """Whether a part of the input lies outside the picture."""
        return min(self.left, self.top) < 0 or self.right > self.width or self.bottom > self.height

    def corners(self, width: float, height: float) -> Rectangle:
        """Left, top, right and bottom, in pixels of a picture that has so many."""
        left, right = (end * width / self.width for end in (self.left, self.right))
        top, bottom = (end * height / self.height for end in (self.top, self.bottom))
        return left, top, right, bottom

    def region_weights(
        self,
        include: Sequence[Rectangle],
        grid: tuple[int, int],
        extent: tuple[float, float],
        exclude: Sequence[Rectangle] = (),
    ) -> Tensor:
        """The exact share of each cell that a region of the picture covers.

        Args:
            include: Rectangles on the picture; none means all of the input, its padding too.
            grid: Rows and columns of cells, (H, W).
            extent: Width and height of the picture, in the unit of the rectangles.
            exclude: Rectangles to leave out.

        Returns:
            w, (H, W), float64, 0..1; what lies outside the picture, or the frame, covers nothing.

        Raises:
            ValueError: A corner is not a finite number.
        """
        left, top, right, bottom = self.corners(*extent)

        def placed(x0: float, y0: float, x1: float, y1: float) -> Rectangle:
            (x0, x1), (y0, y1) = (
                [min(max(end, 0.0), size) if math.isfinite(end) else end for end in ends]
                for ends, size in (((x0, x1), extent[0]), ((y0, y1), extent[1]))
            )
            return x0 - left, y0 - top, x1 - left, y1 - top

        included, excluded = ([placed(*each) for each in drawn] for drawn in (include, exclude))
        return region_weights(included, grid, (right - left, bottom - top), excluded)

    def picture_weights(self, grid: tuple[int, int]) -> Tensor:
        """The share of each cell that lies on the picture, (H, W), float64; the rest is padding."""
        return self.region_weights([(0, 0, 1, 1)], grid, (1, 1))

    def in_padding(self, values: NDArray[np.float32]) -> float:
        """What the cells of a map, (H, W), hold that lies in the padding: Σ (1 − w) M."""
        if not self.is_padded:
            return 0.0
        rows, columns = values.shape
        return float(((1 - self.picture_weights((rows, columns)).numpy()) * values).sum())

    def seen(self, picture: Image.Image) -> Image.Image:
        """What a network sees of a picture, before it is resized: maps lie on all of it.

        Args:
            picture: RGB.

        Returns:
            RGB: the picture itself, its middle, or the picture with its padding. A padded one is
            reduced where a side would have more than `LONGEST_SHOWN` pixels.
        """
        if self.is_padded:
            across, down = self.right - self.left, self.bottom - self.top
            own = max(picture.width / self.width, picture.height / self.height)
            scale = min(own, LONGEST_SHOWN / max(across, down))
            return self.resized(
                picture, (max(1, round(across * scale)), max(1, round(down * scale)))
            )
        return picture.crop(self._box(picture)) if self.is_cropped else picture

    def resized(
        self, picture: Image.Image, size: tuple[int, int], interpolation: str = "bicubic"
    ) -> Image.Image:
        """What a network sees of a picture, as large as it sees it.

        Args:
            picture: RGB.
            size: Width and height of the result, in pixels, of the frame's proportions.
            interpolation: As for `resize_for_network`.

        Returns:
            RGB, of that size, antialiased.
        """
        if not self.is_padded:
            return resize_for_network(self.seen(picture), size, interpolation)
        x, y = size[0] / (self.right - self.left), size[1] / (self.bottom - self.top)
        inner = max(1, round(self.width * x)), max(1, round(self.height * y))
        canvas = Image.new("RGB", size, self.fill)
        place = round(-self.left * x), round(-self.top * y)
        canvas.paste(resize_for_network(picture, inner, interpolation), place)
        return canvas

    def dimmed(self, picture: Image.Image) -> Image.Image:
        """A whole picture, RGB; what lies outside the frame is dark."""
        if not self.is_cropped:
            return picture
        box = self._box(picture)
        dark = Image.blend(picture, Image.new("RGB", picture.size), DIMMED)
        dark.paste(picture.crop(box), box[:2])
        return dark

    def _box(self, picture: Image.Image) -> tuple[int, int, int, int]:
        """The corners of a crop in whole pixels; of a smaller picture at least one pixel."""
        left, top, right, bottom = map(round, self.corners(*picture.size))
        left, top = min(left, picture.width - 1), min(top, picture.height - 1)
        return left, top, max(right, left + 1), max(bottom, top + 1)


WHOLE = Frame()
"""The frame of a stretched picture: all of it."""


@dataclass(frozen=True)
class CentreCrop:
    """The centre crop that a network was trained, or measured, with.

    Attributes:
        share: Its sides in relation to those of the largest rectangle of the input's proportions
            that the picture has room for, 0..1.
        keeps_proportions: Whether it has the input's proportions; otherwise its sides are that
            share of the picture's own, and it is stretched.
    """

    share: float = 1.0
    keeps_proportions: bool = True


def frame_of(
    fit: Fit, picture: tuple[int, int], size: tuple[int, int], crop: CentreCrop, fill: Colour
) -> Frame:
    """Where a network's input lies in a picture.

    Args:
        fit: How the picture becomes the input.
        picture: Its width and height, in pixels.
        size: Width and height of the input, in pixels.
        crop: What is cut out of it, where it is cropped.
        fill: Colour of the padding, where it is padded.

    Returns:
        The frame: of a crop its edges lie between pixels of the picture, of a padded one the
        picture's edges lie between pixels of the input.
    """
    width, height = picture
    if fit == PAD:
        left, top, across, down = _inside(picture, size)
        # The input's pixels are the unit: in those the picture's edges are whole numbers.
        right, bottom = size[0] - left, size[1] - top
        return Frame(-left, -top, right, bottom, across, down, fill)
    if fit == CROP:
        room: tuple[float, float] = picture
        if crop.keeps_proportions:
            room = min(width, height * size[0] / size[1]), min(height, width * size[1] / size[0])
        across, down = (max(1, round(side * crop.share)) for side in room)
        left, top = (width - across) // 2, (height - down) // 2
        return Frame(left, top, left + across, top + down, width, height, fill)
    return WHOLE


def _inside(picture: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Where a picture lies in the middle of a canvas: left, top, width, height, in its pixels."""
    scale = min(size[0] / picture[0], size[1] / picture[1])
    width, height = (
        min(max(1, round(side * scale)), most) for side, most in zip(picture, size, strict=True)
    )
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height
