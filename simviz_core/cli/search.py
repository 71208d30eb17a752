"""`search QUERY --gallery GALLERY`: find similar images, by the whole query or by a region."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image
from torch import Tensor

from simviz_core.cli.options.gallery import (
    GALLERY_HELP,
    add_condition_options,
    add_selection_option,
    add_store_options,
    asked_conditions,
    asked_gallery,
    bring_together,
    find_in,
    loaded,
    say_values,
    selected_rows,
)
from simviz_core.cli.options.network import (
    add_network_details,
    add_network_options,
    asked_network,
    asked_settings,
    settings_words,
)
from simviz_core.cli.options.numbers import whole_number
from simviz_core.cli.options.output import (
    add_csv_option,
    add_figure_options,
    add_json_option,
    figure_style,
    file_format,
    path_word,
    style_words,
    write_csv,
    write_json,
)
from simviz_core.cli.options.parts import add_parts_options
from simviz_core.cli.options.region import (
    add_filter_options,
    add_region_options,
    asked_region,
    region_words,
)
from simviz_core.cli.options.relative import add_relative_option, reference_of, relative_words
from simviz_core.cli.search_parts import search_for_parts
from simviz_core.decomposition import CLASS_TOKEN
from simviz_core.errors import SettingsError
from simviz_core.figures import FigureStyle, search_figure, search_poolings_figure
from simviz_core.gallery import Conditions, Gallery, GalleryImage
from simviz_core.images import PAD, LoadedImage, load_image
from simviz_core.map_measures import map_spread
from simviz_core.networks import FineNetwork, SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import COMPARED
from simviz_core.retrieval import (
    FINE_NOTE,
    NOTHING,
    SAME_RANKING,
    GalleryIndex,
    MatchMaps,
    Region,
    RelativeMatchMaps,
    RelativeTo,
    SearchReport,
    Vector,
    choose,
    crop_to,
    fine_region_vector,
    match_maps,
    outside_note,
    rank,
    ranking_rows,
    relative_match_maps,
    relative_search_as_json,
    search_as_json,
    search_panels,
    search_title,
    searched_region,
    searches_as_json,
    weights_on,
    whole_vector,
)


def add_options(search: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    search.description = (
        "Rank a gallery by its similarity to a query, or by what a region of the query "
        "contributes to that similarity. The gallery is indexed first where it is not yet."
    )
    search.add_argument("query", metavar="QUERY", help="an image file")
    search.add_argument("--gallery", metavar="GALLERY", required=True, help=GALLERY_HELP)
    search.add_argument(
        "--top", type=whole_number, default=10, metavar="K", help="matches; default: %(default)s"
    )
    add_region_options(search)
    add_parts_options(search)
    add_filter_options(search)
    add_condition_options(search, "find")
    add_selection_option(search)
    add_network_options(search)
    add_network_details(search)
    add_store_options(search)
    add_figure_options(search, "the query and its matches with their maps")
    add_json_option(search)
    add_csv_option(search, "the ranking")
    search.add_argument("--maps", action="store_true", help="put the maps into the JSON")
    search.add_argument(
        "--compare-poolings",
        action="store_true",
        help=f"search under {', '.join(COMPARED)} pooling, with the spread of the maps",
    )
    search.add_argument(
        "--approximate",
        action="store_true",
        help="search by the index that `index --approximate` has added, which finds most of the "
        "best; what it was measured to find is said",
    )
    add_relative_option(search)
    search.set_defaults(run=_run)


def search_command(
    query: str,
    gallery: str,
    region: Region,
    settings: NetworkSettings,
    style: FigureStyle,
    top: int,
    filters: Sequence[str] = (),
    is_comparison: bool = False,
    relative: RelativeTo = NOTHING,
    approximate: bool = False,
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
        is_comparison: Whether poolings are compared, too.
        relative: What the maps are relative to.
        approximate: Whether the approximate index is asked.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "search", path_word(query)]
    words += ["--gallery", path_word(gallery), "--top", str(top), *filters]
    words += [*region_words(region), *settings_words(settings), "--figure", "search.png"]
    words += ["--compare-poolings"] if is_comparison else []
    words += ["--approximate"] if approximate else []
    words += relative_words(relative)
    return shlex.join([*words, *style_words(style), "--json", "-"])


@dataclass(frozen=True)
class _Asked:
    """What is searched for, and where; the same for every pooling.

    Attributes:
        options: Of the command.
        image: The query.
        region: What is drawn on it.
        gallery: Where to search.
        own: The query in the gallery; None if it is not there.
        conditions: On the columns of the gallery.
        features: Feature maps, (H, W, C), by path and whether they are of a class token;
            pooling comes after them.
    """

    options: argparse.Namespace
    image: LoadedImage
    region: Region
    gallery: Gallery
    own: GalleryImage | None
    conditions: Conditions
    features: dict[tuple[Path, bool], Tensor] = field(default_factory=dict)


def _run(options: argparse.Namespace) -> None:
    if options.parts or options.query_weight != 1:
        search_for_parts(options)
        return
    region = asked_region(options)
    if options.crop and not region.include:
        raise SettingsError("--crop needs a --region to cut out")
    if options.fine and (options.crop or not region.is_drawn):
        raise SettingsError("--fine needs a --region, and goes without --crop")
    if options.fine and options.relative_to != NOTHING:
        raise SettingsError("--fine goes without --relative-to: its maps are of the coarse cells")
    if options.compare_poolings and options.relative_to != NOTHING:
        raise SettingsError("--compare-poolings goes without --relative-to")
    if options.compare_poolings and options.approximate:
        raise SettingsError(
            "--compare-poolings goes without --approximate: poolings are compared exactly"
        )
    gallery = asked_gallery(options)
    image = load_image(Path(options.query), value_ranges=gallery.value_ranges)
    say_values([image])
    own = find_in(gallery, Path(options.query))
    if options.exclude_own_class and (own is None or own.label is None):
        raise SettingsError(f"{options.query} has no class in the gallery that could be left out")
    asked = _Asked(options, image, region, gallery, own, _conditions(options, gallery, own))
    network = asked_network(options)
    names = [network.pooling.name, *(COMPARED if options.compare_poolings else ())]
    networks = [network.with_pooling(name) for name in dict.fromkeys(names)]
    brought = zip(*bring_together(options, gallery, networks), strict=True)
    reports = {
        each.pooling.name: _find(
            asked, each, loaded(gallery, *table_and_report, options.approximate)
        )
        for each, table_and_report in zip(networks, brought, strict=True)
    }
    found = reports[network.pooling.name]
    compared = [reports[name] for name in COMPARED if options.compare_poolings]
    if note := _outside(asked, found.settings):
        print(f"simviz: {note}", file=sys.stderr)
    if options.figure:
        _write_figure(asked, found, compared)
    if options.json:
        _write_json(asked, found, compared)
    if options.csv:
        title = "region" if region.is_drawn else "whole image"
        named = [(each.settings.pooling, each) for each in compared] or [(title, found)]
        write_csv(ranking_rows(named), options.csv)
    if not (options.figure or options.json or options.csv):
        for each in compared or [found]:
            _print_matches(each, f"{each.settings.pooling} pooling" if compared else None)


def _conditions(
    options: argparse.Namespace, gallery: Gallery, own: GalleryImage | None
) -> Conditions:
    """What is asked of the columns; says so where the query has none of the values asked for."""
    conditions = asked_conditions(options, gallery)
    for name in conditions.leave_out_equal:
        if own is None:
            raise SettingsError(
                f"{options.query} is not in the gallery, so that nothing can equal it in {name!r}"
            )
        if own.columns.get(name) is None:
            print(f"simviz: {own.id} has no {name}; nothing equals it", file=sys.stderr)
    return conditions


def _find(asked: _Asked, network: SimilarityNetwork, index: GalleryIndex) -> SearchReport:
    options, region, image = asked.options, asked.region, asked.image
    picture = crop_to(region, image) if options.crop else image.pixels
    query, frame = network.decompose([picture])[0], network.frame(picture)
    is_region = region.is_drawn and not options.crop
    weights = weights_on(region, image, query.grid, frame) if is_region else None

    own = asked.own
    allowed = choose(
        index,
        options.classes,
        without_image=own.id if own and not options.keep_query else None,
        without_class=own.label if own and options.exclude_own_class else None,
        conditions=asked.conditions,
        query=own,
        vector=None if options.crop else whole_vector(query),
    ) & selected_rows(options, asked.gallery, index)
    fine = FineNetwork(network) if options.fine else None
    vector = None if fine is None else _fine_vector(asked, fine)
    ranking = rank(index, query, weights, options.top, allowed, options.per_class, vector)
    if not ranking.matches:
        raise SettingsError("no image of the gallery is left to be found; leave fewer out")
    if options.approximate:
        print(f"simviz: {ranking.found_by_sentence}", file=sys.stderr)

    reference = reference_of(options.relative_to, network, index, own, asked.gallery.value_ranges)
    pictures: list[Image.Image] = []
    maps: list[MatchMaps] = []
    relative: list[RelativeMatchMaps] = []
    in_padding: list[dict[str, float]] = []
    if options.figure or options.maps or options.compare_poolings:
        for match in ranking.matches:
            picture = match.image.load().pixels
            key = match.image.path, network.pooling.name == CLASS_TOKEN
            F = asked.features.get(key)
            if F is None:
                F = asked.features[key] = network.feature_map([picture])[0]
            of_match = network.frame(picture)
            pictures.append(of_match.seen(picture))
            decomposed = network.decompose_feature_map(F)
            maps.append(match_maps(query, decomposed, ranking.vector, weights))
            if network.preprocessing.fit == PAD:
                both = (frame, maps[-1].query_map), (of_match, maps[-1].match_map)
                sums = [lies.in_padding(values) for lies, values in both]
                in_padding.append(dict(zip(("query", "match"), sums, strict=True)))
            if reference is not None:
                relative.append(relative_match_maps(query, decomposed, reference, weights))
    settings, label = asked_settings(options, network), own.label if own else None
    return SearchReport(
        settings, ranking, label, pictures, maps, reference, relative, fine, in_padding
    )


def _fine_vector(asked: _Asked, fine: FineNetwork) -> Vector:
    """What ranks by the fine cells of what is drawn on the query."""
    picture = asked.image.pixels
    weights = partial(weights_on, asked.region, asked.image, frame=fine.network.frame(picture))
    return fine_region_vector(fine.image(picture), weights)


def _write_json(asked: _Asked, found: SearchReport, compared: Sequence[SearchReport]) -> None:
    options = asked.options
    values = search_as_json(found, options.query, asked.region, options.maps, options.crop)
    values |= asked.conditions.as_json()
    values["query_values"] = asked.image.values_as_json()
    values["query_note"] = asked.image.note or None
    if note := _outside(asked, found.settings):
        values["region_note"] = note
    if compared:
        values |= {"poolings": searches_as_json(compared)}
    if found.reference is not None:
        is_region = asked.region.is_drawn and not options.crop
        maps = found.relative if options.maps else ()
        values |= {"relative": relative_search_as_json(found.reference, maps, is_region)}
    write_json(values, options.json)


def _outside(asked: _Asked, settings: NetworkSettings) -> str:
    """What of the region the network does not see; "" for nothing."""
    if asked.options.crop:
        return ""  # it is cut out of the whole picture
    return outside_note(asked.region, asked.image, settings.frame(asked.image.pixels))


def _print_matches(found: SearchReport, title: str | None) -> None:
    if title:
        print(title)
    for number, match in enumerate(found.ranking.matches):
        maps = found.maps[number] if title else None
        spread = f"  {map_spread(maps.match_map)}" if maps else ""
        copy = found.ranking.copy_note(number)
        print(
            f"{number + 1:3d}  {match.score:.4f}  {match.image.path}{spread}"
            f"{f'  ({copy})' if copy else ''}"
        )
    if found.reference is not None:
        print(f"relative to {found.reference.description}: {SAME_RANKING}")


def _write_figure(asked: _Asked, found: SearchReport, compared: Sequence[SearchReport]) -> None:
    options, image, region = asked.options, asked.image, asked.region
    query, extent, as_format = (
        image.pixels,
        (image.width, image.height),
        file_format(options.figure),
    )
    if options.crop:
        query = crop_to(region, image)
        region, extent = Region(), query.size
    style, title = figure_style(options), _title(options, found, bool(compared))
    frame = found.settings.frame(query)
    if compared:
        rows = [(each.settings.pooling, search_panels(each)) for each in compared]
        figure = search_poolings_figure(frame.seen(query), rows, title, style, as_format)
    else:
        panels = search_panels(found)
        note = FINE_NOTE if options.fine else ""
        figure = search_figure(
            query, frame, region, extent, panels, title, style, found.reference, note, as_format
        )
    Path(options.figure).write_bytes(figure)


def _title(options: argparse.Namespace, found: SearchReport, is_comparison: bool) -> str:
    searched = "whole image"
    if options.region or options.exclude_region:
        searched = searched_region(options.fine)
        searched += ", cropped and embedded anew" if options.crop else ""
    searched += ", best of each class" if options.per_class else ""
    return search_title(searched, found.settings, is_comparison, found.ranking)
