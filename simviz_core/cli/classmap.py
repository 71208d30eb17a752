"""`classmap [IMAGE …] --gallery GALLERY`: what makes a class a class, and what tells two apart."""

import argparse
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from simviz_core.classes import (
    ClassSummary,
    ClassSums,
    ImageInClass,
    check_class_reference,
    class_block,
    class_rows,
    class_sums,
    class_to_contrast,
    classes_as_json,
    contrast_check,
    contrast_sentence,
    image_in_class,
    most_typical,
    summarise,
    summary_line,
)
from simviz_core.cli.options.gallery import (
    GALLERY_HELP,
    add_selection_option,
    add_store_options,
    asked_gallery,
    find_in,
    say_values,
    selected_index,
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
from simviz_core.cli.options.relative import add_class_relative_option, relative_words
from simviz_core.errors import SettingsError
from simviz_core.figures import FigureStyle, class_figure
from simviz_core.gallery import Gallery
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import NOTHING, RelativeTo

TOP = 12
"""Images of a class, unless told otherwise."""

Wanted = list[tuple[str, str, str | None]]
"""Images to compare with a class: the class, the file, its id in the gallery if it is in it."""


def add_options(classmap: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    classmap.description = (
        "Sum an image's similarity maps with the other images of its class, in one "
        "product whatever the class's size; or do so for the images of a class, from the most to "
        "the least typical. The gallery is indexed first where it is not yet."
    )
    classmap.add_argument("images", metavar="IMAGE", nargs="*", help="an image file")
    classmap.add_argument("--gallery", metavar="GALLERY", required=True, help=GALLERY_HELP)
    classmap.add_argument(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="LABEL",
        help="compare with this class; without an IMAGE, show its own images; may then be given "
        "twice",
    )
    classmap.add_argument(
        "--contrast",
        action="store_true",
        help="also subtract the mean map with the most similar other class, or with the second "
        "--class",
    )
    classmap.add_argument(
        "--against", metavar="LABEL", help="subtract the mean map with this class instead"
    )
    add_class_relative_option(classmap)
    classmap.add_argument(
        "--top",
        type=whole_number,
        default=TOP,
        metavar="K",
        help="images of each class; default: %(default)s",
    )
    classmap.add_argument(
        "--skip",
        type=whole_number,
        default=0,
        metavar="M",
        help="leave the M most typical images out",
    )
    add_network_options(classmap)
    add_network_details(classmap)
    add_selection_option(classmap)
    add_store_options(classmap)
    add_figure_options(classmap, "the images with their class maps")
    add_json_option(classmap)
    add_csv_option(classmap, "the images with their typicality")
    classmap.set_defaults(run=_run)


def classmap_command(
    gallery: str,
    labels: Sequence[str],
    settings: NetworkSettings,
    style: FigureStyle,
    shown: tuple[int, int],
    relative: RelativeTo = NOTHING,
    selection: str | None = None,
) -> str:
    """The command that draws the images of one or two classes and prints their numbers.

    Args:
        gallery: The gallery's folder or manifest.
        labels: The classes.
        settings: The network, its pooling and its size.
        style: How the figure shows the maps.
        shown: How many images of each class are left out, and how many are shown after them.
        relative: What the map of the first class is relative to; the second class stands for each
            being relative to the other.
        selection: The name of the selection that stands for the gallery; None for all of it.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "classmap", "--gallery", path_word(gallery)]
    words += [f"--class={label}" for label in labels]
    of_each_other = len(labels) > 1 and relative == RelativeTo("class", labels[1])
    words += ["--contrast"] if of_each_other else relative_words(relative)
    words += [] if selection is None else [f"--selection={selection}"]
    skip, top = shown
    words += [*(["--skip", str(skip)] if skip else []), "--top", str(top)]
    words += [*settings_words(settings), "--figure", "classes.png"]
    return shlex.join([*words, *style_words(style), "--json", "-"])


def _run(options: argparse.Namespace) -> None:
    _check(options)
    gallery = asked_gallery(options)
    pictures = [
        load_image(Path(path), value_ranges=gallery.value_ranges) for path in options.images
    ]
    say_values(pictures)
    network = asked_network(options)
    sums = class_sums(selected_index(options, gallery, network))
    wanted = _wanted(options, gallery, sums)
    labels = list(dict.fromkeys(label for label, _, _ in wanted))
    relative = {label: _relative_to(options, sums, label) for label in labels}
    images = list(_with_maps(wanted, network, sums, relative))
    summaries = [summarise(sums, label) for label in labels]
    settings = asked_settings(options, network)
    if options.figure:
        _write_figure(options, summaries, images, settings)
    if options.json:
        write_json(classes_as_json(summaries, images, options.gallery, settings), options.json)
    if options.csv:
        write_csv(class_rows(images), options.csv)
    if not (options.figure or options.json or options.csv):
        _print_table(summaries, images)


def _check(options: argparse.Namespace) -> None:
    if not options.images and not options.classes:
        raise SettingsError("name an image, or a class with --class")
    check_class_reference(options.relative_to)
    if options.relative_to != NOTHING and (options.contrast or options.against is not None):
        raise SettingsError("--relative-to goes without --contrast and --against")
    if options.images and len(options.classes) > 1:
        raise SettingsError("an image is compared with one --class; --against names another one")
    if len(set(options.classes)) > 2 or len(set(options.classes)) < len(options.classes):
        raise SettingsError("--class can be given twice, for two different classes")


def _wanted(options: argparse.Namespace, gallery: Gallery, sums: ClassSums) -> Wanted:
    """What is asked for, class by class.

    Raises:
        SettingsError: The class of an image is not known.
        GalleryError: There is no such class.
    """
    if not options.images:
        shown = slice(options.skip, options.skip + options.top)
        found: Wanted = [
            (label, str(image.path), image.id)
            for label in options.classes
            for image, _ in most_typical(sums, label)[shown]
        ]
        if not found:
            raise SettingsError(f"the class has no more than {options.skip} images; skip fewer")
        return found
    wanted: Wanted = []
    for path in options.images:
        own = find_in(gallery, Path(path))
        label: str | None = own.label if own else None
        if options.classes:
            label = options.classes[0]
        if label is None:
            raise SettingsError(f"{path} has no class in the gallery; name one with --class")
        wanted.append((label, path, own.id if own else None))
    return sorted(wanted, key=lambda image: sums.place(image[0]))


def _relative_to(options: argparse.Namespace, sums: ClassSums, label: str) -> RelativeTo:
    """What is subtracted from the maps of a class."""
    if options.against is None and not options.contrast:
        check_class_reference(options.relative_to, label)
        return cast(RelativeTo, options.relative_to)
    others = [other for other in options.classes if other != label]
    against = class_to_contrast(sums, label, options.against or (others[0] if others else None))
    return RelativeTo("class", against)


def _with_maps(
    wanted: Wanted,
    network: SimilarityNetwork,
    sums: ClassSums,
    relative: dict[str, RelativeTo],
) -> Iterator[ImageInClass]:
    for label, path, image_id in wanted:
        picture = load_image(Path(path), value_ranges=sums.index.coverage.value_ranges)
        decomposed = network.decompose([picture.pixels])[0]
        yield image_in_class(
            decomposed,
            sums,
            label,
            path,
            image_id,
            relative[label],
            network.frame(picture.pixels),
        )


def _write_figure(
    options: argparse.Namespace,
    summaries: Sequence[ClassSummary],
    images: Sequence[ImageInClass],
    settings: NetworkSettings,
) -> None:
    first = 1 if options.images else options.skip + 1
    blocks = [
        class_block(summary, [i for i in images if i.map.label == summary.label], settings, first)
        for summary in summaries
    ]
    title = settings.title
    meaning = contrast_sentence(images)
    style = figure_style(options)
    figure = class_figure(blocks, title, style, file_format(options.figure), meaning)
    Path(options.figure).write_bytes(figure)


def _print_table(summaries: Sequence[ClassSummary], images: Sequence[ImageInClass]) -> None:
    for summary in summaries:
        print(summary_line(summary))
        for found in images:
            if found.map.label != summary.label:
                continue
            total = float(found.map.values.sum(dtype="float64")) + found.map.bias
            print(
                f"  {found.map.typicality:.4f}  {found.path}  map sum {total:.4f} · "
                f"{found.map.count} similarities {found.map.similarity_sum:.4f} · "
                f"residual {found.map.residual:.0e}"
            )
            if found.contrast is not None:
                print(f"          minus {found.contrast.other}: {contrast_check(found.contrast)}")
    if meaning := contrast_sentence(images):
        print(meaning)
