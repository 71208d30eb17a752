"""`pair QUERY MATCH`: explain the similarity of two images."""

import argparse
import shlex
from pathlib import Path

from simviz_core.cli.options import (
    Commands,
    OneLineParser,
    add_figure_options,
    add_json_option,
    add_network_details,
    add_network_options,
    asked_network,
    asked_settings,
    figure_style,
    settings_words,
    style_words,
    write_json,
)
from simviz_core.figures import FigureStyle, pair_figure, sum_check
from simviz_core.images import load_image
from simviz_core.pairs import (
    NetworkSettings,
    PairExplanation,
    explain_pair,
    pair_as_json,
    save_pair_arrays,
)


def add_to(commands: "Commands[OneLineParser]") -> None:
    """Add the command."""
    pair = commands.add_parser(
        "pair",
        help="explain the similarity of two images",
        description="Explain the similarity of two images: score, similarity maps, features.",
    )
    pair.add_argument("query", metavar="QUERY", help="an image file")
    pair.add_argument("match", metavar="MATCH", help="the image file to compare it with")
    add_network_options(pair)
    add_network_details(pair)
    add_figure_options(pair, "both images with their maps")
    add_json_option(pair)
    pair.add_argument("--npz", metavar="FILE", help="write the numbers as a NumPy archive")
    pair.set_defaults(run=_run)


def pair_command(query: str, match: str, settings: NetworkSettings, style: FigureStyle) -> str:
    """The command that explains the same pair, draws the same figure and prints its numbers.

    Args:
        query: Path of the query's file.
        match: Path of the match's file.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "pair", query, match]
    words += [*settings_words(settings), "--figure", "pair.png"]
    return shlex.join([*words, *style_words(style), "--json", "-"])


def _run(options: argparse.Namespace) -> None:
    images = [load_image(Path(path)) for path in (options.query, options.match)]
    network = asked_network(options)
    query, match = (network.decompose([image.pixels])[0] for image in images)
    settings = asked_settings(options, network)
    pair = explain_pair(query, match, settings)
    if options.figure:
        figure = pair_figure(
            pair,
            images[0].pixels,
            images[1].pixels,
            captions=(_caption(options.query), _caption(options.match)),
            style=figure_style(options),
        )
        Path(options.figure).write_bytes(figure)
    if options.npz:
        # An open file, since a path without the ending would get ".npz" added to it.
        with Path(options.npz).open("wb") as file:
            save_pair_arrays(pair, file)
    if options.json:
        write_json(pair_as_json(pair, options.query, options.match), options.json)
    if not (options.figure or options.npz or options.json):
        _print_summary(pair)


def _caption(path: str) -> str:
    """The file's name and its folder's, which is its class in a gallery."""
    return " / ".join(Path(path).parts[-2:])


def _print_summary(pair: PairExplanation) -> None:
    print(f"similarity {pair.similarity:.4f}")
    print(sum_check(pair))
    print("strongest features (channel: contribution)")
    for channel, contribution in pair.top_features:
        print(f"  {channel:5d}: {contribution:.4f}")
