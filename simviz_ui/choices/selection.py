"""The selection of images that stands for the gallery: drawn on the Map page, part of the link."""

from collections.abc import Iterable, Sequence

import streamlit as st

from simviz_core.gallery import Gallery, Selection, read_selection, save_selection, selection_of
from simviz_core.retrieval import GalleryIndex
from simviz_ui.choices.galleries import store_folder
from simviz_ui.navigation import choose, choose_instead, say_instead, view, was_shown
from simviz_ui.serving.with_index import kept_with

GONE = "The selection of the link is not kept here any more; all images are taken."
OF_ANOTHER = "The selection was made in another gallery; all images are taken."


def chosen_selection(gallery: Gallery) -> Selection | None:
    """The selection that is chosen; None where there is none, or where it is gone."""
    name = view().selection
    if name is None:
        return None
    found = read_selection(name, store_folder(gallery))
    if found is not None and found.is_of(gallery):
        was_shown("selection")
        return found
    say_instead("selection", GONE if found is None else OF_ANOTHER, None)
    choose_instead("selection", None)
    was_shown("selection")
    return None


def keep_selection(gallery: Gallery, ids: Iterable[str]) -> str:
    """Keep some images as a selection, and return its name.

    Raises:
        SimVizError: There are none, or the gallery has no such image.
        OSError: The selection cannot be kept.
    """
    selection = selection_of(gallery, ids)
    save_selection(selection, store_folder(gallery))
    return selection.name


def select(gallery: Gallery, ids: Iterable[str]) -> None:
    """Have some images stand for the gallery; for callbacks.

    Raises:
        SimVizError, OSError: As of `keep_selection`.
    """
    choose(selection=keep_selection(gallery, ids))


def show_selection(selection: Selection | None) -> None:
    """Say which images stand for the gallery, with a button that takes all again."""
    if selection is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.markdown(
            f":material/lasso_select: **{selection.title}**",
            help="They stand for the gallery on Search, Errors, Region and Classes, until another "
            "selection is drawn on the Map page. The link names them, the list itself stays on "
            "this server.",
            width="content",
        )
        st.button(
            "Clear",
            icon=":material/close:",
            key="clear_selection",
            on_click=lambda: choose(selection=None),
            help="Take all images of the gallery again.",
        )


def steps_inside(
    selection: Selection | None, gallery: Gallery, steps: Sequence[str] | None
) -> Sequence[str] | None:
    """What of an image picker's steps lies in the selection."""
    if selection is None:
        return steps
    inside = set(selection.ids)
    ids = steps if steps is not None else [image.id for image in gallery.images]
    return [image_id for image_id in ids if image_id in inside]


def part_selected(index: GalleryIndex, selection: Selection | None) -> GalleryIndex:
    """The index of the images that are selected, the same one as long as they are."""
    if selection is None:
        return index
    rows = selection.rows(index.images)
    if not rows.any():
        st.info("No image of the selection is indexed, or none can be read; all are shown.")
        return index
    kept: dict[str, GalleryIndex] = kept_with(index, "part selected", dict)
    if selection.name not in kept:
        kept.clear()
        kept[selection.name] = index.part(rows)
    return kept[selection.name]
