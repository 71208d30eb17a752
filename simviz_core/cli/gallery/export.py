"""`export GALLERY`: a gallery's embeddings for other programs."""

import argparse
import json
import shlex
from pathlib import Path

from simviz_core import __version__
from simviz_core.cli.gallery.map import add_seed_option, quality_of, up_to_date_map
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
from simviz_core.errors import SettingsError
from simviz_core.networks.settings import NetworkSettings
from simviz_core.projection import about_map, image_rows, write_parquet, write_projector


def add_options(export: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    export.description = (
        "Write the unit embeddings of a gallery with ids, paths, labels, the columns "
        "of the manifest and the places on the map, as files that other programs open. The "
        "gallery is indexed, and its map made, first where they are not yet."
    )
    export.add_argument("--parquet", metavar="FILE", help="write a Parquet file, a row an image")
    export.add_argument(
        "--tsv",
        metavar="FOLDER",
        help="write a folder that TensorBoard's projector opens: tensors.tsv, metadata.tsv and "
        "what names them to it",
    )
    export.add_argument(
        "--without-map", action="store_true", help="leave the places on the map out"
    )
    add_seed_option(export)
    add_indexed_gallery(export)
    export.set_defaults(run=_run)


def export_command(gallery: str, settings: NetworkSettings) -> str:
    """The command that writes a gallery's embeddings, as one line for a POSIX shell."""
    words = ["python", "-m", "simviz_core", "export", gallery, *settings_words(settings)]
    return shlex.join([*words, "--parquet", "embeddings.parquet", "--tsv", "projector"])


def _run(options: argparse.Namespace) -> None:
    if not (options.parquet or options.tsv):
        raise SettingsError("name what to write: --parquet FILE, --tsv FOLDER, or both")
    gallery = asked_gallery(options)
    network = asked_network(options)
    index = up_to_date_index(options, gallery, network)
    found = None if options.without_map else up_to_date_map(options, gallery, network, index)
    rows = image_rows(index, found, quality_of(index))
    if options.parquet:
        about = {
            "gallery": options.gallery,
            **asked_settings(options, network).as_json(),
            **index.coverage.as_json(),
            **({} if found is None else {"map": about_map(found)}),
            "version": __version__,
        }
        write_parquet(index, rows, Path(options.parquet), json.dumps(about))
    if options.tsv:
        write_projector(index, rows, Path(options.tsv))
