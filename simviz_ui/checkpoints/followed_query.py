"""What is followed through the checkpoints: the query, another image, the searched classes."""

from collections.abc import Sequence

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.following import FollowedQuery
from simviz_core.gallery import Gallery
from simviz_core.gallery.masks import GalleryMasks, PixelMask, find_masks
from simviz_core.runs import Run
from simviz_ui.checkpoints.changed_queries import choose_most_changed
from simviz_ui.checkpoints.reports import Followed
from simviz_ui.choices.allowed import allowed_folders
from simviz_ui.choices.image_picker import image_picker
from simviz_ui.chosen import ChosenImage
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import hold


def followed_query(gallery: Gallery, runs: Sequence[Run]) -> Followed | None:
    """Show the choice of the query and of what it is followed with, and return it.

    Returns:
        What is followed; None where an image cannot be read, after a message has been shown.
    """
    unseen = {label for run in runs for label in run.held_out if label in gallery.by_label}
    places = (n for n, image in enumerate(gallery.images) if image.label in unseen)
    chosen = image_picker("query", "Query", gallery, next(places, 0), wide=True)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.button(
            "Changed most",
            icon=":material/trending_up:",
            key="choose_most_changed",
            on_click=choose_most_changed,
            help="The query whose neighbours and maps changed most; again for the next one.",
        )
        follow = st.segmented_control(
            "Follow",
            ["matches", "pair"],
            required=True,
            format_func={"matches": "Best matches", "pair": "One pair"}.__getitem__,
            **hold("follow"),
            label_visibility="collapsed",
            help="The best matches of each checkpoint, or the same two images through all of them.",
        )
        all_classes = not unseen or st.toggle(
            "Search trained classes, too",
            **hold("all_classes"),
            help="Otherwise only the classes that training never saw are searched and asked.",
        )
        masks = _masks(gallery)
        objects = _objects(masks) if masks else ()
    partner = (
        image_picker("match", "Pair with", gallery, 1, wide=True) if follow == "pair" else None
    )
    if chosen is None or (follow == "pair" and partner is None):
        return None
    known = gallery.by_id.get(chosen.id)
    query = FollowedQuery(
        chosen.picture,
        known.id if known else None,
        known.label if known else None,
        partner.picture if partner else None,
        _mask(masks, chosen, objects),
    )
    own_objects = masks is not None and objects != masks.objects
    return Followed(gallery, chosen, query, partner, objects, own_objects, bool(all_classes))


def _masks(gallery: Gallery) -> GalleryMasks | None:
    try:
        return find_masks(gallery, [*allowed_folders(), gallery.source])
    except SimVizError as error:
        show_error(error)
        return None


def _objects(masks: GalleryMasks) -> tuple[str, ...]:
    """The categories that the maps' share is measured of."""
    if not masks.categories:
        return ()
    with st.popover("Objects", icon=":material/category:"):
        chosen = st.multiselect(
            "Measure the maps' share of",
            masks.categories,
            **hold("objects", masks.objects, masks.categories),
            help="Categories of the gallery's masks.",
        )
    return tuple(chosen) or masks.objects


def _mask(
    masks: GalleryMasks | None, chosen: ChosenImage, objects: tuple[str, ...]
) -> PixelMask | None:
    if masks is None:
        return None
    try:
        return masks.of_image(chosen.id, objects)
    except SimVizError as error:
        show_error(error)
        return None
