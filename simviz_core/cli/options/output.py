"""What the commands have in common: which options they share, where JSON goes."""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simviz_core.cli.options.numbers import share
from simviz_core.figures import (
    COLOUR_MAPS,
    DEFAULT_COLOUR_MAP,
    DEFAULT_OPACITY,
    FILE_FORMATS,
    PNG,
    FigureStyle,
)
from simviz_core.tables import as_csv


def add_figure_options(command: argparse.ArgumentParser, content: str) -> None:
    """Where to write a figure, and how it shows the maps."""
    add_figure_option(command, content)
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


def add_figure_option(command: argparse.ArgumentParser, content: str) -> None:
    """Where to write a figure."""
    command.add_argument(
        "--figure",
        type=figure_file,
        metavar="FILE",
        help=f"write {content} as PNG, SVG or PDF, by the file's ending",
    )


def figure_file(text: str) -> str:
    """The name of a file that a figure can be written to.

    Raises:
        argparse.ArgumentTypeError: It has another ending.
    """
    if file_format(text) not in FILE_FORMATS:
        raise argparse.ArgumentTypeError(
            f"a figure is written as .{', .'.join(FILE_FORMATS)}, not as {Path(text).suffix}"
        )
    return text


def file_format(file: str) -> str:
    """The format that a file's ending names; PNG without one."""
    return Path(file).suffix.lower().removeprefix(".") or PNG


def add_csv_option(command: argparse.ArgumentParser, content: str) -> None:
    """Where to write a table."""
    command.add_argument("--csv", metavar="FILE", help=f"write {content} as CSV; - is the output")


def write_csv(rows: Iterable[Mapping[str, Any]], file: str) -> None:
    """Write rows as CSV to a file, or to the standard output for `-`."""
    write_text(as_csv(rows), file)


def write_text(text: str, file: str) -> None:
    """Write a table to a file, or to the standard output for `-`."""
    if file == "-":
        print(text, end="")
    else:
        Path(file).write_text(text, encoding="utf-8", newline="")


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


def path_word(path: str) -> str:
    """A path as a word of a command, where it must not be taken for an option."""
    return f"./{path}" if path.startswith("-") else path


def write_json(values: Any, file: str) -> None:
    """Write JSON to a file, or to the standard output for `-`."""
    text = json.dumps(values, indent=1)
    if file == "-":
        print(text)
    else:
        Path(file).write_text(text + "\n", encoding="utf-8")
