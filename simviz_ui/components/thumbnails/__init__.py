"""A grid of thumbnails to choose from, by mouse or keyboard."""

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import streamlit as st
from PIL import Image

from simviz_core.errors import ImageError
from simviz_core.gallery import GalleryImage
from simviz_ui.components.assets import asset
from simviz_ui.display.map_style import as_data_uri
from simviz_ui.serving.kept import kept
from simviz_ui.serving.resources import changed_at, gallery_picture

SIDE = 132
"""The longer side of a thumbnail, in pixels."""

_thumbnail_grid = st.components.v2.component(
    "simviz_thumbnails",
    css=asset("thumbnails/thumbnails.css"),
    js=asset("thumbnails/thumbnails.js"),
)


def thumbnail_grid(
    images: Sequence[GalleryImage], chosen: str, key: str, on_choose: Callable[[str], None]
) -> None:
    """Show images as a grid of buttons.

    Args:
        images: What to choose from.
        chosen: The id of the image that is marked.
        key: The widget's key.
        on_choose: Called with the id of the image that was clicked.
    """

    def choose() -> None:
        image_id = st.session_state[key].chosen
        if image_id is not None:
            on_choose(image_id)

    shown = [
        {
            "id": image.id,
            "caption": image.path.stem,
            "source": _thumbnail(image, *_state(image)) or None,
        }
        for image in images
    ]
    _thumbnail_grid(data={"images": shown, "chosen": chosen}, key=key, on_chosen_change=choose)


def _state(image: GalleryImage) -> tuple[Path, tuple[str, ...], int]:
    """What a thumbnail depends on."""
    return image.path, tuple(shown.key for shown in image.value_ranges), changed_at(image.path)


def _thumbnail(image: GalleryImage, *state: Hashable) -> str:
    """The thumbnail as a data URI; empty for a file that cannot be read."""

    def make() -> str:
        try:
            picture = gallery_picture(image).pixels.copy()
        except ImageError:
            return ""
        picture.thumbnail((SIDE * 2, SIDE * 2), Image.Resampling.BICUBIC)
        return as_data_uri(picture)

    return kept().get(("thumbnail", *state), make, len)
