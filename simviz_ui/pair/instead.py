"""What the Pair page's maps show instead of contributions: relative maps, or what would be lost."""

from typing import Any

import streamlit as st

from simviz_core.decomposition import DecomposedImage
from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import (
    LOST_SENTENCE,
    LostMaps,
    RelativePair,
    lost_as_json,
    lost_maps,
    relative_as_json,
    relative_pair,
)
from simviz_ui.choices.relative import as_relative_to, relative_choice
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.cell_maps import OtherMaps
from simviz_ui.display.messages import as_markdown
from simviz_ui.retrieval.panel import ready_index
from simviz_ui.retrieval.relative import chosen_reference, in_words
from simviz_ui.view import LOST

Instead = RelativePair | LostMaps


def maps_instead(
    gallery: Gallery,
    query: ChosenImage,
    images: tuple[DecomposedImage, DecomposedImage],
    settings: NetworkSettings,
) -> Instead | None:
    """Show the control, and return what is shown instead of contributions; None for nothing.

    Args:
        gallery: Whose mean and classes maps may be relative to.
        query: The query.
        images: The query and the match.
        settings: The network.
    """
    known = gallery.by_id.get(query.id)
    label = known.label if known else None
    chosen = relative_choice(gallery, label, with_lost=True)
    if chosen == LOST:
        return lost_maps(*images)
    choice = as_relative_to(chosen)
    index = None
    if choice is not None and choice.needs_gallery:
        index = ready_index(gallery, settings)
        if index is None:
            st.info(
                "The gallery is not indexed with this network yet, and its mean and classes are "
                "not known. Open Search to index it; until then the maps show the similarity.",
                icon=":material/database:",
            )
            return None
    reference = chosen_reference(chosen, gallery, index, (query.id, label), settings)
    return None if reference is None else relative_pair(*images, reference)


def as_other_maps(instead: Instead | None) -> OtherMaps | None:
    """The maps for the widget."""
    if instead is None:
        return None
    if isinstance(instead, LostMaps):
        return OtherMaps(
            instead.query, instead.match, "similarity lost without this cell alone", adds_up=False
        )
    measured = in_words(instead.reference).measured
    return OtherMaps(instead.query.values, instead.match.values, measured, adds_up=True)


def say_instead(instead: Instead) -> None:
    """What the colours mean now, and what the maps add up to."""
    if isinstance(instead, LostMaps):
        st.caption(as_markdown(LOST_SENTENCE))
        return
    colours = as_markdown(instead.reference.sentence)
    checks = " · ".join(
        f"{side}: {as_markdown(relative.check())}"
        for side, relative in (("Query", instead.query), ("Match", instead.match))
    )
    st.caption(f"{colours} The similarity and every ranking stay as they are.  \n{checks}")


def instead_as_json(instead: Instead | None) -> dict[str, Any]:
    """Under `relative` or `lost`, as the command has them."""
    if instead is None:
        return {}
    if isinstance(instead, LostMaps):
        return {"lost": lost_as_json(instead)}
    return {"relative": relative_as_json(instead)}
