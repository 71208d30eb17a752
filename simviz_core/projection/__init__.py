"""Projection: a gallery in two dimensions, what can be believed of it, and exports of it."""

from simviz_core.projection.gallery_map import (
    GalleryMap,
    content_of,
    make_map,
    read_map,
    save_map,
)
from simviz_core.projection.groups import CLASS, HIT, grouping, groupings, names_of
from simviz_core.projection.layout import Cancelled, lay_out, method_of, principal_components
from simviz_core.projection.neighbours import NeighboursKept, neighbours_kept
from simviz_core.projection.report import (
    about_map,
    image_rows,
    map_as_json,
    write_parquet,
    write_projector,
)

__all__ = [
    "CLASS",
    "HIT",
    "Cancelled",
    "GalleryMap",
    "NeighboursKept",
    "about_map",
    "content_of",
    "grouping",
    "groupings",
    "image_rows",
    "lay_out",
    "make_map",
    "map_as_json",
    "method_of",
    "names_of",
    "neighbours_kept",
    "principal_components",
    "read_map",
    "save_map",
    "write_parquet",
    "write_projector",
]
