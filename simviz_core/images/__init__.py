"""Images: loaded upright, in RGB and 8 bit, and with the range of the values that this shows."""

from simviz_core.images.loading import (
    FORMATS,
    IMAGE_SUFFIXES,
    LONGEST_SIDE,
    MAX_BYTES,
    MAX_PIXELS,
    WORKING_SIDE,
    LoadedImage,
    load_image,
    resize_for_network,
)
from simviz_core.images.shared_range import shared_ranges
from simviz_core.images.value_range import ValueRange, given_range

__all__ = [
    "FORMATS",
    "IMAGE_SUFFIXES",
    "LONGEST_SIDE",
    "MAX_BYTES",
    "MAX_PIXELS",
    "WORKING_SIDE",
    "LoadedImage",
    "ValueRange",
    "given_range",
    "load_image",
    "resize_for_network",
    "shared_ranges",
]
