"""`--also`, `--without` and `--weight`: further parts of a query, of one image or of several."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from simviz_core.errors import SettingsError
from simviz_core.retrieval import MOST_WEIGHT, QueryPart, part_from_text, part_text

PART_HELP = "IMAGE[:X0,Y0,X1,Y1]"


def add_parts_options(search: argparse.ArgumentParser) -> None:
    """What else the query is made of."""
    group = search.add_argument_group(
        "several parts",
        "the query is one vector, the sum of its parts' vectors with their weights; each score is "
        "the sum of what the parts contribute, which the JSON has for every match",
    )
    group.add_argument(
        "--also",
        dest="parts",
        action=_AddPart,
        metavar=PART_HELP,
        help="add this image, or this rectangle of it, in pixels of the original, to the query; "
        "more rectangles follow after ;, and except:X0,Y0,X1,Y1 is cut out; may be given several "
        "times",
    )
    group.add_argument(
        "--without",
        dest="parts",
        action=_AddPart,
        metavar=PART_HELP,
        help="subtract it: what it finds counts against a match. Unlike --exclude-region, which "
        "only cuts out of --region, it counts wherever it lies",
    )
    group.add_argument(
        "--weight",
        dest="parts",
        action=_WeighPart,
        type=_weight,
        metavar="W",
        help="of the --also or --without before it, or of QUERY itself where there is none; "
        "default: 1",
    )
    search.set_defaults(parts=(), query_weight=1.0)


def parts_words(parts: Sequence[QueryPart]) -> list[str]:
    """The options that ask for the parts of a query after its first one, and for all weights.

    Args:
        parts: All of them, the first one that of QUERY.
    """
    first, *others = parts
    words = [] if first.weight == 1 else [f"--weight={first.weight:.12g}"]
    for part in others:
        words.append(f"--{'without' if part.is_subtracted else 'also'}={part_text(part)}")
        words += [] if abs(part.weight) == 1 else [f"--weight={abs(part.weight):.12g}"]
    return words


def read_part(text: str) -> QueryPart:
    """The part that a text names, with weight 1; an existing file is one whatever its name.

    Raises:
        SettingsError: It names no image.
    """
    return QueryPart(text) if Path(text).exists() else part_from_text(text)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= MOST_WEIGHT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number above 0, up to {MOST_WEIGHT:g}; to subtract a part, give it "
            "with --without"
        )
    return weight


class _AddPart(argparse.Action):
    """Adds a part, or subtracts it where the option is `--without`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        try:
            part = read_part(values)
        except SettingsError as error:
            raise argparse.ArgumentError(self, str(error)) from None
        sign = -1.0 if option_string == "--without" else 1.0
        namespace.parts = (*namespace.parts, replace(part, weight=sign))


class _WeighPart(argparse.Action):
    """Weighs the part that was given last, or the query itself."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if not namespace.parts:
            namespace.query_weight = values
            return
        *others, last = namespace.parts
        weighed = replace(last, weight=values if last.weight > 0 else -values)
        namespace.parts = (*others, weighed)
