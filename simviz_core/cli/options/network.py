"""Which network a command is asked for, and what of it."""

import argparse
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from simviz_core.checkpoints.loading import load_for_settings, settings_in_use
from simviz_core.cli.options.numbers import share
from simviz_core.cli.options.output import path_word
from simviz_core.errors import SettingsError
from simviz_core.images import FITS
from simviz_core.networks import (
    BETWEEN,
    DEFAULT_NETWORK,
    NETWORKS,
    OWN_POOLING,
    POOLINGS,
    TAILS,
    InputSize,
    Preprocessing,
    SimilarityNetwork,
    allowing,
    is_program_name,
    is_source_name,
    network_facts,
    size_from_text,
    size_text,
)
from simviz_core.networks.poolings import LEARNT_POOLINGS
from simviz_core.networks.preprocessing import CHANNEL_ORDERS, INTERPOLATIONS
from simviz_core.networks.settings import NetworkSettings

SCALING = ("mean", "std", "interpolation", "channel_order", "fit")
"""Options that stand for what becomes of pixels on their way in."""


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
        choices=[OWN_POOLING, *POOLINGS, *LEARNT_POOLINGS],
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
    command.add_argument(
        "--output",
        metavar="NAME",
        help="which of the network's outputs is its embedding, where it has several: its name, or "
        "its place from 0; default: the one that is found to be",
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
        "--channel-order",
        choices=CHANNEL_ORDERS,
        help="the order that the network sees the colours in; default: the network's own",
    )
    command.add_argument(
        "--fit",
        choices=FITS,
        help="how images become the input: stretched into it, padded with the network's mean "
        "colour, or cropped to their middle as the network was trained; default: stretch",
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
        help="take the network's weights from a checkpoint: of safetensors or of torch.save, "
        "whatever its ending, or the index or folder of one in several parts",
    )
    command.add_argument(
        "--checkpoint-part",
        metavar="NAME",
        help="which part of the checkpoint to take, where several fit, such as model_ema",
    )


def asked_network(options: argparse.Namespace) -> SimilarityNetwork:
    """Load the network that `add_network_options` and `add_network_details` asked for.

    Raises:
        SimVizError: See `load_network` and `load_checkpoint`.
    """
    with _allowed(options):
        return load_for_settings(settings_to_load(options))


def settings_to_load(options: argparse.Namespace) -> NetworkSettings:
    """What `asked_network` loads.

    Raises:
        SettingsError: There is no such network.
    """
    with _allowed(options):
        return NetworkSettings(
            options.network,
            options.pooling or OWN_POOLING,
            options.size or network_facts(options.network).size,
            options.checkpoint,
            options.tail,
            options.layer,
            options.random_weights,
            _asked_preprocessing(options),
            options.checkpoint_part,
            output=options.output,
        )


def asked_settings(options: argparse.Namespace, network: SimilarityNetwork) -> NetworkSettings:
    """The settings of a network that `asked_network` loaded."""
    return settings_in_use(settings_to_load(options), network)


def _allowed(options: argparse.Namespace) -> AbstractContextManager[None]:
    return allowing(options.network) if options.allow_code else nullcontext()


def _asked_preprocessing(options: argparse.Namespace) -> Preprocessing | None:
    asked = {name: getattr(options, name) for name in SCALING if getattr(options, name) is not None}
    return replace(_own_preprocessing(options.network), **asked) if asked else None


def _own_preprocessing(network: str) -> Preprocessing:
    """What is known by a network's name, of which no code is run for it."""
    with allowing(network):
        return network_facts(network).preprocessing


def settings_words(settings: NetworkSettings) -> list[str]:
    """The options that ask for a network."""
    words = ["--network", settings.network, "--pooling", settings.pooling]
    words += ["--size", size_text(settings.size)]
    named = settings.named_checkpoint
    words += ["--checkpoint", path_word(named)] if named else []
    words += ["--checkpoint-part", settings.part] if settings.part else []
    words += ["--tail", settings.tail] if settings.tail != TAILS[0] else []
    words += ["--layer", settings.layer] if settings.layer else []
    words += ["--output", settings.output] if settings.output else []
    words += ["--random-weights"] if settings.is_random else []
    words += ["--allow-code"] if is_program_name(settings.network) else []
    return words if settings.preprocessing is None else words + _scaling_words(settings)


def _scaling_words(settings: NetworkSettings) -> list[str]:
    """The options for what becomes of pixels on their way in, where it is not the network's way."""
    own, words = _own_preprocessing(settings.network), []
    for name in SCALING:
        value, option = getattr(settings.preprocessing, name), f"--{name.replace('_', '-')}"
        if value != getattr(own, name):
            is_colour = isinstance(value, tuple)
            words += [f"{option}={','.join(map(str, value))}"] if is_colour else [option, value]
    return words


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
