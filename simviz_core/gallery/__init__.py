"""Galleries: which images there are, where they lie, and what class each is of."""

from simviz_core.gallery.archive import MAX_UNPACKED_BYTES, UnpackedArchive, unpack_archive
from simviz_core.gallery.columns import Column, Kind, Value, columns_of, value_text
from simviz_core.gallery.conditions import (
    COPY_FROM,
    NO_CONDITIONS,
    Conditions,
    check_conditions,
    column_named,
    equal_codes,
    rows_where,
)
from simviz_core.gallery.folders import LINKS_VARIABLE, left_out_lines, link_folders
from simviz_core.gallery.gallery import Gallery, GalleryImage, random_pair
from simviz_core.gallery.levels import (
    DEEPEST,
    FIRST,
    OWN,
    ClassLevel,
    class_level,
    level_title,
    levels_note,
)
from simviz_core.gallery.opening import (
    DEMO_GALLERY,
    MANIFEST_SUFFIXES,
    has_class_folders,
    holds_images,
    is_inside,
    looks_like_gallery,
    open_gallery,
)
from simviz_core.gallery.selections import (
    SELECTION_NAME,
    Selection,
    asked_selection,
    read_selection,
    save_selection,
    selection_of,
)
from simviz_core.gallery.two_sets import with_references

__all__ = [
    "COPY_FROM",
    "DEEPEST",
    "DEMO_GALLERY",
    "FIRST",
    "LINKS_VARIABLE",
    "MANIFEST_SUFFIXES",
    "MAX_UNPACKED_BYTES",
    "NO_CONDITIONS",
    "OWN",
    "SELECTION_NAME",
    "ClassLevel",
    "Column",
    "Conditions",
    "Gallery",
    "GalleryImage",
    "Kind",
    "Selection",
    "UnpackedArchive",
    "Value",
    "asked_selection",
    "check_conditions",
    "class_level",
    "column_named",
    "columns_of",
    "equal_codes",
    "has_class_folders",
    "holds_images",
    "is_inside",
    "left_out_lines",
    "level_title",
    "levels_note",
    "link_folders",
    "looks_like_gallery",
    "open_gallery",
    "random_pair",
    "read_selection",
    "rows_where",
    "save_selection",
    "selection_of",
    "unpack_archive",
    "value_text",
    "with_references",
]
