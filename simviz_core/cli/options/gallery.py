"""What the commands that read a gallery have in common: its options, and how it is indexed."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from simviz_core.cli.options.network import add_network_details, add_network_options
from simviz_core.errors import SettingsError
from simviz_core.gallery import (
    COPY_FROM,
    FIRST,
    OWN,
    Conditions,
    Gallery,
    GalleryImage,
    Selection,
    asked_selection,
    check_conditions,
    class_level,
    level_title,
    open_gallery,
    with_references,
)
from simviz_core.images import LoadedImage, ValueRange, given_range
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    CACHE_VARIABLE,
    PRECISIONS,
    AllowedRows,
    Embed,
    EmbeddingTable,
    GalleryIndex,
    IndexProgress,
    IndexReport,
    default_store_folder,
    embedding_table,
    index_together,
    load_index,
)

GALLERY_HELP = "a folder of class folders, a flat folder, or a CSV or Parquet file with a column "
GALLERY_HELP += "'path' and optionally 'label' and others to filter by"


def add_indexed_gallery(command: argparse.ArgumentParser) -> None:
    """The gallery that a command is about, and the network that it is indexed with."""
    command.add_argument("gallery", metavar="GALLERY", help=GALLERY_HELP)
    add_network_options(command)
    add_network_details(command)
    add_store_options(command)


def add_store_options(command: argparse.ArgumentParser) -> None:
    """How embeddings are kept, and how the gallery and its pictures are read for them."""
    add_class_level_option(command)
    command.add_argument(
        "--references",
        metavar="GALLERY",
        help="another gallery: images of the first are asked, and those of this one are found",
    )
    add_value_range_option(command)
    command.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help=f"of the stored embeddings; default: %(default)s. {CACHE_VARIABLE} names their folder",
    )


def add_class_level_option(command: argparse.ArgumentParser) -> None:
    """Which of nested folders is the class."""
    command.add_argument(
        "--class-level",
        type=_class_level,
        default=FIRST,
        metavar="LEVEL",
        help="of nested folders, which one is the class: 1 for the first folder below the "
        "gallery's, 2 for the second …, or own for the one that the image lies in; default: "
        "%(default)s",
    )


def _class_level(text: str) -> str:
    try:
        return class_level(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def asked_gallery(options: argparse.Namespace) -> Gallery:
    """The gallery that a command is about.

    Raises:
        SettingsError: No image of it lies as deep as the folder that is to be the class.
        GalleryError: It, or the one of `--references`, cannot be opened.
    """
    ranges = getattr(options, "value_range", None)
    gallery = open_gallery(options.gallery, value_ranges=ranges, level=options.class_level)
    if options.class_level != FIRST and not gallery.by_label:
        raise SettingsError(
            f"--class-level {options.class_level}: no image of {gallery.source} has "
            f"{'an' if options.class_level == OWN else 'a'} {level_title(options.class_level)} "
            "below the gallery's"
        )
    if options.class_level != FIRST and gallery.source.is_file():
        raise SettingsError("--class-level is for folders; a manifest names classes in 'label'")
    if getattr(options, "references", None) is None:
        return gallery
    references = open_gallery(options.references, value_ranges=ranges)
    return with_references(gallery, references.at_level(gallery.level))


def add_value_range_option(command: argparse.ArgumentParser) -> None:
    """Which values of pictures of more than 8 bits are black and white."""
    command.add_argument(
        "--value-range",
        type=value_range,
        metavar="LOW,HIGH",
        help="values that are black and white in pictures of more than 8 bits (with = before a "
        "negative LOW); default: what the files state, or what their values suggest, one range "
        "for all",
    )


def value_range(text: str) -> tuple[ValueRange, ...]:
    """The range of `--value-range`.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        low, high = (float(part) for part in text.split(","))
        return given_range(low, high)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not two numbers such as 0,4095, the lower one first"
        ) from error


def value_words(shown: ValueRange | None) -> list[str]:
    """The option that asks for a range; nothing where no picture needs one."""
    return [] if shown is None else [f"--value-range={shown.key}"]


def add_condition_options(command: argparse.ArgumentParser, what: str) -> None:
    """Which images count, by the columns of the gallery's manifest.

    Args:
        command: The command.
        what: What becomes of images that meet them.
    """
    command.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help=f"{what} only images with this value in a column of the manifest, or with one in "
        "COLUMN=LOW..HIGH of numbers and dates; several of one column are alternatives, those of "
        "different columns must hold together",
    )
    command.add_argument(
        "--leave-out-equal",
        action="append",
        default=[],
        metavar="COLUMN",
        help="find no image with the query's own value in this column of the manifest, such as "
        "the same camera; may be given several times",
    )
    for option, of in (("--ask", "queries"), ("--find", "images that may be found")):
        command.add_argument(
            option,
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help=f"the {of} are those with this value, as for --where: one set is asked, and found "
            "in another, such as split=query; where only one set is named, the other is the rest",
        )
    command.add_argument(
        "--leave-out-copies",
        type=float,
        nargs="?",
        const=COPY_FROM,
        metavar="SIMILARITY",
        help="find no copy of the query: no image of at least this similarity to it; "
        f"{COPY_FROM:g} where none is given",
    )


def asked_conditions(options: argparse.Namespace, gallery: Gallery) -> Conditions:
    """The conditions that `add_condition_options` asked for.

    Raises:
        SettingsError: The gallery has no such column, or it cannot hold such a value.
    """
    conditions = Conditions(
        tuple(options.where),
        tuple(options.leave_out_equal),
        tuple(options.ask),
        tuple(options.find),
        options.leave_out_copies,
    ).between(gallery.set_column)
    check_conditions(gallery.columns, conditions, gallery.columns_left_out)
    return conditions


def say_values(pictures: Sequence[LoadedImage], gallery: Gallery | None = None) -> None:
    """Say on standard error how files were read, where there was a choice."""
    notes = [f"{picture.name}: {picture.note}" for picture in pictures if picture.note]
    if gallery is not None:
        notes += [f"the gallery's {found.kind}: {found.text}" for found in gallery.value_ranges]
        notes += [f"of the gallery, {said}" for said in gallery.reading]
    for note in notes:
        print(f"simviz: {note}", file=sys.stderr)


@contextmanager
def indexing_bar() -> Iterator[Callable[[IndexProgress], None]]:
    """Show how far indexing has come on standard error."""
    with tqdm(desc="indexing", unit=" images", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(progress: IndexProgress) -> None:
            bar.total = progress.total
            bar.update(progress.done - bar.n)

        yield show


def bring_up_to_date(
    options: argparse.Namespace, gallery: Gallery, network: SimilarityNetwork
) -> tuple[EmbeddingTable, IndexReport]:
    """Index what is new or changed, with a progress bar on standard error.

    Raises:
        SimVizError: See `index_gallery`.
    """
    tables, reports = bring_together(options, gallery, [network])
    return tables[0], reports[0]


def bring_together(
    options: argparse.Namespace,
    gallery: Gallery,
    networks: Sequence[SimilarityNetwork],
    embed: Embed | None = None,
) -> tuple[list[EmbeddingTable], list[IndexReport]]:
    """The same for several poolings of one network, whose feature maps are made once for all.

    Args:
        options: Of the command.
        gallery: The gallery.
        networks: The network with each of the poolings.
        embed: Where the network is run, see `index_together`.

    Returns:
        The tables, and what was done for each.

    Raises:
        SimVizError: See `index_together`.
    """
    tables = [
        embedding_table(gallery, network.fingerprint, options.precision) for network in networks
    ]
    with indexing_bar() as show:
        targets = list(zip(networks, tables, strict=True))
        return tables, index_together(gallery, targets, show, embed=embed)


def up_to_date_index(
    options: argparse.Namespace,
    gallery: Gallery,
    network: SimilarityNetwork,
    approximate: bool = False,
) -> GalleryIndex:
    """The embeddings of a gallery, once they are up to date; what is left out is said.

    Raises:
        SimVizError: See `index_gallery` and `load_index`.
    """
    return loaded(gallery, *bring_up_to_date(options, gallery, network), approximate)


def loaded(
    gallery: Gallery, table: EmbeddingTable, report: IndexReport, approximate: bool = False
) -> GalleryIndex:
    """The embeddings of a gallery that was brought up to date; what is left out is said.

    Args:
        gallery: The gallery.
        table: Its embeddings.
        report: What was done.
        approximate: As for `load_index`.

    Raises:
        SimVizError: See `load_index`.
    """
    warn_of_unreadable(report)
    say_values([], gallery)
    index = load_index(gallery, table, approximate)
    if index.coverage.note:
        print(f"simviz: what follows {index.coverage.note}", file=sys.stderr)
    return index


def find_in(gallery: Gallery, path: Path) -> GalleryImage | None:
    """A file's image in a gallery; None if it is not there."""
    wanted = path.resolve()
    same_name = (image for image in gallery.images if image.path.name == path.name)
    return next((image for image in same_name if image.path.resolve() == wanted), None)


def warn_of_unreadable(report: IndexReport) -> None:
    """Say on standard error how many files are left out, and why; and how many are not there."""
    if report.unreadable:
        image_id, reason = report.unreadable[0]
        print(
            f"simviz: files of the gallery that cannot be read and are left out: "
            f"{len(report.unreadable):,}; the first is {image_id}: {' '.join(reason.split())}",
            file=sys.stderr,
        )
    if report.absent:
        print(
            f"simviz: files of the gallery that are not there now, and are found by what was "
            f"indexed of them: {len(report.absent):,}; the first is {report.absent[0]}",
            file=sys.stderr,
        )


def add_selection_option(command: argparse.ArgumentParser) -> None:
    """Some images of the gallery instead of all."""
    command.add_argument(
        "--selection",
        metavar="WHICH",
        help="take these images of the gallery alone: a selection of the page Map by its name, or "
        "a file with the id of an image on each line",
    )


def selected_index(
    options: argparse.Namespace, gallery: Gallery, network: SimilarityNetwork
) -> GalleryIndex:
    """The up-to-date embeddings of the images of `--selection`; of all where none are asked for.

    Raises:
        SimVizError: As of `up_to_date_index` and `selected_rows`.
    """
    index = up_to_date_index(options, gallery, network)
    return index.part(selected_rows(options, gallery, index))


def option_selection(options: argparse.Namespace, gallery: Gallery) -> Selection | None:
    """The selection of `--selection`; None where none is asked for.

    Raises:
        SettingsError: There is no such selection or file.
        GalleryError: The gallery has no such image.
    """
    if options.selection is None:
        return None
    return asked_selection(options.selection, gallery, default_store_folder())


def selected_rows(
    options: argparse.Namespace, gallery: Gallery, index: GalleryIndex
) -> AllowedRows:
    """The images of `--selection`, (N,); all where none are asked for.

    Raises:
        SettingsError: There is no such selection or file, or none of its images is indexed.
        GalleryError: The gallery has no such image.
    """
    selection = option_selection(options, gallery)
    if selection is None:
        return np.ones(len(index.images), dtype=bool)
    rows = selection.rows(index.images)
    if not rows.any():
        raise SettingsError("no image of the selection is indexed, or none can be read")
    return rows
