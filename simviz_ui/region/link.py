"""Regions as a parameter of a link."""

import re

from simviz_core.decomposition.regions import Rectangle
from simviz_core.retrieval import Region

PARAMETER = "regions"
"""Of the link: rectangles in pixels of the original, such as `include:10,20,110,90`."""
LINKED = re.compile(r"(include|exclude):(-?[\d.]+),(-?[\d.]+),(-?[\d.]+),(-?[\d.]+)")


def region_as_link(region: Region) -> str:
    """A region as a parameter of a link."""
    return ";".join(
        f"{kind}:{','.join(f'{corner:.2f}' for corner in rectangle)}"
        for kind, rectangles in (("include", region.include), ("exclude", region.exclude))
        for rectangle in rectangles
    )


def region_from_link(link: str) -> Region:
    """The region that a link names; what it does not understand is passed over."""
    rectangles: dict[str, list[Rectangle]] = {"include": [], "exclude": []}
    for part in link.split(";"):
        if found := LINKED.fullmatch(part):
            try:
                x0, y0, x1, y1 = (float(number) for number in found.groups()[1:])
            except ValueError:
                continue
            rectangles[found.group(1)].append((x0, y0, x1, y1))
    return Region(tuple(rectangles["include"]), tuple(rectangles["exclude"]))
