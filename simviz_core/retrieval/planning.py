"""What has to be embedded, so that a table agrees with its gallery."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from simviz_core.gallery import FIRST, Gallery, GalleryImage
from simviz_core.images import LoadedImage
from simviz_core.retrieval.storing.rows import OWN_RANGE, StoredImage
from simviz_core.retrieval.storing.table import EmbeddingTable

NO_FILE = -1, 0
"""Size and time of change of a file that is not there."""


@dataclass(frozen=True)
class IndexPlan:
    """What has to be done so that a table agrees with its gallery.

    Attributes:
        new: Images that the table lacks.
        changed: Images whose file has another size or time of change than the table says, or whose
            values are to be read with another range.
        removed: Ids of rows whose image is no longer in the gallery.
        relabelled: Ids of images whose file is as it was, but whose class is another.
        unreadable: Rows of files that could not be read, and have not changed since.
        damaged: Ids of those of `changed` whose file is as it was, but whose stored embedding is
            not what was stored; empty where that has not been looked at.
        absent: Ids of images whose file is not there now. What was indexed of them is kept: a disk
            that is not mounted, or a folder that is away, would have to be embedded again.
    """

    new: tuple[GalleryImage, ...]
    changed: tuple[GalleryImage, ...]
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    unreadable: tuple[StoredImage, ...]
    damaged: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.new or self.changed or self.removed or self.relabelled)


def plan_index(gallery: Gallery, table: EmbeddingTable, damaged: Collection[str] = ()) -> IndexPlan:
    """Compare a gallery's files with what a table holds of them; no file is opened.

    Args:
        gallery: The gallery.
        table: Its table.
        damaged: Ids of rows whose embedding has to be made anew, see `EmbeddingTable.damaged`.

    Raises:
        StoreError: The table is damaged.
    """
    stored = table.images()
    new, changed, relabelled, absent = [], [], [], []
    for image in gallery.images:
        row = stored.get(image.id)
        if row is None:
            new.append(image)
        elif image.id in damaged:
            changed.append(image)
        elif (state := file_state(image.path)) == NO_FILE and not row.error:
            absent.append(image.id)
        elif (row.file_size, row.modified) != state or _has_new_range(image, row):
            changed.append(image)
        elif row.label != image.label and gallery.level == FIRST:
            # What the table holds are the classes of the usual level; no figure rests on them.
            relabelled.append(image.id)
    pending = {image.id for image in changed}
    return IndexPlan(
        new=tuple(new),
        changed=tuple(changed),
        removed=tuple(image_id for image_id in stored if image_id not in gallery.by_id),
        relabelled=tuple(relabelled),
        unreadable=tuple(
            row
            for image_id, row in stored.items()
            if row.error and image_id in gallery.by_id and image_id not in pending
        ),
        damaged=tuple(image.id for image in changed if image.id in damaged),
        absent=tuple(absent),
    )


def _has_new_range(image: GalleryImage, row: StoredImage) -> bool:
    """Whether a picture of more than 8 bits was read with another range than the gallery's now."""
    keys = {shown.key for shown in image.value_ranges}
    if row.values is None or row.values in keys:
        return False
    return bool(keys) or row.values != OWN_RANGE


def range_key(image: GalleryImage, loaded: LoadedImage) -> str | None:
    """What the table keeps of the range that a picture was read with; see `StoredImage.values`."""
    if loaded.value_range is None:
        return None
    return loaded.value_range.key if loaded.value_range in image.value_ranges else OWN_RANGE


def file_state(path: Path) -> tuple[int, int]:
    """The file's size in bytes and its time of change in nanoseconds, or `NO_FILE`."""
    try:
        state = path.stat()
    except (OSError, ValueError):  # a name with a zero byte is a ValueError
        return NO_FILE
    return state.st_size, state.st_mtime_ns
