"""Choose an image: from the gallery by name, thumbnail or step, or by uploading one."""

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from simviz_core.errors import ImageError
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.images import IMAGE_SUFFIXES, load_image
from simviz_ui.choices.allowed import readable_path
from simviz_ui.choices.stepping import step_buttons
from simviz_ui.choices.uploads import (
    UploadKind,
    each_alone,
    is_upload,
    known_uploads,
    plain_name,
    upload_box,
    upload_store,
    use_upload,
    written,
)
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.thumbnails import thumbnail_grid
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import came_with_link, choose, hold, say_instead, wanted
from simviz_ui.serving.kept import kept
from simviz_ui.serving.resources import gallery_picture, picture_bytes
from simviz_ui.serving.uploads import Filled

THUMBNAILS = 24
"""Thumbnails on one page of the browser."""
MOST_OPTIONS = 1000
"""Images that the list of names holds; Browse and the steps reach all."""
MOST_AT_ONCE = 3
"""Images that a page has pickers for: the query, the match, another one."""
MOST_TRIED = 100
"""Files that are tried for one that can be read."""
NAME_WIDTH = 300
"""Of the list of names in a row, in pixels."""
NO_CLASS = "(no class)"
LARGEST_UPLOAD = 50
"""Of a photo, in megabytes: more than any camera makes."""


def image_picker(
    key: str,
    title: str,
    gallery: Gallery,
    default: int,
    steps: Sequence[str] | None = None,
    wide: bool = False,
) -> ChosenImage | None:
    """Show the picker of one image.

    Args:
        key: Names the choice in the session and in the link.
        title: What the image is called on the page.
        gallery: Where to choose from.
        default: The position of the image that is chosen at first; where that cannot be read, one
            after it that can is.
        steps: Ids, in the gallery's order, that the steps go through; None for all.
        wide: Whether it has the page's width: all in one row, with a random choice.

    Returns:
        The chosen image; None where it cannot be read, after a message has been shown.
    """
    default = _readable(gallery, default)
    first = gallery.images[default].id
    current = _current(key, title, gallery, first)
    options = _options(gallery, current, default)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall") if wide else None
    with row or st.container():
        chosen = st.selectbox(
            title,
            options,
            **hold(key, first, options),
            width=NAME_WIDTH if wide else "stretch",
        )
    with row or st.container(horizontal=True, gap="xsmall"):
        ids = steps if steps is not None else [image.id for image in gallery.images]
        _step_buttons(key, gallery, chosen, ids)
        if wide:
            _random_button(key, ids)
        browse = st.popover("Browse", key=f"{key}_browse", on_change="rerun")
        if browse.open:
            with browse:
                _browse(key, gallery, chosen)
        with st.popover("Upload"):
            upload_box(PHOTO, key)
    try:
        return open_image(key, gallery, chosen)
    except ImageError as error:
        show_error(f"{title}: {error}")  # a page may have two of them
        return None


def _readable(gallery: Gallery, default: int) -> int:
    """The position of the image that is chosen at first: never of one that cannot be read.

    The same as long as the session lasts and the gallery has it.
    """
    kept: dict[tuple[str, int], str] = st.session_state.setdefault("first_images", {})
    key = gallery.place, default
    if kept.get(key) not in gallery.by_id:
        kept[key] = gallery.images[_first_readable(gallery, default)].id
    return gallery.position[kept[key]]


def _first_readable(gallery: Gallery, default: int) -> int:
    """The first that can be read from a place on; of two or three images each another one."""
    start, skipped = (0, default) if default < MOST_AT_ONCE else (default, 0)
    last = min(default, len(gallery.images) - 1)
    for place, image in enumerate(gallery.images[start : start + MOST_TRIED], start):
        try:
            gallery_picture(image)
        except ImageError:
            continue
        last, skipped = place, skipped - 1
        if skipped < 0:
            break
    return last


def _options(gallery: Gallery, current: str | None, default: int) -> list[str]:
    """What the selectbox lists: of a large gallery only what lies around the current image."""
    images = gallery.images
    if len(images) > MOST_OPTIONS:
        place = gallery.position.get(current or "", default)
        start = max(0, min(place - MOST_OPTIONS // 2, len(images) - MOST_OPTIONS))
        images = images[start : start + MOST_OPTIONS]
    ids = [image.id for image in images]
    first = gallery.images[default].id
    return [*(ids if first in ids else [first, *ids]), *known_uploads(PHOTO.name)]


def open_image(key: str, gallery: Gallery, image_id: str) -> ChosenImage:
    """An image of a gallery, or one that was uploaded.

    Args:
        key: What it is used for; an upload is held for as long as it is.
        gallery: The gallery.
        image_id: The image's id.

    Raises:
        ImageError: It cannot be read, or is no longer held.
        GalleryError: The gallery has no such image.
    """
    if not is_upload(image_id) or image_id in gallery.by_id:
        use_upload(PHOTO.name, key, None)
        image = gallery.image(image_id)
        return ChosenImage(image_id, readable_path(image.path), gallery_picture(image))
    upload = use_upload(PHOTO.name, key, image_id)
    if upload is None:
        raise ImageError(upload_store().why_gone(PHOTO.name, image_id))
    # Read as the gallery's pictures are, so that its scores are comparable.
    ranges = [replace(shown, how=f"the gallery's: {shown.how}") for shown in gallery.value_ranges]
    keys = tuple((shown.kind, shown.key, shown.how) for shown in ranges)
    picture = kept().get(
        ("picture", upload.path, upload.title, keys),
        lambda: load_image(upload.path, name=upload.title, value_ranges=ranges),
        picture_bytes,
    )
    return ChosenImage(image_id, upload.title, picture)


def _current(key: str, title: str, gallery: Gallery, first: str) -> str:
    """The image that is chosen, or the first one where that is not there."""
    asked: str | None = wanted(key)
    if asked is None or asked in gallery.by_id:
        return asked or first
    if is_upload(asked):
        # This session may know it from the link alone.
        if use_upload(PHOTO.name, key, asked):
            return asked
        why = upload_store().why_gone(PHOTO.name, asked)
        say_instead(key, f"{title}: {why}. {first} is shown instead.", first)
    elif came_with_link(key):
        message = f"{title}: the gallery has no image {asked}. {first} is shown instead."
        say_instead(key, message, first)
    return first


def _step_buttons(key: str, gallery: Gallery, chosen: str, ids: Sequence[str]) -> None:
    def take(current: str | None, steps: int) -> str:
        places = [gallery.position[image_id] for image_id in ids]
        here = gallery.position.get(current or chosen, -1)
        # From the first one after this image, or the last one before it, round the ends.
        start = bisect_right(places, here) - 1 if steps > 0 else bisect_left(places, here)
        return ids[(start + steps) % len(ids)]

    step_buttons(key, key, take, disabled=not ids, with_keys=key == "query")


def _random_button(key: str, ids: Sequence[str]) -> None:
    st.button(
        "Random",
        icon=":material/shuffle:",
        key=f"{key}_random",
        on_click=lambda: choose(**{key: random.choice(ids)}),
        disabled=not ids,
        shortcut="A" if key == "query" else None,
    )


def _browse(key: str, gallery: Gallery, chosen: str) -> None:
    groups: dict[str | None, list[GalleryImage]] = {
        label: list(images) for label, images in gallery.by_label.items()
    }
    unlabelled = [image for image in gallery.images if image.label is None]
    if unlabelled:
        groups[None] = unlabelled
    labels = list(groups)
    own = labels[0]
    if chosen in gallery.by_id:
        own = gallery.by_id[chosen].label
    label = own
    if len(labels) > 1:
        # The chosen image's class is in the key, so that a new choice opens its own class.
        label = st.selectbox(
            "Class",
            labels,
            index=labels.index(own),
            format_func=lambda name: NO_CLASS if name is None else name,
            key=f"{key}_class_of_{own!r}",
        )
    images = groups[label]
    page = 1
    if len(images) > THUMBNAILS:
        pages = math.ceil(len(images) / THUMBNAILS)
        page = st.pagination(pages, key=f"{key}_page_of_{label!r}")
    shown = images[(page - 1) * THUMBNAILS : page * THUMBNAILS]
    thumbnail_grid(shown, chosen, f"{key}_thumbnails", lambda image_id: choose(**{key: image_id}))


def _fill(file: UploadedFile, folder: Path) -> Filled:
    load_image(file.getvalue(), name=plain_name(file))
    return Filled(written(file, folder))


PHOTO = UploadKind(
    name="image",
    label="An image of your own",
    megabytes=LARGEST_UPLOAD,
    sort_out=partial(each_alone, fill=_fill),
    suffixes=IMAGE_SUFFIXES,
)
