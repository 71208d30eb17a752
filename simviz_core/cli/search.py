"""`search QUERY --gallery GALLERY`: find similar images, by the whole query or by a region."""

import argparse
import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from simviz_core.cli.gallery_options import (
    GALLERY_HELP,
    add_store_options,
    bring_up_to_date,
    find_in,
    warn_of_unreadable,
)
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
    whole_number,
    write_json,
)
from simviz_core.decomposition.regions import Rectangle
from simviz_core.errors import SettingsError
from simviz_core.figures import FigureStyle, SearchPanel, search_figure
from simviz_core.gallery import open_gallery
from simviz_core.images import LoadedImage, load_image
from simviz_core.pairs import NetworkSettings
from simviz_core.regions import Region, crop_to, weights_on
from simviz_core.retrieval import choose, load_index
from simviz_core.search import MatchMaps, Ranking, match_maps, rank, search_as_json


def add_to(commands: "Commands[OneLineParser]") -> None:
    """Add the command."""
    search = commands.add_parser(
        "search",
        help="find the images of a gallery that are similar to a query, or to a region of it",
        description="Rank a gallery by its similarity to a query, or by what a region of the query "
        "contributes to that similarity. The gallery is indexed first where it is not yet.",
    )
    search.add_argument("query", metavar="QUERY", help="an image file")
    search.add_argument("--gallery", metavar="GALLERY", required=True, help=GALLERY_HELP)
    search.add_argument(
        "--top", type=whole_number, default=10, metavar="K", help="matches; default: %(default)s"
    )
    _add_region_options(search)
    _add_filter_options(search)
    add_network_options(search)
    add_network_details(search)
    add_store_options(search)
    add_figure_options(search, "the query and its matches with their maps")
    add_json_option(search)
    search.add_argument("--maps", action="store_true", help="put the maps into the JSON")
    search.set_defaults(run=_run)


def search_command(
    query: str,
    gallery: str,
    region: Region,
    settings: NetworkSettings,
    style: FigureStyle,
    top: int,
    filters: Sequence[str] = (),
) -> str:
    """The command that finds the same matches, draws them and prints their scores.

    Args:
        query: Path of the query's file.
        gallery: The gallery's folder or manifest.
        region: What is drawn on the query, in pixels of its original.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.
        top: How many matches.
        filters: Options that leave images out, as words.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "search", query, "--gallery", gallery]
    words += ["--top", str(top), *filters]
    for option, rectangles in (
        ("--region", region.include),
        ("--exclude-region", region.exclude),
    ):
        # The form with "=", since a corner may be negative.
        words += [f"{option}={','.join(f'{x:.12g}' for x in corners)}" for corners in rectangles]
    words += [*settings_words(settings), "--figure", "search.png"]
    return shlex.join([*words, *style_words(style), "--json", "-"])


def _add_region_options(search: argparse.ArgumentParser) -> None:
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
        "--per-class", action="store_true", help="show the best image of each class"
    )


def _add_filter_options(search: argparse.ArgumentParser) -> None:
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


def _run(options: argparse.Namespace) -> None:
    region = Region(tuple(options.region), tuple(options.exclude_region))
    if options.crop and not region.include:
        raise SettingsError("--crop needs a --region to cut out")
    image = load_image(Path(options.query))
    gallery = open_gallery(options.gallery)
    own = find_in(gallery, Path(options.query))
    if options.exclude_own_class and (own is None or own.label is None):
        raise SettingsError(f"{options.query} has no class in the gallery that could be left out")
    network = asked_network(options)
    query = network.decompose([crop_to(region, image) if options.crop else image.pixels])[0]
    is_region = region.is_drawn and not options.crop
    weights = weights_on(region, image, query.grid) if is_region else None

    table, report = bring_up_to_date(options, gallery, network)
    warn_of_unreadable(report)
    index = load_index(gallery, table)
    allowed = choose(
        index,
        options.classes,
        without_image=own.id if own and not options.keep_query else None,
        without_class=own.label if own and options.exclude_own_class else None,
    )
    ranking = rank(index, query, weights, options.top, allowed, options.per_class)
    if not ranking.matches:
        raise SettingsError("no image of the gallery is left to be found; leave fewer out")

    pictures, maps = [], []
    if options.figure or options.maps:
        pictures = [load_image(match.image.path).pixels for match in ranking.matches]
        maps = [
            match_maps(query, network.decompose([picture])[0], ranking.vector, weights)
            for picture in pictures
        ]
    settings = asked_settings(options, network)
    if options.figure:
        panels = _panels(ranking, pictures, maps, own.label if own else None)
        _write_figure(options, image, region, panels, settings)
    if options.json:
        shown = maps if options.maps else ()
        values = search_as_json(ranking, options.query, region, settings, shown, options.crop)
        write_json(values, options.json)
    if not (options.figure or options.json):
        for place, match in enumerate(ranking.matches, start=1):
            print(f"{place:3d}  {match.score:.4f}  {match.image.path}")


def _panels(
    ranking: Ranking,
    pictures: Sequence[Image.Image],
    maps: Sequence[MatchMaps],
    query_label: str | None,
) -> list[SearchPanel]:
    panels = []
    for place, match in enumerate(ranking.matches):
        label = match.image.label
        is_hit = label == query_label if label and query_label else None
        caption = f"{place + 1}. {label or match.image.path.name} · {match.score:.3f}"
        found = maps[place]
        panels.append(
            SearchPanel(pictures[place], caption, found.match_map, found.query_map, is_hit)
        )
    return panels


def _write_figure(
    options: argparse.Namespace,
    image: LoadedImage,
    region: Region,
    panels: Sequence[SearchPanel],
    settings: NetworkSettings,
) -> None:
    query, extent = image.pixels, (image.width, image.height)
    if options.crop:
        query = crop_to(region, image)
        region, extent = Region(), query.size
    title = _title(options, settings)
    figure = search_figure(query, region, extent, panels, title, figure_style(options))
    Path(options.figure).write_bytes(figure)


def _title(options: argparse.Namespace, settings: NetworkSettings) -> str:
    searched = "whole image"
    if options.region or options.exclude_region:
        searched = "region, cropped and embedded anew" if options.crop else "region"
    return f"{searched}{', best of each class' if options.per_class else ''}   ·   {settings.title}"
