"""Commands as findings keep them: read, checked for the files that they open, and run again."""

import argparse
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from simviz_core.cli.commands import OneLineParser, add_options
from simviz_core.errors import SettingsError, SimVizError
from simviz_core.findings import Again, Finding, Recomputed, Shown
from simviz_core.gallery.selections import SELECTION_NAME
from simviz_core.networks.weights import PRETRAINED
from simviz_core.retrieval import QueryPart

_FILES = {
    "pair": ("query", "match", "against", "gallery", "references", "checkpoint"),
    "search": ("query", "parts", "gallery", "references", "checkpoint", "selection"),
    "checkpoints": ("query", "gallery", "references", "runs", "match"),
    "classmap": ("images", "gallery", "references", "checkpoint", "selection"),
    "features": ("gallery", "references", "of_pair", "checkpoint"),
    "errors": ("gallery", "references", "checkpoint", "compare_checkpoint", "selection"),
    "map": ("gallery", "references", "checkpoint"),
    "check": ("image", "other", "checkpoint"),
    "trust": ("gallery", "references", "checkpoint"),
}
"""The commands that findings may hold, and their options that name files and folders;
`relative_to` does where it is an image."""
_NO_FILES = frozenset(
    {
        *("run", "command", "relative_to", "figure", "json", "npz", "csv", "maps", "allow_code"),
        *("network", "pooling", "size", "tail", "layer", "output", "mean", "std", "interpolation"),
        *(
            "channel_order",
            "fit",
            "random_weights",
            "checkpoint_part",
            "value_range",
            "precision",
            "class_level",
        ),
        *("colour_map", "opacity", "cells", "scale_each", "compare_poolings", "lost", "blocks"),
        *("top", "region", "exclude_region", "crop", "fine", "per_class", "where"),
        "approximate",
        *(
            "ask",
            "find",
            "leave_out_copies",
            "leave_out_equal",
            "classes",
            "keep_query",
            "exclude_own_class",
            "all_classes",
        ),
        *("iterations", "before_training", "most_changed", "objects", "contrast", "against"),
        *("skip", "pairs", "seed", "different_classes", "channels", "compare_pooling", "order"),
        *("query_weight", "why_changed", "colour_by", "blank", "all_cells", "sees", "fill"),
        "again",
    }
)
"""Those that name none, or whose value is never used. An option that is in neither list is refused:
somebody has to say first whether it opens a file."""
_SET = {"npz": None, "csv": None, "maps": True, "again": False}
"""What options are set to, whatever a finding says, where the command has them."""


class _Quoted(OneLineParser):
    """Reads a command that a file holds: what is wrong with it ends no program."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"its command cannot be read: {message}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise SettingsError("its command asks for help, and for nothing to be made")

    def print_help(self, file: object = None) -> None:
        """Nobody is there to read it."""


def recomputed(finding: Finding, allow_code: bool = False) -> Recomputed:
    """A finding, made again by its commands.

    Args:
        finding: As it was kept.
        allow_code: Whether a network may run code when loaded.

    Returns:
        What the commands make now; where one cannot, why.
    """
    make = partial(_again, allow_code=allow_code)
    if finding.has_uploads:
        problem = "it rests on an upload, which is in no folder."
        return Recomputed(finding, tuple(Again(problem=problem) for _ in finding.shown))
    return Recomputed(finding, tuple(make(shown) for shown in finding.shown))


def _again(shown: Shown, allow_code: bool) -> Again:
    try:
        options = parsed_command(shown.command)
        if getattr(options, "allow_code", False) and not allow_code:
            raise SettingsError(
                "its network runs code when loaded; `report` does that with --allow-code only"
            )
        with TemporaryDirectory(prefix="simviz-report-") as folder:
            figure, numbers = Path(folder) / "figure.png", Path(folder) / "numbers.json"
            options.figure, options.json = str(figure), str(numbers)
            for name, value in _SET.items():
                if hasattr(options, name):
                    setattr(options, name, value)
            options.run(options)
            drawn = figure.read_bytes() if figure.exists() else b""
            return Again(json.loads(numbers.read_text("utf-8")), drawn)
    except SimVizError as error:
        return Again(problem=_sentence(str(error)))
    except OSError as error:
        return Again(problem=_sentence(f"{error.filename or 'a file'}: {error.strerror or error}"))


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def is_made_again(words: Sequence[str]) -> bool:
    """Whether a command, without `python -m simviz_core`, is one that findings may hold."""
    return bool(words) and words[0] in _FILES


def parsed_command(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command that a finding holds.

    Args:
        words: Without `python -m simviz_core`.

    Raises:
        SettingsError: It is none of those that findings may hold, or cannot be read.
    """
    if not is_made_again(words):
        what = f"{words[0][:40]!r} is" if words else "it has no command, which should be"
        raise SettingsError(f"{what} none of {', '.join(_FILES)}; the link still opens the view")
    parser = _Quoted(prog="simviz_core")
    commands = parser.add_subparsers(dest="command", required=True)
    add_options(words[0], commands.add_parser(words[0]))
    return parser.parse_args(list(words))


def files_of_command(words: Sequence[str]) -> Iterator[str]:
    """The files and folders that a command of a finding would open.

    Args:
        words: Without `python -m simviz_core`.

    Raises:
        SettingsError: The command cannot be read, would run code, or has an option of which it is
            not known whether it opens a file.
    """
    options = parsed_command(words)
    if getattr(options, "allow_code", False):
        raise SettingsError("its network runs code when loaded, which is for the command line")
    for name, value in vars(options).items():
        if name in _FILES[words[0]]:
            values = value if isinstance(value, (list, tuple)) else [value]
            paths = (each.image if isinstance(each, QueryPart) else each for each in values)
            yield from (path for path in paths if path is not None and not _is_kept(name, path))
        elif name == "relative_to":
            if value.kind == "image" and value.name:
                yield value.name
        elif name not in _NO_FILES:
            raise SettingsError(f"its option {name} cannot be checked; use the command line")


def _is_kept(option: str, value: str) -> bool:
    """Whether an option that may name a file names what SimViz itself keeps."""
    if option == "selection":
        return SELECTION_NAME.fullmatch(value) is not None
    return option == "compare_checkpoint" and value == PRETRAINED.source
