"""`pair QUERY MATCH`: explain the similarity of two images."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from simviz_core.cli.options.gallery import (
    GALLERY_HELP,
    add_store_options,
    asked_gallery,
    find_in,
    say_values,
    up_to_date_index,
    value_words,
)
from simviz_core.cli.options.network import (
    add_network_details,
    add_network_options,
    asked_network,
    asked_settings,
    settings_words,
)
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
from simviz_core.cli.options.relative import add_relative_option, reference_of, relative_words
from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import SettingsError
from simviz_core.evidence import standing_as_json, standing_in
from simviz_core.figures import (
    AgainstRow,
    FigureStyle,
    against_figure,
    describe,
    pair_figure,
    poolings_figure,
    sum_check,
)
from simviz_core.images import LoadedImage, ValueRange, load_image, shared_ranges
from simviz_core.map_measures import map_spread
from simviz_core.networks import ClassTokenNetwork, SimilarityNetwork
from simviz_core.networks.poolings import pooling_words
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import (
    COMPARED,
    BlockPart,
    CellBlock,
    LostMaps,
    PairAgainst,
    PairExplanation,
    RelativePair,
    against_arrays,
    against_as_json,
    block_part,
    cell_block,
    cell_pairs,
    compare_poolings,
    explain_against,
    explain_pair,
    feature_rows,
    layer_shares,
    layers_as_json,
    lost_as_json,
    lost_maps,
    padding_as_json,
    padding_words,
    pair_as_json,
    pair_padding,
    poolings_as_json,
    relative_as_json,
    relative_pair,
    save_pair_arrays,
    verdict,
)
from simviz_core.retrieval import NOTHING, RelativeTo


def add_options(pair: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    pair.description = "Explain the similarity of two images: score, similarity maps, features."
    pair.add_argument("query", metavar="QUERY", help="an image file")
    pair.add_argument("match", metavar="MATCH", help="the image file to compare it with")
    add_network_options(pair)
    add_network_details(pair)
    add_figure_options(pair, "both images with their maps")
    add_json_option(pair)
    add_csv_option(pair, "the features, strongest first,")
    pair.add_argument("--npz", metavar="FILE", help="write the numbers as a NumPy archive")
    more = pair.add_mutually_exclusive_group()
    more.add_argument(
        "--partners-of",
        dest="blocks",
        type=_block,
        action="append",
        default=[],
        metavar="IMAGE,ROW,COLUMN",
        help="show with which cells of the other image this cell pairs; IMAGE is query or match, "
        "rows and columns count from 0; IMAGE,ROW,COLUMN,LAST_ROW,LAST_COLUMN takes several cells "
        "together; may be given several times",
    )
    more.add_argument(
        "--compare-poolings",
        action="store_true",
        help=f"show the pair under {', '.join(COMPARED)} pooling side by side, with the spread of "
        "the maps",
    )
    instead = pair.add_mutually_exclusive_group()
    add_relative_option(instead)
    instead.add_argument(
        "--against",
        metavar="K",
        help="why MATCH and not this image: the exact difference of the query's two maps, and each "
        "match's own map beside it",
    )
    instead.add_argument(
        "--lost",
        action="store_true",
        help="show what similarity would be lost without each cell, one at a time, instead of what "
        "each cell contributes",
    )
    pair.add_argument(
        "--gallery",
        metavar="GALLERY",
        help="for --relative-to mean and class, and to say where the score stands among the "
        f"gallery's own: {GALLERY_HELP}",
    )
    add_store_options(pair)
    pair.set_defaults(run=_run)


def pair_command(
    query: str,
    match: str,
    settings: NetworkSettings,
    style: FigureStyle,
    blocks: Sequence[CellBlock] = (),
    is_comparison: bool = False,
    relative: RelativeTo = NOTHING,
    gallery: str | None = None,
    is_lost: bool = False,
    against: str | None = None,
    shown: ValueRange | None = None,
) -> str:
    """The command that explains the same pair, draws the same figure and prints its numbers.

    Args:
        query: Path of the query's file.
        match: Path of the match's file.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.
        blocks: Cells whose maps on the other image are wanted, too.
        is_comparison: Whether poolings are compared, instead.
        relative: What the maps are relative to.
        gallery: The gallery's folder or manifest, to compare the score with; it is indexed first
            where it is not yet. None where that is not wanted, and nothing else needs it.
        is_lost: Whether the maps show what would be lost without each cell.
        against: Path of the image that the match is set against.
        shown: What pictures of more than 8 bits are read with; a gallery that is named says it.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "pair", path_word(query), path_word(match)]
    words += [*settings_words(settings), "--figure", "pair.png"]
    words += ["--compare-poolings"] if is_comparison else []
    words += [word for block in blocks for word in ("--partners-of", str(block))]
    words += relative_words(relative)
    words += ["--gallery", path_word(gallery)] if gallery is not None else value_words(shown)
    words += ["--lost"] if is_lost else []
    words += ["--against", path_word(against)] if against is not None else []
    return shlex.join([*words, *style_words(style), "--json", "-"])


def _run(options: argparse.Namespace) -> None:
    paths = [Path(options.query), Path(options.match)]
    paths += [Path(options.against)] if options.against else []
    gallery = asked_gallery(options) if options.gallery else None
    ranges = (gallery and gallery.value_ranges) or options.value_range or shared_ranges(paths)
    images = [load_image(path, value_ranges=ranges) for path in paths]
    say_values(images)
    if options.compare_poolings and (options.lost or options.relative_to != NOTHING):
        raise SettingsError("--compare-poolings goes without --relative-to and --lost")
    if options.against and (options.compare_poolings or options.blocks):
        raise SettingsError("--against goes without --compare-poolings and --partners-of")
    network = asked_network(options)
    # A gallery that is named is indexed first where it is not yet.
    index = None if gallery is None else up_to_date_index(options, gallery, network)
    own = None if gallery is None else find_in(gallery, paths[0])
    reference = reference_of(options.relative_to, network, index, own, ranges)
    F_query, F_match = (network.feature_map([image.pixels])[0] for image in images[:2])
    query, match = (network.decompose_feature_map(F) for F in (F_query, F_match))
    settings = asked_settings(options, network)
    pair = explain_pair(query, match, settings)
    padding = pair_padding(pair, images[0].pixels, images[1].pixels)
    standing = None if index is None else standing_in(index, pair.similarity)
    cells = cell_pairs(query, match)
    parts = [block_part(cells, block, (query, match)) for block in options.blocks]
    instead = lost_maps(query, match) if options.lost else None
    relative = None if reference is None else relative_pair(query, match, reference)
    against = None
    if options.against:
        against = explain_against(query, match, network.decompose([images[2].pixels])[0], settings)
    poolings = []
    if options.compare_poolings:
        poolings = _compared(pair, (F_query, F_match), images, network)
    if options.figure:
        pictures = settings.seen(images[0].pixels), settings.seen(images[1].pixels)
        captions, style = (_caption(options.query), _caption(options.match)), figure_style(options)
        as_format = file_format(options.figure)
        if against:
            figure = _against_figure(options, images, against)
        elif poolings:
            figure = poolings_figure(poolings, *pictures, captions, style, as_format)
        else:
            figure = pair_figure(
                pair, *pictures, captions, style, parts, relative or instead, as_format, padding
            )
        Path(options.figure).write_bytes(figure)
    if options.npz:
        # An open file, since a path without the ending would get ".npz" added to it.
        with Path(options.npz).open("wb") as file:
            save_pair_arrays(pair, cells, file, against_arrays(against) if against else None)
    if options.json:
        values = pair_as_json(pair, options.query, options.match, parts)
        values["query_values"], values["match_values"] = (i.values_as_json() for i in images[:2])
        values |= padding_as_json(padding)
        values["query_note"], values["match_note"] = (i.note or None for i in images[:2])
        compared = {"poolings": poolings_as_json(poolings)} if poolings else {}
        beyond = {"relative": relative_as_json(relative)} if relative else {}
        lost = {"lost": lost_as_json(instead)} if instead else {}
        by_layer = _by_layer(network, images[0], match)
        placed = {"standing": standing_as_json(standing)}
        if against:
            found = against_as_json(against, options.match, options.against)
            values["against"] = found | {"against_values": images[2].values_as_json()}
        write_json(values | by_layer | compared | beyond | lost | placed, options.json)
    if options.csv:
        write_csv(feature_rows(pair), options.csv)
    if not (options.figure or options.npz or options.json or options.csv):
        _print_summary(pair, parts, poolings)
        if padding:
            print(padding_words(pair.similarity, padding))
        _print_instead(relative, instead)
        if against:
            print(verdict(against, options.match, options.against))
            print(f"  contrast of the query: {against.check}")
        if standing:
            print(standing.sentence)


def _compared(
    pair: PairExplanation,
    maps: tuple[Tensor, Tensor],
    images: Sequence[LoadedImage],
    network: SimilarityNetwork,
) -> list[PairExplanation]:
    """The pair under several poolings; a class token is compared with those of patch tokens."""
    if not isinstance(network, ClassTokenNetwork):
        return compare_poolings(*maps, pair.settings, network)
    patches = network.with_pooling("average")
    query, match = (patches.feature_map([image.pixels])[0] for image in images[:2])
    return [pair, *compare_poolings(query, match, pair.settings, patches)]


def _by_layer(
    network: SimilarityNetwork, image: LoadedImage, match: DecomposedImage
) -> dict[str, Any]:
    """What each layer of a network with a class token contributes to the similarity."""
    if not isinstance(network, ClassTokenNetwork):
        return {}
    return {"by_layer": layers_as_json(layer_shares(network, image.pixels, match))}


def _against_figure(
    options: argparse.Namespace, images: Sequence[LoadedImage], against: PairAgainst
) -> bytes:
    query, match, other = (against.settings.seen(image.pixels) for image in images)
    captions = [_caption(path) for path in (options.match, options.query, options.against)]
    row = AgainstRow(
        "",
        (match, query, other),
        (captions[0], captions[1], captions[2]),
        against,
    )
    return against_figure(
        [row], against.settings.title, figure_style(options), file_format(options.figure)
    )


def _block(text: str) -> CellBlock:
    try:
        return cell_block(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _caption(path: str) -> str:
    """The file's name and its folder's, which is its class in a gallery."""
    return " / ".join(Path(path).parts[-2:])


def _print_summary(
    pair: PairExplanation, parts: Sequence[BlockPart], poolings: Sequence[PairExplanation]
) -> None:
    print(f"similarity {pair.similarity:.4f}")
    print(sum_check(pair))
    print("strongest features (channel: contribution)")
    for channel, contribution in pair.top_features:
        print(f"  {channel:5d}: {contribution:.4f}")
    for part in parts:
        row, column = part.partner
        print(f"{describe(part)}: {part.contribution:.4g} of the similarity")
        print(f"  strongest partner row {row}, column {column}: {part.partner_contribution:.4g}")
        print(f"  without it: similarity {part.without:.4f}, {part.lost:.4g} lost")
    for compared in poolings:
        print(f"{pooling_words(compared.settings.pooling)}: similarity {compared.similarity:.4f}")
        print(f"  map of the query: {map_spread(compared.query_map)}")
        print(f"  map of the match: {map_spread(compared.match_map)}")


def _print_instead(relative: RelativePair | None, lost: LostMaps | None) -> None:
    if relative is not None:
        print(f"relative to {relative.reference.description}")
        print(f"  query: {relative.query.check()}")
        print(f"  match: {relative.match.check()}")
        print(f"  {relative.reference.sentence}")
    if lost is not None:
        row, column = np.unravel_index(lost.query.argmax(), lost.query.shape)
        print(
            f"most is lost without the query's row {row}, column {column}: "
            f"{lost.query.max():.4g}; {(lost.query < 0).mean():.0%} of its cells hold the "
            "similarity down"
        )
