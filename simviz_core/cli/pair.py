"""`pair QUERY MATCH`: explain the similarity of two images."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from simviz_core.cells import BlockPart, CellBlock, block_part, cell_block, cell_pairs
from simviz_core.cli.options import (
    Commands,
    OneLineParser,
    add_figure_options,
    add_json_option,
    add_network_options,
    figure_style,
    style_words,
    write_json,
)
from simviz_core.errors import SettingsError
from simviz_core.figures import FigureStyle, describe, pair_figure, sum_check
from simviz_core.images import load_image
from simviz_core.networks import load_network
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
    add_figure_options(pair, "both images with their maps")
    add_json_option(pair)
    pair.add_argument("--npz", metavar="FILE", help="write the numbers as a NumPy archive")
    pair.add_argument(
        "--partners-of",
        dest="blocks",
        type=_block,
        action="append",
        default=[],
        metavar="IMAGE,ROW,COLUMN",
        help="show with which cells of the other image this cell pairs; IMAGE is query or match, "
        "rows and columns count from 0; IMAGE,ROW,COLUMN,LAST_ROW,LAST_COLUMN takes several cells "
        "together; may be given several times",
    )
    pair.set_defaults(run=_run)


def pair_command(
    query: str,
    match: str,
    settings: NetworkSettings,
    style: FigureStyle,
    blocks: Sequence[CellBlock] = (),
) -> str:
    """The command that explains the same pair, draws the same figure and prints its numbers.

    Args:
        query: Path of the query's file.
        match: Path of the match's file.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.
        blocks: Cells whose maps on the other image are wanted, too.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "pair", query, match]
    words += ["--network", settings.network, "--pooling", settings.pooling]
    words += ["--size", str(settings.size), "--figure", "pair.png"]
    words += [word for block in blocks for word in ("--partners-of", str(block))]
    return shlex.join([*words, *style_words(style), "--json", "-"])


def _run(options: argparse.Namespace) -> None:
    images = [load_image(Path(path)) for path in (options.query, options.match)]
    network = load_network(options.network, options.pooling, options.size)
    query, match = (network.decompose([image.pixels])[0] for image in images)
    settings = NetworkSettings(network.name, network.pooling.name, network.size)
    pair = explain_pair(query, match, settings)
    cells = cell_pairs(query, match)
    parts = [block_part(cells, block) for block in options.blocks]
    if options.figure:
        figure = pair_figure(
            pair,
            images[0].pixels,
            images[1].pixels,
            captions=(_caption(options.query), _caption(options.match)),
            style=figure_style(options),
            parts=parts,
        )
        Path(options.figure).write_bytes(figure)
    if options.npz:
        # An open file, since a path without the ending would get ".npz" added to it.
        with Path(options.npz).open("wb") as file:
            save_pair_arrays(pair, cells, file)
    if options.json:
        write_json(pair_as_json(pair, options.query, options.match, parts), options.json)
    if not (options.figure or options.npz or options.json):
        _print_summary(pair)
        for part in parts:
            _print_block(part)


def _block(text: str) -> CellBlock:
    try:
        return cell_block(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _caption(path: str) -> str:
    """The file's name and its folder's, which is its class in a gallery."""
    return " / ".join(Path(path).parts[-2:])


def _print_summary(pair: PairExplanation) -> None:
    print(f"similarity {pair.similarity:.4f}")
    print(sum_check(pair))
    print("strongest features (channel: contribution)")
    for channel, contribution in pair.top_features:
        print(f"  {channel:5d}: {contribution:.4f}")


def _print_block(part: BlockPart) -> None:
    row, column = part.partner
    print(f"{describe(part)}: {part.contribution:.4g} of the similarity")
    print(f"  strongest partner row {row}, column {column}: {part.partner_contribution:.4g}")
