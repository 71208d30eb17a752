"""Choose an image: from the gallery by name, thumbnail or step, or by uploading one."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from simviz_core.errors import ImageError
from simviz_core.gallery import Gallery
from simviz_core.images import IMAGE_SUFFIXES, LoadedImage
from simviz_ui.messages import show_error
from simviz_ui.resources import gallery_picture
from simviz_ui.thumbnails import thumbnail_grid
from simviz_ui.uploads import IS_UPLOAD, upload_store

THUMBNAILS = 24
"""Thumbnails on one page of the browser."""


@dataclass(frozen=True)
class ChosenImage:
    """An image that is chosen on a page.

    Attributes:
        id: Its gallery id, or its upload id; what the page and the link show.
        path: The path to name in a command; of an upload, its file name.
        picture: The image itself.
    """

    id: str
    path: str
    picture: LoadedImage


def choose_image(key: str, image_id: str) -> None:
    """Choose an image for the picker of that key; for callbacks."""
    st.session_state[key] = image_id


def image_picker(key: str, title: str, gallery: Gallery, default: int) -> ChosenImage | None:
    """Show the picker of one image.

    Args:
        key: Names the choice in the session and in the link.
        title: What the image is called on the page.
        gallery: Where to choose from.
        default: The position in the gallery of the image that is chosen at first.

    Returns:
        The chosen image; None where it cannot be read, after a message has been shown.
    """
    _take_linked_upload(key)
    ids = [image.id for image in gallery.images]
    options = ids + [image_id for image_id in _uploads() if upload_store().get(image_id)]
    if st.session_state.get(key, ids[0]) not in options:
        # An upload that has made room for others: fall back to the default.
        del st.session_state[key]
        st.warning("The uploaded image is no longer held. Upload it again.")
    chosen = st.selectbox(
        title,
        options,
        index=min(default, len(ids) - 1),
        key=key,
        bind="query-params",
    )
    with st.container(horizontal=True, gap="xsmall"):
        _step_button(key, gallery, chosen, -1)
        _step_button(key, gallery, chosen, +1)
        browse = st.popover("Browse", key=f"{key}_browse", on_change="rerun")
        if browse.open:
            with browse:
                _browse(key, gallery, chosen)
        with st.popover("Upload"):
            _upload(key)
    try:
        return _open(gallery, chosen)
    except ImageError as error:
        show_error(error)
        return None


def _open(gallery: Gallery, image_id: str) -> ChosenImage:
    if IS_UPLOAD.fullmatch(image_id):
        upload = upload_store().get(image_id)
        if upload is None:
            raise ImageError("the uploaded image is no longer held; upload it again")
        return ChosenImage(image_id, upload.name, upload)
    image = gallery.image(image_id)
    return ChosenImage(image_id, _path_to_name(image.path), gallery_picture(image.path))


def _path_to_name(path: Path) -> str:
    """The path as one would type it: from the folder that the app was started in, where it can."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _uploads() -> list[str]:
    """The ids of the uploads that this session knows."""
    return st.session_state.setdefault("uploads", [])


def _add_upload(image_id: str) -> None:
    if image_id not in _uploads():
        _uploads().append(image_id)


def _take_linked_upload(key: str) -> None:
    """Let the upload that the link names be chosen here, too, if it is still held."""
    linked = st.query_params.get(key, "")
    if IS_UPLOAD.fullmatch(linked):
        if upload_store().get(linked):
            _add_upload(linked)
        else:
            st.warning("The uploaded image of this link is no longer held. Upload it again.")


def _step_button(key: str, gallery: Gallery, chosen: str, step: int) -> None:
    def take_step() -> None:
        in_gallery = chosen in gallery.by_id
        choose_image(key, gallery.neighbour(chosen, step) if in_gallery else gallery.images[0].id)

    st.button(
        "",
        icon=":material/chevron_left:" if step < 0 else ":material/chevron_right:",
        help="Previous image" if step < 0 else "Next image",
        key=f"{key}_{'previous' if step < 0 else 'next'}",
        on_click=take_step,
    )


def _browse(key: str, gallery: Gallery, chosen: str) -> None:
    labels = list(gallery.by_label)
    own = gallery.by_id[chosen].label if chosen in gallery.by_id else labels[0]
    # The class of the chosen image is in the key, so that a new choice opens its own class.
    label = st.selectbox("Class", labels, index=labels.index(own), key=f"{key}_class_of_{own}")
    images = gallery.by_label[label]
    page = 1
    if len(images) > THUMBNAILS:
        pages = math.ceil(len(images) / THUMBNAILS)
        page = st.pagination(pages, key=f"{key}_page_of_{label}")
    shown = images[(page - 1) * THUMBNAILS : page * THUMBNAILS]
    thumbnail_grid(shown, chosen, f"{key}_thumbnails", partial(choose_image, key))


def _upload(key: str) -> None:
    st.file_uploader(
        "An image of your own",
        type=sorted(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES),
        key=f"{key}_file",
        on_change=partial(_take_upload, key),
    )
    message = st.session_state.get(f"{key}_error")
    if message:
        show_error(message)
    st.caption("Stays on this server, in memory. A link to it works until the server restarts.")


def _take_upload(key: str) -> None:
    st.session_state.pop(f"{key}_error", None)
    file = st.session_state[f"{key}_file"]
    if file is None:
        return
    try:
        image_id = upload_store().add(file.getvalue(), file.name)
    except ImageError as error:
        st.session_state[f"{key}_error"] = str(error)
        return
    _add_upload(image_id)
    choose_image(key, image_id)
