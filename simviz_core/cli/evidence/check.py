"""`check IMAGE OTHER`: blank a part and run the network again, or ask what a cell sees."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from simviz_core.cli.options.gallery import add_value_range_option, say_values, value_words
from simviz_core.cli.options.network import (
    add_network_details,
    add_network_options,
    asked_network,
    asked_settings,
    settings_words,
)
from simviz_core.cli.options.output import (
    add_figure_options,
    add_json_option,
    figure_style,
    file_format,
    path_word,
    style_words,
    write_json,
)
from simviz_core.cli.options.region import add_rectangle_options, asked_region, region_words
from simviz_core.decomposition import DecomposedImage, similarity_map
from simviz_core.errors import SettingsError
from simviz_core.evidence import (
    CAVEAT,
    FILLS,
    BlankedPart,
    Fill,
    all_cells_as_json,
    blanked_part,
    check_all_cells,
    check_occlusion,
    occlusion_as_json,
    seen_as_json,
    seen_by_cell,
)
from simviz_core.figures import (
    FigureStyle,
    field_figure,
    field_picture,
    occlusion_figure,
    scatter_figure,
)
from simviz_core.images import LoadedImage, ValueRange, load_image, shared_ranges
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import CellBlock, cell_block


def add_options(command: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    command.description = (
        "Blank a part of an image, run the network again and compare what happens to "
        "its similarity to another image with what its map predicts. Or show which pixels a cell "
        "sees."
    )
    command.add_argument("image", metavar="IMAGE", help="an image file, a part of which is blanked")
    command.add_argument("other", metavar="OTHER", help="the image file to compare it with")
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--blank",
        type=_part,
        metavar="WHAT",
        help="strongest:K, the K cells that contribute most, or ROW,COLUMN, counted from 0, or "
        "ROW,COLUMN,LAST_ROW,LAST_COLUMN; default: strongest:3",
    )
    what.add_argument(
        "--all-cells", action="store_true", help="blank every cell, one at a time: a scatter"
    )
    what.add_argument(
        "--sees",
        type=_cell,
        metavar="ROW,COLUMN",
        help="show which pixels can reach this cell, and which do, instead of blanking",
    )
    add_rectangle_options(command, "blank")
    command.add_argument(
        "--fill",
        choices=FILLS,
        default=FILLS[0],
        help="what takes the place of the pixels: a blurred copy, the mean colour, or colours "
        "that spread in from the border; default: %(default)s",
    )
    add_network_options(command)
    add_network_details(command)
    add_value_range_option(command)
    add_figure_options(command, "what was found")
    add_json_option(command)
    command.set_defaults(run=_run)


def check_command(
    image: str,
    other: str,
    settings: NetworkSettings,
    style: FigureStyle,
    asked: "BlankedPart | CellBlock | None",
    fill: Fill | None = None,
    shown: ValueRange | None = None,
) -> str:
    """The command that makes the same check.

    Args:
        image: Path of the image that is blanked, or that the cell is on.
        other: Path of the image that it is compared with.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.
        asked: What is blanked; a cell, for what it sees; None for all cells one at a time.
        fill: What takes the place of the pixels; None where nothing is blanked.
        shown: What pictures of more than 8 bits are read with.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "check", path_word(image), path_word(other)]
    if asked is None:
        words += ["--all-cells"]
    elif isinstance(asked, CellBlock):
        words += ["--sees", f"{asked.top},{asked.left}"]
    elif asked.region is not None:
        words += region_words(asked.region)
    elif asked.block is not None:
        words += ["--blank", str(asked.block).partition(",")[2]]
    else:
        words += ["--blank", f"strongest:{asked.strongest}"]
    words += [] if fill is None else ["--fill", fill]
    words += value_words(shown)
    words += [*settings_words(settings), "--figure", "check.png", *style_words(style)]
    return shlex.join([*words, "--json", "-"])


@dataclass(frozen=True)
class _Asked:
    """What is checked.

    Attributes:
        options: Of the command.
        network: That is run.
        settings: Of it.
        pictures: The image and the other one.
        images: Both, decomposed.
    """

    options: argparse.Namespace
    network: SimilarityNetwork
    settings: NetworkSettings
    pictures: Sequence[LoadedImage]
    images: tuple[DecomposedImage, DecomposedImage]

    @property
    def names(self) -> tuple[str, str]:
        return self.options.image, self.options.other

    @property
    def title(self) -> str:
        first, second = (" / ".join(Path(name).parts[-2:]) for name in self.names)
        return f"{first}, compared with {second}"


@dataclass(frozen=True)
class _Found:
    """What is written: the numbers, the figure where it is wanted, and the words."""

    values: dict[str, Any]
    figure: bytes | None
    words: str


def _run(options: argparse.Namespace) -> None:
    region = asked_region(options)
    if region.is_drawn and (options.blank or options.all_cells or options.sees):
        raise SettingsError("--region goes without --blank, --all-cells and --sees")
    paths = [Path(options.image), Path(options.other)]
    ranges = options.value_range or shared_ranges(paths)
    pictures = [load_image(path, value_ranges=ranges) for path in paths]
    say_values(pictures)
    network = asked_network(options)
    both = network.decompose([picture.pixels for picture in pictures])
    settings = asked_settings(options, network)
    asked = _Asked(options, network, settings, pictures, (both[0], both[1]))
    if options.sees:
        found = _sees(asked, options.sees)
    elif options.all_cells:
        found = _all_cells(asked)
    else:
        part = BlankedPart(region=region) if region.is_drawn else options.blank or BlankedPart()
        found = _blanked(asked, part)
    if found.figure is not None:
        Path(options.figure).write_bytes(found.figure)
    if options.json:
        write_json(found.values, options.json)
    if not (options.figure or options.json):
        print(found.words)


def _blanked(asked: _Asked, part: BlankedPart) -> _Found:
    picture, style = asked.pictures[0], figure_style(asked.options)
    removal = part.removal(asked.network, picture, *asked.images)
    check = check_occlusion(
        asked.network, picture.pixels, *asked.images, removal, asked.options.fill
    )
    words = f"{part.words} blanked ({check.fill}): {check.sentence}"
    note = part.note(picture, asked.settings)
    words += f"; {note}" if note else ""
    figure = None
    if asked.options.figure:
        before = similarity_map(*asked.images).numpy(force=True)
        figure = occlusion_figure(
            asked.settings.seen(picture.pixels),
            (before, check.blanked_map),
            check.blanked_picture,
            (f"{asked.title}   ·   {asked.settings.title}", words, CAVEAT),
            style,
            file_format(asked.options.figure),
        )
    values = occlusion_as_json(check, part, *asked.names, asked.settings)
    if note:
        values["region_note"] = note
    return _Found(values, figure, f"{words}\n{CAVEAT}")


def _all_cells(asked: _Asked) -> _Found:
    picture = asked.pictures[0].pixels
    with tqdm(desc="blanking", unit=" cells", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = check_all_cells(asked.network, picture, *asked.images, asked.options.fill, show)
    words = f"{found.sentence} {CAVEAT}"
    figure = None
    if asked.options.figure:
        title = f"{asked.title} · {asked.settings.title} · {found.fill}"
        as_format = file_format(asked.options.figure)
        figure = scatter_figure(found.predicted, found.real, (title, words), as_format)
    return _Found(all_cells_as_json(found, *asked.names, asked.settings), figure, words)


def _sees(asked: _Asked, cell: CellBlock) -> _Found:
    picture, (image, other) = asked.pictures[0].pixels, asked.images
    seen = seen_by_cell(
        asked.network, picture, image.grid, other.unit_embedding, cell.top, cell.left
    )
    words = f"Measured: {seen.measured}\nIn theory: {seen.in_theory}"
    figure = None
    if asked.options.figure:
        field = None if seen.field is None else seen.field.outline
        shown = field_picture(
            asked.settings.seen(picture),
            seen.heat,
            seen.outline,
            field,
            figure_style(asked.options),
        )
        title = f"{asked.title} · {asked.settings.title}"
        figure = field_figure(shown, (title, words), file_format(asked.options.figure))
    return _Found(seen_as_json(seen, *asked.names, asked.settings), figure, words)


def _part(text: str) -> BlankedPart:
    try:
        return blanked_part(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _cell(text: str) -> CellBlock:
    try:
        block = cell_block(f"query,{text}")
    except SettingsError:
        block = None
    if block is None or block.cells > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no cell ROW,COLUMN, counted from 0")
    return block
