"""What images look like on their way into a network."""

from dataclasses import dataclass

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = ("bicubic", "bilinear", "nearest", "lanczos")


@dataclass(frozen=True)
class Preprocessing:
    """How pixel values are scaled before they enter a network: (value / 255 − mean) / std.

    Attributes:
        mean: Per colour channel (red, green, blue), 0..1.
        std: Per colour channel, 0..1.
        interpolation: How images are resized, one of `INTERPOLATIONS`.
    """

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
