"""Two galleries as one: the images of one are asked, and those of the other are found."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from simviz_core.errors import GalleryError
from simviz_core.gallery.columns import Value, value_text
from simviz_core.gallery.gallery import Gallery, GalleryImage
from simviz_core.gallery.levels import level_title
from simviz_core.images import shared_ranges

QUERY, REFERENCE = "query", "reference"
"""What the column of the sets says of an image."""
REFERENCES = "references"
"""The folder that references seem to lie in: their ids begin with it."""
SET = "set"
"""The column of the sets; `set 2` where a manifest has one of that name."""


def with_references(queries: Gallery, references: Gallery) -> Gallery:
    """One gallery of two, with a column that tells them apart.

    `Gallery.conditions` asks the images of the one and finds those of the other. Ids of queries
    are as they were; those of references begin with `references/`. Labels and columns of one name
    mean the same in both.

    Args:
        queries: Images that are asked.
        references: Images that are found.

    Returns:
        All images, queries first. What only one of the two says is said of its own images alone.

    Raises:
        GalleryError: Both are the same gallery, or an id would be had twice.
    """
    if queries.source.resolve() == references.source.resolve():
        raise GalleryError(
            f"the references are to be another gallery than the queries' {queries.source}"
        )
    taken = next((i for i in queries.by_id if i.startswith(f"{REFERENCES}/")), None)
    if taken:
        raise GalleryError(
            f"the gallery {queries.source.name!r} has a folder {REFERENCES!r} of its own, with "
            f"{taken}; two sets of one gallery are told apart by a column"
        )
    named = {*queries.columns, *references.columns}
    column = next(name for name in _set_names() if name not in named)
    as_text = _of_two_kinds(queries, references)
    images = [
        *(_in_set(each, column, QUERY, as_text) for each in queries.images),
        *(
            replace(_in_set(each, column, REFERENCE, as_text), id=f"{REFERENCES}/{each.id}")
            for each in references.images
        ),
    ]
    ranges = queries.value_ranges
    if ranges != references.value_ranges:
        ranges = shared_ranges([image.path for image in images])
    return replace(
        queries,
        images=tuple(replace(image, value_ranges=ranges) for image in images),
        passed_over=(*queries.passed_over, *map(_of_references, references.passed_over)),
        columns_left_out={**references.columns_left_out, **queries.columns_left_out},
        left_out=(
            *queries.left_out,
            *((_of_references(name), reason) for name, reason in references.left_out),
        ),
        remarks=(
            _sets_note(queries, references),
            *(f"{name} is taken for text, since only one set has it as such" for name in as_text),
            *queries.remarks,
            *(f"of the references, {remark}" for remark in references.remarks),
        ),
        references=references.source,
        set_column=column,
    )


def _set_names() -> Iterator[str]:
    yield SET
    number = 2
    while True:
        yield f"{SET} {number}"
        number += 1


def _of_references(name: str) -> str:
    return f"{REFERENCES}/{name}"


def _in_set(image: GalleryImage, column: str, which: str, as_text: Sequence[str]) -> GalleryImage:
    columns: dict[str, Value | None] = {column: which, **image.columns}
    for name in as_text:
        if (value := columns.get(name)) is not None:
            columns[name] = value_text(value)
    return replace(image, columns=columns)


def _of_two_kinds(queries: Gallery, references: Gallery) -> list[str]:
    """Columns that hold numbers in one gallery and dates, or texts, in the other."""
    return [
        name
        for name, own in queries.columns.items()
        if (other := references.columns.get(name)) is not None
        and own.values
        and other.values
        and (own.kind, own.has_times) != (other.kind, other.has_times)
    ]


def _sets_note(queries: Gallery, references: Gallery) -> str:
    asked, found = queries.by_label.keys(), references.by_label.keys()
    note = (
        f"{len(queries.images):,} images are asked and {len(references.images):,} of "
        f"{references.source.name} are found"
    )
    if queries.level != references.level:
        note += f", whose class is the {level_title(references.level)}"
    if asked:
        of_all = f"{len(asked & found):,} of the {len(asked):,} classes that are asked"
        note += f"; {of_all} have references"
    return note
