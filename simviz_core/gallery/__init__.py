"""Galleries: which images there are, where they lie, and what class each is of."""

from simviz_core.gallery.archive import UnpackedArchive, unpack_archive
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
    "Gallery",
    "GalleryImage",
    "UnpackedArchive",
    "is_inside",
    "looks_like_gallery",
    "open_gallery",
    "random_pair",
    "unpack_archive",
]
