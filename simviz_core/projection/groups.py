"""What the points of a map are coloured by: class, hit or miss, or a column of the manifest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import SettingsError
from simviz_core.gallery import Column, value_text
from simviz_core.retrieval import GalleryIndex, RetrievalQuality

CLASS, HIT = "class", "hit"
"""What every labelled gallery can be coloured by; else the name of a column."""
IS_HIT, IS_MISS, NOT_ASKED = "hit", "miss", "not asked"


def groupings(index: GalleryIndex, has_quality: bool) -> list[str]:
    """What the images of an index can be coloured by, the best first.

    Args:
        index: The index.
        has_quality: Whether some class has two images, so that there are hits and misses.
    """
    names = [CLASS] if index.classes else []
    names += [HIT] if has_quality else []
    return [*names, *(name for name in index.columns if name not in (CLASS, HIT))]


def grouping(index: GalleryIndex, by: str, quality: RetrievalQuality | None) -> Column:
    """The group of each image.

    Args:
        index: N images.
        by: One of `groupings`.
        quality: Of the index; None where no class has two images.

    Returns:
        Values, and their places for each image; −1 for those without one.

    Raises:
        SettingsError: The index cannot be coloured by that.
    """
    offered = groupings(index, quality is not None)
    if by not in offered:
        those = (
            f"by {', '.join(offered)}" if offered else "by nothing: it has no classes or columns"
        )
        raise SettingsError(f"the map cannot be coloured by {by!r}; this gallery can {those}")
    if by == CLASS:
        return Column(CLASS, index.classes, index.class_of)
    if by == HIT and quality is not None:
        return Column("nearest neighbour", (IS_HIT, IS_MISS, NOT_ASKED), hits(index, quality))
    return index.columns[by]


def hits(index: GalleryIndex, quality: RetrievalQuality) -> NDArray[np.int64]:
    """For each image 0 where its nearest neighbour is of its class, 1 where not, 2 if not asked.

    Not asked were those alone in their class, and of large galleries those that were not drawn.
    """
    codes = np.full(len(index.images), 2, dtype=np.int64)
    codes[quality.rows] = np.where(quality.is_hit, 0, 1)
    return codes


def hit_of(code: int) -> bool | None:
    """Whether a code of `hits` is a hit; None where it was not asked."""
    return {0: True, 1: False}.get(code)


def names_of(group: Column) -> Sequence[str]:
    """The values of a group as text."""
    return [value_text(value) for value in group.values]
