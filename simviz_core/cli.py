"""The command line: `python -m simviz_core pair QUERY MATCH …`."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from simviz_core import __version__
from simviz_core.errors import SimVizError
from simviz_core.figures import (
    COLOUR_MAPS,
    DEFAULT_COLOUR_MAP,
    DEFAULT_OPACITY,
    FigureStyle,
    pair_figure,
    sum_check,
)
from simviz_core.images import load_image
from simviz_core.networks import (
    DEFAULT_NETWORK,
    DEFAULT_SIZE,
    NETWORKS,
    POOLINGS,
    SIZES,
    load_network,
)
from simviz_core.pairs import (
    NetworkSettings,
    PairExplanation,
    explain_pair,
    pair_as_json,
    save_pair_arrays,
)

BAD_INPUT = 2
"""The exit status for anything that the user can mend."""


class OneLineParser(argparse.ArgumentParser):
    """Reports a wrong call in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with `BAD_INPUT`."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What stands after the program's name; None takes the process's own.

    Returns:
        The exit status: 0, or `BAD_INPUT` after one line on standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except SimVizError as error:
        print(f"simviz: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # Whoever read the output, `head` for instance, has had enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # An output that cannot be written: a missing folder, a full disk, no permission.
        print(f"simviz: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        return BAD_INPUT
    return 0


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
    words += ["--network", settings.network, "--pooling", settings.pooling]
    words += ["--size", str(settings.size), "--figure", "pair.png"]
    words += ["--colour-map", style.colour_map, "--opacity", f"{style.opacity:g}"]
    words += [] if style.smooth else ["--cells"]
    words += [] if style.shared_scale else ["--scale-each"]
    return shlex.join([*words, "--json", "-"])


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m simviz_core",
        description="Show which regions of two images make a similarity network find them similar.",
    )
    parser.add_argument("--version", action="version", version=f"SimViz {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_pair(commands)
    return parser


def _add_pair(commands: "argparse._SubParsersAction[OneLineParser]") -> None:
    pair = commands.add_parser(
        "pair",
        help="explain the similarity of two images",
        description="Explain the similarity of two images: score, similarity maps, features.",
    )
    pair.add_argument("query", metavar="QUERY", help="an image file")
    pair.add_argument("match", metavar="MATCH", help="the image file to compare it with")
    pair.add_argument(
        "--network", choices=NETWORKS, default=DEFAULT_NETWORK, help="default: %(default)s"
    )
    pair.add_argument("--pooling", choices=POOLINGS, help="default: the network's own")
    pair.add_argument(
        "--size",
        type=int,
        choices=SIZES,
        default=DEFAULT_SIZE,
        help="width and height that the images are resized to, in pixels; default: %(default)s",
    )
    pair.add_argument("--figure", metavar="FILE", help="write both images with their maps as PNG")
    pair.add_argument(
        "--colour-map",
        choices=COLOUR_MAPS,
        default=DEFAULT_COLOUR_MAP,
        help="of the figure; default: %(default)s",
    )
    pair.add_argument(
        "--opacity",
        type=_share,
        default=DEFAULT_OPACITY,
        help="of the figure's maps, 0 to 1; default: %(default)s",
    )
    pair.add_argument("--cells", action="store_true", help="show flat cells in the figure")
    pair.add_argument(
        "--scale-each", action="store_true", help="give each map of the figure its own colour scale"
    )
    pair.add_argument("--json", metavar="FILE", help="write the numbers as JSON; - is the output")
    pair.add_argument("--npz", metavar="FILE", help="write the numbers as a NumPy archive")
    pair.set_defaults(run=_run_pair)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return share


def _run_pair(options: argparse.Namespace) -> None:
    images = [load_image(Path(path)) for path in (options.query, options.match)]
    network = load_network(options.network, options.pooling, options.size)
    query, match = (network.decompose([image.pixels])[0] for image in images)
    settings = NetworkSettings(network.name, network.pooling.name, network.size)
    pair = explain_pair(query, match, settings)
    if options.figure:
        figure = pair_figure(
            pair,
            images[0].pixels,
            images[1].pixels,
            captions=(_caption(options.query), _caption(options.match)),
            style=FigureStyle(
                options.colour_map, options.opacity, not options.cells, not options.scale_each
            ),
        )
        Path(options.figure).write_bytes(figure)
    if options.npz:
        # An open file, since a path without the ending would get ".npz" added to it.
        with Path(options.npz).open("wb") as file:
            save_pair_arrays(pair, file)
    if options.json:
        text = json.dumps(pair_as_json(pair, options.query, options.match), indent=1)
        if options.json == "-":
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
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
