"""What a page's maps are relative to: the reference, its maps, and what they mean in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st
from torch import Tensor

from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import SimVizError
from simviz_core.gallery import Gallery
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    SAME_RANKING,
    SELF_REFERENCE,
    GalleryIndex,
    MatchMaps,
    Reference,
    RelativeMatchMaps,
    gallery_reference,
    image_reference,
    mean_reference,
    relative_match_maps,
)
from simviz_ui.choices.allowed import readable_path
from simviz_ui.choices.relative import as_relative_to, other_image
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.serving.resources import decomposed, gallery_picture, not_run_yet
from simviz_ui.serving.with_index import kept_with
from simviz_ui.view import LOST, OTHER_IMAGE


def chosen_reference(
    chosen: str,
    gallery: Gallery,
    index: GalleryIndex | None,
    query: tuple[str, str | None],
    settings: NetworkSettings,
) -> Reference | None:
    """What is subtracted; None for nothing, and where it cannot be had, after a message.

    Args:
        chosen: As `relative_choice` returns it.
        gallery: The gallery.
        index: Its embeddings; None where there are none, which only its mean and classes need.
        query: The query's id and its class.
        settings: The network.
    """
    if chosen == LOST:
        return None
    try:
        if chosen == OTHER_IMAGE:
            image = gallery.image(other_image(gallery))
            (other,) = decomposed([gallery_picture(image)], settings)
            return image_reference(other, readable_path(image.path))
        choice = as_relative_to(chosen)
        if choice is None or choice.kind == "nothing":
            return None
        if choice.kind == "self":
            return SELF_REFERENCE
        if index is None:
            return None
        if choice.kind == "mean":
            return kept_with(index, "mean reference", lambda: mean_reference(index))
        return gallery_reference(choice, index, *query)
    except SimVizError as error:
        show_error(error)
        return None


def relative_maps_of(
    image: DecomposedImage,
    pictures: Sequence[LoadedImage | None],
    weights: Tensor | None,
    settings: NetworkSettings,
    reference: Reference | None,
) -> list[RelativeMatchMaps | None]:
    """The relative maps of every match that the network has seen.

    Args:
        image: The query.
        pictures: Of each match; None where its file cannot be read.
        weights: Share of each of the query's cells that a region covers, (H, W); None for all.
        settings: The network.
        reference: What is subtracted; None for nothing.

    Returns:
        One for each match; empty where nothing is subtracted.
    """
    if reference is None:
        return []
    waiting = {p.digest for p in not_run_yet([p for p in pictures if p], settings)}
    return [
        relative_match_maps(image, decomposed([picture], settings)[0], reference, weights)
        if picture and picture.digest not in waiting
        else None
        for picture in pictures
    ]


def shown_instead(
    maps: Sequence[MatchMaps | None], relative: Sequence[RelativeMatchMaps | None]
) -> list[MatchMaps | None]:
    """The maps that are shown: relative ones where there are such."""
    if not relative:
        return list(maps)
    shown: list[MatchMaps | None] = []
    for plain, beyond in zip(maps, relative, strict=True):
        if plain is None or beyond is None:
            shown.append(None)
            continue
        shown.append(
            replace(
                plain,
                query_map=beyond.query.values,
                match_map=plain.match_map if beyond.match is None else beyond.match.values,
            )
        )
    return shown


@dataclass(frozen=True)
class Said:
    """A reference in words.

    Attributes:
        colours: What the colours mean, as Markdown.
        measured: What the colour bar measures.
    """

    colours: str
    measured: str


def in_words(reference: Reference) -> Said:
    """What the colours mean, and that no ranking changes."""
    return Said(
        as_markdown(f"{reference.sentence} {SAME_RANKING}"),
        f"contribution beyond {reference.description}",
    )


def say_reference(reference: Reference, best: RelativeMatchMaps | None) -> None:
    """What the colours mean, and for the best match the difference that its map adds up to."""
    check = "" if best is None else f" Best match: {as_markdown(best.query.check())}."
    st.caption(f"{in_words(reference).colours}{check}")
