"""`map GALLERY`: a gallery's images in two dimensions."""

import argparse
import shlex
import sys
from pathlib import Path

from tqdm import tqdm

from simviz_core.cli.options.gallery import (
    add_indexed_gallery,
    asked_gallery,
    up_to_date_index,
)
from simviz_core.cli.options.network import (
    asked_network,
    asked_settings,
    settings_words,
)
from simviz_core.cli.options.output import (
    add_csv_option,
    add_figure_option,
    add_json_option,
    file_format,
    write_csv,
    write_json,
)
from simviz_core.errors import GalleryError
from simviz_core.figures import gallery_map_figure
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.projection import (
    GalleryMap,
    content_of,
    grouping,
    groupings,
    image_rows,
    make_map,
    map_as_json,
    read_map,
    save_map,
)
from simviz_core.retrieval import (
    MOST_QUERIES,
    GalleryIndex,
    RetrievalQuality,
    embedding_table,
    retrieval_quality,
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    command.description = (
        "Lay the images of a gallery out in two dimensions with PaCMAP, and say how "
        "many of the nearest neighbours are still neighbours there. Made once and kept with the "
        "index. The gallery is indexed first where it is not yet."
    )
    command.add_argument(
        "--colour-by",
        metavar="WHAT",
        help="what the figure is coloured by: class, hit (whether the nearest neighbour is of the "
        "same class), or a column of the manifest; default: class, where there are classes",
    )
    add_seed_option(command)
    add_indexed_gallery(command)
    add_figure_option(command, "the map")
    add_json_option(command)
    add_csv_option(command, "the images with their places")
    command.set_defaults(run=_run)


def add_seed_option(command: argparse.ArgumentParser) -> None:
    """The seed of the map."""
    command.add_argument(
        "--seed", type=int, default=0, help="of what the map draws; default: %(default)s"
    )


def map_command(gallery: str, settings: NetworkSettings, by: str | None) -> str:
    """The command that draws the same map and prints its numbers.

    Args:
        gallery: The gallery's folder or manifest.
        settings: The network, its pooling and its size.
        by: What the dots are coloured by; None for one colour.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "map", gallery, *settings_words(settings)]
    words += [] if by is None else [f"--colour-by={by}"]
    return shlex.join([*words, "--figure", "map.png", "--json", "-"])


def up_to_date_map(
    options: argparse.Namespace, gallery: Gallery, network: SimilarityNetwork, index: GalleryIndex
) -> GalleryMap:
    """The map of an index, made where it is not there yet, with a progress bar.

    Raises:
        ProjectionError: It cannot be laid out.
    """
    table = embedding_table(gallery, network.fingerprint, options.precision)
    content = content_of(index)
    if (found := read_map(index, content, table, options.seed)) is not None:
        return found
    with tqdm(desc="map", unit=" steps", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(done: int, total: int, step: str) -> None:
            bar.total = total
            if done > bar.n:
                bar.update(done - bar.n)

        found = make_map(index, options.seed, show)
    save_map(found, content, table)
    return found


def quality_of(index: GalleryIndex) -> RetrievalQuality | None:
    """Whose nearest neighbours are of their class, as the pages have it; None without classes."""
    try:
        return retrieval_quality(index, MOST_QUERIES)
    except GalleryError:
        return None


def _run(options: argparse.Namespace) -> None:
    gallery = asked_gallery(options)
    network = asked_network(options)
    index = up_to_date_index(options, gallery, network)
    quality = quality_of(index)
    offered = groupings(index, quality is not None)
    by = options.colour_by or next(iter(offered), None)
    group = None if by is None else grouping(index, by, quality)
    found = up_to_date_map(options, gallery, network, index)
    settings = asked_settings(options, network)
    if options.figure:
        title = f"{options.gallery}   ·   {settings.title}   ·   {found.method}"
        note = " ".join(filter(None, [found.caution, _covered(index)]))
        as_format = file_format(options.figure)
        figure = gallery_map_figure(found.points, group, title, note, as_format)
        Path(options.figure).write_bytes(figure)
    if options.csv:
        write_csv(image_rows(index, found, quality), options.csv)
    if options.json:
        values = map_as_json(index, found, quality, options.gallery, settings)
        write_json(values, options.json)
    if not (options.figure or options.csv or options.json):
        print(f"{len(index.images):,} images, {found.method}, seed {found.seed}")
        print(found.caution)


def _covered(index: GalleryIndex) -> str:
    return f"The map {index.coverage.note}." if index.coverage.note else ""
