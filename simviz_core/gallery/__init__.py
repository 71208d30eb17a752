"""Galleries: which images there are, where they lie, and what class each is of."""

from simviz_core.gallery.archive import MAX_UNPACKED_BYTES, UnpackedArchive, unpack_archive
from simviz_core.gallery.columns import Column, Kind, Value, columns_of, value_text
from simviz_core.gallery.conditions import (
    NO_CONDITIONS,
    Conditions,
    check_conditions,
    column_named,
    equal_codes,
    rows_where,
)
from simviz_core.gallery.gallery import Gallery, GalleryImage, random_pair
from simviz_core.gallery.opening import (
    DEMO_GALLERY,
    MANIFEST_SUFFIXES,
    is_inside,
    looks_like_gallery,
    open_gallery,
)

__all__ = [
    "DEMO_GALLERY",
    "MANIFEST_SUFFIXES",
    "MAX_UNPACKED_BYTES",
    "NO_CONDITIONS",
    "Column",
    "Conditions",
    "Gallery",
    "GalleryImage",
    "Kind",
    "UnpackedArchive",
    "Value",
    "check_conditions",
    "column_named",
    "columns_of",
    "equal_codes",
    "is_inside",
    "looks_like_gallery",
    "open_gallery",
    "random_pair",
    "rows_where",
    "unpack_archive",
    "value_text",
]
