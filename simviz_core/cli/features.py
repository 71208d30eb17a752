"""`features`: which components of the embedding carry the similarity, over many random pairs."""

import argparse
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from simviz_core.cli.options.gallery import (
    GALLERY_HELP,
    add_store_options,
    asked_gallery,
    say_values,
    up_to_date_index,
)
from simviz_core.cli.options.network import (
    add_network_details,
    add_network_options,
    asked_network,
    asked_settings,
    settings_words,
)
from simviz_core.cli.options.numbers import whole_number
from simviz_core.cli.options.output import (
    add_csv_option,
    add_figure_options,
    add_json_option,
    figure_style,
    file_format,
    path_word,
    style_words,
    write_csv,
    write_json,
)
from simviz_core.decomposition import DecomposedImage, similarity
from simviz_core.features import (
    PAIRS,
    caveats,
    channel_rows,
    channel_table,
    channel_words,
    channels_as_json,
    curve_as_json,
    curve_line,
    curve_rows,
    draw_pairs,
    feature_curve,
    settings_as_json,
    strongest_channels,
    top_words,
)
from simviz_core.figures import FigureStyle, channels_figure, feature_curves_figure
from simviz_core.images import LoadedImage, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import padding_words
from simviz_core.retrieval import GalleryIndex

EXAMPLES = 4
"""Images of the gallery for each channel."""


def add_options(features: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    features.description = (
        "Average, over random pairs of images of the same class, the share of their "
        "similarity that the k strongest components of the embedding carry; or show the strongest "
        "components of one pair, where they are, and which images of the gallery excite them. The "
        "gallery is indexed first where it is not yet."
    )
    features.add_argument("--gallery", metavar="GALLERY", required=True, help=GALLERY_HELP)
    features.add_argument(
        "--pairs",
        type=whole_number,
        default=PAIRS,
        metavar="N",
        help="random pairs; where there are fewer, all of them; default: %(default)s",
    )
    features.add_argument(
        "--seed", type=int, default=0, help="of the random pairs; default: %(default)s"
    )
    features.add_argument(
        "--different-classes",
        action="store_true",
        help="pairs of images of different classes instead",
    )
    features.add_argument(
        "--of-pair",
        nargs=2,
        metavar=("QUERY", "MATCH"),
        help="show the strongest channels of this pair instead",
    )
    features.add_argument(
        "--channels",
        type=whole_number,
        default=5,
        metavar="K",
        help="channels of the pair; default: %(default)s",
    )
    add_network_options(features)
    add_network_details(features)
    add_store_options(features)
    add_figure_options(features, "the curve, or the channels with their maps,")
    add_json_option(features)
    add_csv_option(features, "the curve, or the channels,")
    features.set_defaults(run=_run)


def features_command(
    gallery: str, settings: NetworkSettings, pairs: int, seed: int, same_class: bool
) -> str:
    """The command that draws the same curve and prints its numbers.

    Args:
        gallery: The gallery's folder or manifest.
        settings: The network, its pooling and its size.
        pairs: How many random pairs.
        seed: Of the pairs.
        same_class: Whether they are of the same class.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "features", "--gallery", path_word(gallery)]
    words += ["--pairs", str(pairs), "--seed", str(seed)]
    words += [] if same_class else ["--different-classes"]
    return shlex.join(
        [*words, *settings_words(settings), "--figure", "features.png", "--json", "-"]
    )


def channels_command(
    query: str,
    match: str,
    gallery: str,
    settings: NetworkSettings,
    style: FigureStyle,
    count: int,
) -> str:
    """The command that draws the strongest channels of a pair and prints their numbers.

    Args:
        query: Path of the query's file.
        match: Path of the match's file.
        gallery: The gallery's folder or manifest.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.
        count: How many channels.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "features", "--gallery", path_word(gallery)]
    words += ["--of-pair", path_word(query), path_word(match)]
    words += ["--channels", str(count), *settings_words(settings)]
    return shlex.join([*words, "--figure", "channels.png", *style_words(style), "--json", "-"])


def _run(options: argparse.Namespace) -> None:
    gallery = asked_gallery(options)
    pictures = [
        load_image(Path(path), value_ranges=gallery.value_ranges) for path in options.of_pair or ()
    ]
    say_values(pictures)
    network = asked_network(options)
    index = up_to_date_index(options, gallery, network)
    settings = asked_settings(options, network)
    title = settings.title
    if pictures:
        values, lines = _channels(options, pictures, network, index, title)
    else:
        values, lines = _curve(options, index, title)
    if options.json:
        write_json({**settings_as_json(settings, options.gallery, index), **values}, options.json)
    if not (options.figure or options.json or options.csv):
        print("\n".join(lines))


def _curve(
    options: argparse.Namespace, index: GalleryIndex, title: str
) -> tuple[dict[str, Any], list[str]]:
    """The curve of random pairs: its numbers, and what is printed of it."""
    sample = draw_pairs(index, not options.different_classes, options.pairs, options.seed)
    curve = feature_curve(index, sample)
    line = curve_line(curve, f"{curve.pairs:,} pairs of {curve.kind}")
    if options.csv:
        write_csv(curve_rows([line]), options.csv)
    if options.figure:
        figure = feature_curves_figure([line], title, file_format(options.figure))
        Path(options.figure).write_bytes(figure)
    return curve_as_json(curve), [top_words(curve), *caveats(curve)]


def _channels(
    options: argparse.Namespace,
    pictures: Sequence[LoadedImage],
    network: SimilarityNetwork,
    index: GalleryIndex,
    title: str,
) -> tuple[dict[str, Any], list[str]]:
    """The strongest channels of a pair: their numbers, and what is printed of them."""
    query, match = _decompose(network, pictures)
    frames = network.frame(pictures[0].pixels), network.frame(pictures[1].pixels)
    channels = strongest_channels(query, match, index, options.channels, EXAMPLES, frames)
    if options.figure:
        pair = (pictures[0].pixels, pictures[1].pixels)
        rows = channel_rows(
            channels, pair, asked_settings(options, network), partial(_decompose, network)
        )
        figure = channels_figure(rows, title, figure_style(options), file_format(options.figure))
        Path(options.figure).write_bytes(figure)
    if options.csv:
        write_csv(channel_table(channels), options.csv)
    values = {
        "query": options.of_pair[0],
        "match": options.of_pair[1],
        "similarity": similarity(query, match).item(),
        "channels": channels_as_json(channels),
    }
    lines = []
    for found in channels:
        lines.append(channel_words(found))
        if found.in_padding is not None:
            lines.append(f"  {padding_words(found.contribution, found.in_padding)}")
    return values, lines


def _decompose(network: SimilarityNetwork, images: Sequence[LoadedImage]) -> list[DecomposedImage]:
    return [network.decompose([image.pixels])[0] for image in images]
