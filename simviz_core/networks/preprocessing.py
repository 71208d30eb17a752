"""What images look like on their way into a network."""

from dataclasses import dataclass, field

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
    """

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
    # What is the default for nearly all is not part of what tells two of them apart in a digest.
    channel_order: str = field(default=RGB, repr=False)
