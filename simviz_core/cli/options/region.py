"""The options of `search` that say what is searched for, and what may be found."""

import argparse
import math

from simviz_core.decomposition.regions import Rectangle


def add_region_options(search: argparse.ArgumentParser) -> None:
    """Which part of the query is searched for, and how."""
    for option, text in (
        ("--region", "search for this rectangle of the query, in pixels of the original image; "),
        ("--exclude-region", "leave this rectangle of the query out; "),
    ):
        search.add_argument(
            option,
            type=_rectangle,
            action="append",
            default=[],
            metavar="X0,Y0,X1,Y1",
            help=text + "may be given several times",
        )
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
