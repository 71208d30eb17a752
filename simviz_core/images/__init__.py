"""Images: loaded upright, in RGB and 8 bit, and with the range of the values that this shows."""

from simviz_core.images.fitting import CROP, FITS, PAD, STRETCH, WHOLE, CentreCrop, Fit, Frame
from simviz_core.images.kinds import (
    IMAGE_SUFFIXES,
    LOOK_AT,
    begins_as_image,
    has_image_ending,
    has_other_ending,
    is_image_file,
)
from simviz_core.images.loading import (
    FORMATS,
    MAX_BYTES,
    MAX_PIXELS,
    LoadedImage,
    common_range,
    load_image,
    resize_for_network,
)
from simviz_core.images.reducing import LONGEST_SIDE, WORKING_SIDE
from simviz_core.images.shared_range import shared_ranges
from simviz_core.images.value_range import ValueRange, given_range

__all__ = [
    "CROP",
    "FITS",
    "FORMATS",
    "IMAGE_SUFFIXES",
    "LONGEST_SIDE",
    "LOOK_AT",
    "MAX_BYTES",
    "MAX_PIXELS",
    "PAD",
    "STRETCH",
    "WHOLE",
    "WORKING_SIDE",
    "CentreCrop",
    "Fit",
    "Frame",
    "LoadedImage",
    "ValueRange",
    "begins_as_image",
    "common_range",
    "given_range",
    "has_image_ending",
    "has_other_ending",
    "is_image_file",
    "load_image",
    "resize_for_network",
    "shared_ranges",
]
