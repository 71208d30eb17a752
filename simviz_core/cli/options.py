"""What the commands have in common: how they parse, which options they share, where JSON goes."""

import argparse
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from simviz_core.errors import SettingsError
from simviz_core.figures import COLOUR_MAPS, DEFAULT_COLOUR_MAP, DEFAULT_OPACITY, FigureStyle
from simviz_core.networks import (
    BETWEEN,
    DEFAULT_NETWORK,
    DEFAULT_SIZE,
    NETWORKS,
    OWN_POOLING,
    POOLINGS,
    SIZES,
    TAILS,
    InputSize,
    Preprocessing,
    SimilarityNetwork,
    allowing,
    is_program_name,
    is_source_name,
    known_of,
    own_size,
    size_from_text,
    size_text,
)
from simviz_core.networks.poolings import NAMED_POOLINGS
from simviz_core.networks.preprocessing import INTERPOLATIONS
from simviz_core.pairs import NetworkSettings
from simviz_core.settings import load_for_settings

BAD_INPUT = 2
"""The exit status for anything that the user can mend."""


class OneLineParser(argparse.ArgumentParser):
    """Reports a wrong call in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with `BAD_INPUT`."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see --help)\n")


Commands = argparse._SubParsersAction


def add_network_options(command: argparse.ArgumentParser) -> None:
    """Which network, pooling and input size."""
    command.add_argument(
        "--network",
        type=network_name,
        metavar="NAME",
        default=DEFAULT_NETWORK,
        help=f"{', '.join(NETWORKS)}, or of a library, such as timm/resnet18; default: %(default)s",
    )
    add_network_choices(command)


def add_network_choices(command: argparse.ArgumentParser) -> None:
    """What to do otherwise than a network itself does: pooling and input size."""
    command.add_argument(
        "--pooling",
        choices=[OWN_POOLING, *POOLINGS, *NAMED_POOLINGS],
        metavar="RULE",
        help=f"{', '.join(POOLINGS)}; default: the network's own",
    )
    command.add_argument(
        "--size",
        type=asked_size,
        metavar="N",
        help="width and height that the images are resized to, in pixels, or WIDTHxHEIGHT; "
        "default: the network's own",
    )


def add_trained_network_options(command: argparse.ArgumentParser) -> None:
    """Which network of the catalogue, pooling and input size."""
    command.add_argument(
        "--network", choices=NETWORKS, default=DEFAULT_NETWORK, help="default: %(default)s"
    )
    command.add_argument("--pooling", choices=POOLINGS, help="default: the network's own")
    command.add_argument(
        "--size",
        type=int,
        choices=SIZES,
        default=DEFAULT_SIZE,
        help="width and height that the images are resized to, in pixels; default: %(default)s",
    )


def add_network_details(command: argparse.ArgumentParser) -> None:
    """Where the network's weights come from, and what of it makes the embedding."""
    command.add_argument(
        "--tail",
        choices=TAILS,
        default=TAILS[0],
        help="what becomes of the layers after the pooling; default: keep those that can be "
        "decomposed exactly, if all can",
    )
    command.add_argument(
        "--layer", metavar="NAME", help="pool this layer's output; default: the last feature map"
    )
    for name in ("mean", "std"):
        command.add_argument(
            f"--{name}",
            type=colours,
            metavar="R,G,B",
            help=f"{name} of the pixels, each 0 to 1, to scale them by; default: the network's own",
        )
    command.add_argument(
        "--interpolation",
        choices=INTERPOLATIONS,
        help="how images are resized; default: the network's own",
    )
    command.add_argument(
        "--allow-code",
        action="store_true",
        help="allow a network that runs code when loaded: file:PROGRAM, python:MODULE:FUNCTION",
    )
    command.add_argument(
        "--random-weights", action="store_true", help="untrained, for trying a network out"
    )
    command.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="take the network's weights from a checkpoint (.safetensors, .pth or .pt)",
    )


def asked_network(options: argparse.Namespace) -> SimilarityNetwork:
    """Load the network that `add_network_options` and `add_network_details` asked for.

    Raises:
        SimVizError: See `load_network` and `load_checkpoint`.
    """
    with allowing(options.network) if options.allow_code else nullcontext():
        return load_for_settings(
            NetworkSettings(
                options.network,
                options.pooling or OWN_POOLING,
                options.size or own_size(options.network),
                options.checkpoint,
                options.tail,
                options.layer,
                options.random_weights,
                _asked_preprocessing(options),
            )
        )


def _asked_preprocessing(options: argparse.Namespace) -> Preprocessing | None:
    asked = {
        name: getattr(options, name)
        for name in ("mean", "std", "interpolation")
        if getattr(options, name) is not None
    }
    return replace(known_of(options.network)[1], **asked) if asked else None


def asked_settings(options: argparse.Namespace, network: SimilarityNetwork) -> NetworkSettings:
    """The settings of a network that `asked_network` loaded."""
    return NetworkSettings(
        network.name,
        network.pooling.name,
        network.size,
        options.checkpoint,
        options.tail,
        options.layer,
        options.random_weights,
        network.preprocessing if options.mean or options.std or options.interpolation else None,
    )


def settings_words(settings: NetworkSettings) -> list[str]:
    """The options that ask for a network."""
    words = ["--network", settings.network, "--pooling", settings.pooling]
    words += ["--size", size_text(settings.size)]
    words += ["--checkpoint", settings.checkpoint] if settings.checkpoint else []
    words += ["--tail", settings.tail] if settings.tail != TAILS[0] else []
    words += ["--layer", settings.layer] if settings.layer else []
    words += ["--random-weights"] if settings.is_random else []
    words += ["--allow-code"] if is_program_name(settings.network) else []
    if settings.preprocessing is None:
        return words
    scaling = {"mean": settings.preprocessing.mean, "std": settings.preprocessing.std}
    words += [f"--{name}={','.join(map(str, values))}" for name, values in scaling.items()]
    return [*words, "--interpolation", settings.preprocessing.interpolation]


def add_figure_options(command: argparse.ArgumentParser, content: str) -> None:
    """Where to write a figure, and how it shows the maps."""
    command.add_argument("--figure", metavar="FILE", help=f"write {content} as PNG")
    command.add_argument(
        "--colour-map",
        choices=COLOUR_MAPS,
        default=DEFAULT_COLOUR_MAP,
        help="of the figure; default: %(default)s",
    )
    command.add_argument(
        "--opacity",
        type=share,
        default=DEFAULT_OPACITY,
        help="of the figure's maps, 0 to 1; default: %(default)s",
    )
    command.add_argument("--cells", action="store_true", help="show flat cells in the figure")
    command.add_argument(
        "--scale-each", action="store_true", help="give each map of the figure its own colour scale"
    )


def add_json_option(command: argparse.ArgumentParser) -> None:
    """Where to write the numbers."""
    command.add_argument(
        "--json", metavar="FILE", help="write the numbers as JSON; - is the output"
    )


def figure_style(options: argparse.Namespace) -> FigureStyle:
    """The style that `add_figure_options` asked for."""
    return FigureStyle(
        options.colour_map, options.opacity, not options.cells, not options.scale_each
    )


def style_words(style: FigureStyle) -> list[str]:
    """The options that ask for a style."""
    words = ["--colour-map", style.colour_map, "--opacity", f"{style.opacity:g}"]
    words += [] if style.smooth else ["--cells"]
    return words if style.shared_scale else [*words, "--scale-each"]


def network_name(text: str) -> str:
    """The name of a network: one of the catalogue, or of the form of a library's.

    Raises:
        argparse.ArgumentTypeError: It is neither.
    """
    parts = [text] if is_program_name(text) else text.split(BETWEEN)
    if all(part in NETWORKS or is_source_name(part) for part in parts):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is none of {', '.join(NETWORKS)}, nor a library's, such as timm/resnet18"
    )


def colours(text: str) -> tuple[float, float, float]:
    """Three numbers from 0 to 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        red, green, blue = (share(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not three numbers such as 0.5,0.5,0.5"
        ) from error
    return red, green, blue


def asked_size(text: str) -> InputSize:
    """An input size.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        return size_from_text(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def share(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number


def whole_number(text: str) -> int:
    """A whole number of at least 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def whole_numbers(text: str) -> tuple[int, ...]:
    """Whole numbers, separated by commas.

    Raises:
        argparse.ArgumentTypeError: They are none.
    """
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers such as 0,100,200"
        ) from error


def write_json(values: Any, file: str) -> None:
    """Write JSON to a file, or to the standard output for `-`."""
    text = json.dumps(values, indent=1)
    if file == "-":
        print(text)
    else:
        Path(file).write_text(text + "\n", encoding="utf-8")
