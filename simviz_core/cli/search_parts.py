"""`search QUERY --also … --without …`: a query of several parts."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simviz_core.cli.options.gallery import (
    asked_conditions,
    asked_gallery,
    find_in,
    say_values,
    selected_rows,
    up_to_date_index,
)
from simviz_core.cli.options.network import asked_network, asked_settings, settings_words
from simviz_core.cli.options.output import (
    figure_style,
    file_format,
    style_words,
    write_csv,
    write_json,
)
from simviz_core.cli.options.parts import parts_words
from simviz_core.cli.options.region import asked_region, region_words
from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import SettingsError
from simviz_core.figures import FigureStyle, parts_figure, parts_title, shown_parts
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.images import LoadedImage, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    NOTHING,
    SCORE_SENTENCE,
    MatchMaps,
    PartsRanking,
    QueryPart,
    allowed_for,
    contributions_text,
    match_maps,
    part_text,
    parts_as_json,
    parts_query,
    parts_table,
    rank_parts,
    region_notes,
    search_title,
    shared_label,
    weights_on,
)


def parts_command(
    parts: Sequence[QueryPart],
    gallery: str,
    settings: NetworkSettings,
    style: FigureStyle,
    top: int,
    filters: Sequence[str] = (),
) -> str:
    """The command that searches for the same parts, draws the matches and prints their scores.

    Args:
        parts: Of the query, their images named by their paths; the first one is added.
        gallery: The gallery's folder or manifest.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.
        top: How many matches.
        filters: Options that leave images out, as words.

    Returns:
        One line, quoted for a POSIX shell.
    """
    first = parts[0]
    words = ["python", "-m", "simviz_core", "search", first.image, "--gallery", gallery]
    words += ["--top", str(top), *filters]
    words += [*region_words(first.region), *parts_words(parts)]
    words += [*settings_words(settings), "--figure", "search.png"]
    return shlex.join([*words, *style_words(style), "--json", "-"])


@dataclass(frozen=True)
class _Asked:
    """A query of several parts, as it was asked for.

    Attributes:
        options: Of the command.
        parts: Of the query.
        pictures: By the path of a part's image.
        images: The same decomposed.
        gallery: Where to search.
    """

    options: argparse.Namespace
    parts: Sequence[QueryPart]
    pictures: Mapping[str, LoadedImage]
    images: Mapping[str, DecomposedImage]
    gallery: Gallery

    @property
    def known(self) -> list[tuple[GalleryImage | None, bool]]:
        """Of each part its image in the gallery, and whether it is subtracted."""
        own = {path: find_in(self.gallery, Path(path)) for path in self.pictures}
        return [(own[part.image], part.is_subtracted) for part in self.parts]


def search_for_parts(options: argparse.Namespace) -> None:
    """Search for the query of `--also` and `--without`, and write what is asked for.

    Raises:
        SimVizError: An image cannot be read, a region covers nothing, or options exclude one
            another.
    """
    if options.crop or options.fine or options.compare_poolings or options.relative_to != NOTHING:
        raise SettingsError(
            "--also, --without and --weight go without --crop, --fine, --compare-poolings and "
            "--relative-to"
        )
    region = asked_region(options)
    parts = [QueryPart(options.query, region, options.query_weight), *options.parts]
    gallery = asked_gallery(options)
    pictures = {
        path: load_image(Path(path), value_ranges=gallery.value_ranges)
        for path in dict.fromkeys(part.image for part in parts)
    }
    say_values(list(pictures.values()))
    network = asked_network(options)
    images = {path: network.decompose([picture.pixels])[0] for path, picture in pictures.items()}
    asked = _Asked(options, parts, pictures, images, gallery)
    found = _find(asked, network)
    _write(asked, found, network)
    if not (options.figure or options.json or options.csv):
        _print(found)


def _find(asked: _Asked, network: SimilarityNetwork) -> PartsRanking:
    options = asked.options
    weights = [
        weights_on(
            part.region, picture, asked.images[part.image].grid, network.frame(picture.pixels)
        )
        if part.region.is_drawn
        else None
        for part in asked.parts
        for picture in [asked.pictures[part.image]]
    ]
    for number, note in region_notes(
        asked.parts, asked.pictures, asked_settings(options, network)
    ).items():
        print(f"simviz: part {number}: {note}", file=sys.stderr)
    query = parts_query(asked.parts, [asked.images[part.image] for part in asked.parts], weights)
    index = up_to_date_index(options, asked.gallery, network, options.approximate)
    allowed = allowed_for(
        index,
        asked.known,
        options.classes,
        options.keep_query,
        options.exclude_own_class,
        asked_conditions(options, asked.gallery),
    )
    allowed &= selected_rows(options, asked.gallery, index)
    found = rank_parts(index, query, options.top, allowed, options.per_class)
    if not found.ranking.matches:
        raise SettingsError("no image of the gallery is left to be found; leave fewer out")
    if options.approximate:
        print(f"simviz: {found.ranking.found_by_sentence}", file=sys.stderr)
    return found


def _write(asked: _Asked, found: PartsRanking, network: SimilarityNetwork) -> None:
    options = asked.options
    settings = asked_settings(options, network)
    maps: list[MatchMaps] = []
    shown: list[LoadedImage] = []
    if options.figure or options.maps:
        for match in found.ranking.matches:
            shown.append(match.image.load())
            decomposed = network.decompose([shown[-1].pixels])[0]
            maps.append(
                match_maps(asked.images[options.query], decomposed, found.query.vector, None)
            )
    if options.figure:
        labels = [(image.label if image else None, cut) for image, cut in asked.known]
        figure = parts_figure(
            shown_parts(asked.parts, asked.pictures, settings),
            found,
            [settings.seen(picture.pixels) for picture in shown],
            maps,
            shared_label(labels),
            search_title(parts_title(len(asked.parts), options.per_class), settings),
            figure_style(options),
            file_format(options.figure),
        )
        Path(options.figure).write_bytes(figure)
    if options.json:
        values = {"query": options.query}
        values |= parts_as_json(found, settings, maps if options.maps else ())
        values |= asked_conditions(options, asked.gallery).as_json()
        if notes := region_notes(asked.parts, asked.pictures, settings):
            values["region_notes"] = notes
        values["query_values"] = asked.pictures[options.query].values_as_json()
        write_json(values, options.json)
    if options.csv:
        write_csv(parts_table(found), options.csv)


def _print(found: PartsRanking) -> None:
    for number, part in enumerate(found.query.parts, start=1):
        sign = "−" if part.is_subtracted else "+"
        print(f"part {number}: {sign} {abs(part.weight):g} × {part_text(part)}")
    print(SCORE_SENTENCE)
    for number, match in enumerate(found.ranking.matches):
        contributions = contributions_text(found.contributions[number].tolist())
        print(f"{number + 1:3d}  {match.score:.4f} = {contributions}  {match.image.path}")
