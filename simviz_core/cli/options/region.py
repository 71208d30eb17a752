"""Options that name a part of an image, and what a search may find."""

import argparse
import math

from simviz_core.decomposition.regions import Rectangle
from simviz_core.retrieval import Region, rectangle_text


def add_rectangle_options(command: argparse.ArgumentParser, purpose: str) -> None:
    """Which rectangles of an image, as `asked_region` reads them.

    Args:
        command: The command.
        purpose: What is done with a rectangle, such as "search for".
    """
    for option, text in (
        ("--region", f"{purpose} this rectangle of the image, in pixels of the original; "),
        ("--exclude-region", "leave this rectangle out; "),
    ):
        command.add_argument(
            option,
            type=_rectangle,
            action="append",
            default=[],
            metavar="X0,Y0,X1,Y1",
            help=text + "may be given several times",
        )


def asked_region(options: argparse.Namespace) -> Region:
    """What `add_rectangle_options` asked for."""
    return Region(tuple(options.region), tuple(options.exclude_region))


def region_words(region: Region) -> list[str]:
    """The options that ask for a region, the same to the last bit."""
    # The form with "=", since a corner may be negative.
    return [
        f"{option}={rectangle_text(corners)}"
        for option, rectangles in (
            ("--region", region.include),
            ("--exclude-region", region.exclude),
        )
        for corners in rectangles
    ]


def add_region_options(search: argparse.ArgumentParser) -> None:
    """Which part of the query is searched for, and how."""
    add_rectangle_options(search, "search for")
    search.add_argument(
        "--crop",
        action="store_true",
        help="cut the region out and embed it anew, instead of taking its part of the whole",
    )
    search.add_argument(
        "--fine",
        action="store_true",
        help="take the region from a layer with twice as many rows and columns, gates as they are; "
        "for networks of convolutions, batch norms and ReLUs",
    )
    search.add_argument(
        "--per-class", action="store_true", help="show the best image of each class"
    )


def add_filter_options(search: argparse.ArgumentParser) -> None:
    """What may be found."""
    search.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="LABEL",
        help="find images of this class only; may be given several times",
    )
    search.add_argument(
        "--keep-query", action="store_true", help="find the query itself too, if it is there"
    )
    search.add_argument(
        "--exclude-own-class", action="store_true", help="find no image of the query's class"
    )


def _rectangle(text: str) -> Rectangle:
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = math.nan
    if not all(math.isfinite(number) for number in (x0, y0, x1, y1)):
        raise argparse.ArgumentTypeError(f"{text!r} is not four numbers X0,Y0,X1,Y1")
    return x0, y0, x1, y1
