"""What a library says of a network, before it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from simviz_core.networks.preprocessing import INTERPOLATIONS, Preprocessing


@dataclass(frozen=True)
class NamedSource:
    """What a library says of a network, before it is built.

    Attributes:
        name: Its name in SimViz, "timm/resnet50.a1_in1k".
        title: As it is shown, "timm resnet50.a1_in1k".
        preprocessing: How it expects its pixels.
        size: Height and width of the images that it was trained on, in pixels.
        build: Makes the network, without its classifier; its output is its embedding. The
            arguments say whether to load the pretrained weights, and for images of which height
            and width.
    """

    name: str
    title: str
    preprocessing: Preprocessing
    size: tuple[int, int]
    build: Callable[[bool, tuple[int, int]], nn.Module]


def interpolation_of(value: Any) -> str:
    """The name of a resampling, of whatever form a library keeps it in; bicubic where unknown."""
    name = str(getattr(value, "value", value)).lower()
    return name if name in INTERPOLATIONS else "bicubic"


def per_colour(values: Any) -> tuple[float, float, float]:
    """Three numbers, one for each colour; a single one counts for all."""
    numbers = [float(value) for value in values]
    red, green, blue = numbers * 3 if len(numbers) == 1 else numbers[:3]
    return red, green, blue
