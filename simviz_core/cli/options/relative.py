"""`--relative-to`: what maps are relative to."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import SettingsError
from simviz_core.gallery import GalleryImage
from simviz_core.images import ValueRange, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    NOTHING,
    SELF_REFERENCE,
    GalleryIndex,
    Reference,
    RelativeTo,
    gallery_reference,
    image_reference,
    relative_to,
)


def add_relative_option(command: argparse._ActionsContainer) -> None:
    """What the maps are relative to."""
    command.add_argument(
        "--relative-to",
        type=_choice,
        default=NOTHING,
        metavar="WHAT",
        help="subtract, exactly, what the query shares with something else: mean (of the gallery), "
        "class (the query's own), class:LABEL, image:PATH, or self (Grad-CAM's form, its sign "
        "kept); the maps then add up to the difference, and no ranking changes; default: nothing",
    )


def add_class_relative_option(command: argparse._ActionsContainer) -> None:
    """What class maps are relative to."""
    command.add_argument(
        "--relative-to",
        type=_choice,
        default=NOTHING,
        metavar="WHAT",
        help="also subtract, exactly, the mean map with all images of the gallery (mean) or with "
        "another class (class:LABEL, the same as --against); default: nothing",
    )


def reference_of(
    choice: RelativeTo,
    network: SimilarityNetwork,
    index: GalleryIndex | None,
    own: GalleryImage | None,
    value_ranges: Sequence[ValueRange] = (),
) -> Reference | None:
    """What is subtracted; None for nothing.

    Args:
        choice: What was asked for.
        network: Embeds another image.
        index: The gallery's embeddings; None where there is no gallery.
        own: The query in the gallery; None if it is not there.
        value_ranges: What another image of more than 8 bits is read with.

    Raises:
        SimVizError: It needs a gallery and there is none, or it cannot be had.
    """
    if choice.kind == "nothing":
        return None
    if choice.kind == "self":
        return SELF_REFERENCE
    if choice.kind == "image":
        path = choice.name or ""
        picture = load_image(Path(path), value_ranges=value_ranges)
        other: DecomposedImage = network.decompose([picture.pixels])[0]
        return image_reference(other, path)
    if index is None:
        raise SettingsError(
            f"--relative-to {choice} needs the embeddings of a gallery; name one with --gallery"
        )
    return gallery_reference(choice, index, own.id if own else None, own.label if own else None)


def relative_words(choice: RelativeTo) -> list[str]:
    """The option that asks for it."""
    return [] if choice == NOTHING else [f"--relative-to={choice}"]


def _choice(text: str) -> RelativeTo:
    try:
        return relative_to(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
