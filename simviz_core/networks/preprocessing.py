"""What images look like on their way into a network."""

from dataclasses import dataclass, field, replace

from simviz_core.images.fitting import CROP, PAD, STRETCH, CentreCrop, Colour, Fit, Frame, frame_of
from simviz_core.networks.sizes import InputSize, height_and_width

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = ("bicubic", "bilinear", "nearest", "lanczos")
RGB, BGR = "rgb", "bgr"
CHANNEL_ORDERS = (RGB, BGR)
"""Red first, or blue first, as OpenCV reads images and Caffe's networks were trained."""


@dataclass(frozen=True)
class Preprocessing:
    """How pixel values are scaled before they enter a network: (value / 255 − mean) / std.

    Attributes:
        mean: Per colour channel (red, green, blue), 0..1.
        std: Per colour channel, 0..1.
        interpolation: How images are resized, one of `INTERPOLATIONS`.
        channel_order: The order that the network sees the colours in, one of `CHANNEL_ORDERS`; mean
            and std are of red, green and blue, whatever the order.
        fit: How an image becomes the network's input.
        crop: The centre crop that the network's source tells; None where it tells none.
    """

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
    # What is the default for nearly all is not part of what tells two of them apart in a digest.
    channel_order: str = field(default=RGB, repr=False)
    fit: Fit = field(default=STRETCH, repr=False)
    crop: CentreCrop | None = field(default=None, repr=False)

    @property
    def fill(self) -> Colour:
        """Colour of the padding: the mean, which the network sees as 0, to half a grey level."""
        red, green, blue = (round(255 * value) for value in self.mean)
        return red, green, blue

    @property
    def fit_digest(self) -> tuple[object, ...]:
        """What tells the fit apart in a digest; nothing for the default."""
        return {STRETCH: (), PAD: (PAD, self.fill), CROP: (CROP, self.crop or CentreCrop())}[
            self.fit
        ]

    @property
    def fit_words(self) -> str:
        """The fit where a network is named; "" for the default."""
        crop = self.crop or CentreCrop()
        whole = "" if crop.share == 1 else f" {crop.share:.1%}"
        return {STRETCH: "", PAD: "padded", CROP: f"centre crop{whole}"}[self.fit]

    @property
    def fit_sentence(self) -> str:
        """What the fit does to a picture, in one or two sentences."""
        if self.fit == PAD:
            return (
                "The whole picture, its proportions kept; the rest of the input has the network's "
                "mean colour, which it sees as 0. Cells that lie there carry a share, too."
            )
        if self.fit == STRETCH:
            return "The whole picture, stretched into the input; nothing is cut off."
        crop = self.crop or CentreCrop()
        what = "of the input's proportions" if crop.keeps_proportions else "of its own proportions"
        said = (
            "as the network's source has it"
            if self.crop
            else "as large as it can be, since the network's source tells no other"
        )
        return (
            f"The middle of the picture, {what}, {crop.share:.1%} of what there is room for, "
            f"{said}. Nothing outside it has any part in a score."
        )

    def scales_as(self, other: "Preprocessing") -> bool:
        """Whether nothing but the fit sets the two apart."""
        return replace(self, fit=other.fit) == other

    def fitted(self, fit: Fit) -> "Preprocessing | None":
        """The same with another fit, as settings have it: None for the default."""
        return None if fit == STRETCH else replace(self, fit=fit)

    def frame(self, picture: tuple[int, int], size: InputSize) -> Frame:
        """Where the network's input lies in a picture.

        Args:
            picture: Its width and height, in pixels.
            size: Of the input.
        """
        height, width = height_and_width(size)
        crop = self.crop or CentreCrop()
        return frame_of(self.fit, picture, (width, height), crop, self.fill)
