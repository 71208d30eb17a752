"""What the commands that read a gallery have in common: its options, and how it is indexed."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    CACHE_VARIABLE,
    PRECISIONS,
    EmbeddingTable,
    GalleryIndex,
    IndexProgress,
    IndexReport,
    embedding_table,
    index_gallery,
    load_index,
)

GALLERY_HELP = "a folder of class folders, a flat folder, or a CSV or Parquet file with a column "
GALLERY_HELP += "'path' and optionally 'label'"


def add_store_options(command: argparse.ArgumentParser) -> None:
    """How embeddings are kept."""
    command.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help=f"of the stored embeddings; default: %(default)s. {CACHE_VARIABLE} names their folder",
    )


def bring_up_to_date(
    options: argparse.Namespace, gallery: Gallery, network: SimilarityNetwork
) -> tuple[EmbeddingTable, IndexReport]:
    """Index what is new or changed, with a progress bar on standard error.

    Raises:
        SimVizError: See `index_gallery`.
    """
    table = embedding_table(gallery, network.fingerprint, options.precision)
    with tqdm(desc="indexing", unit=" images", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(progress: IndexProgress) -> None:
            bar.total = progress.total
            bar.update(progress.done - bar.n)

        report = index_gallery(gallery, network, table, show)
    return table, report


def up_to_date_index(
    options: argparse.Namespace, gallery: Gallery, network: SimilarityNetwork
) -> GalleryIndex:
    """The embeddings of a gallery, once they are up to date; what is left out is said.

    Raises:
        SimVizError: See `index_gallery` and `load_index`.
    """
    table, report = bring_up_to_date(options, gallery, network)
    warn_of_unreadable(report)
    return load_index(gallery, table)


def find_in(gallery: Gallery, path: Path) -> GalleryImage | None:
    """A file's image in a gallery; None if it is not there."""
    wanted = path.resolve()
    same_name = (image for image in gallery.images if image.path.name == path.name)
    return next((image for image in same_name if image.path.resolve() == wanted), None)


def warn_of_unreadable(report: IndexReport) -> None:
    """Say on standard error how many files are left out, and why the first one is."""
    if report.unreadable:
        image_id, reason = report.unreadable[0]
        print(
            f"simviz: files of the gallery that cannot be read and are left out: "
            f"{len(report.unreadable):,}; the first is {image_id}: {' '.join(reason.split())}",
            file=sys.stderr,
        )
