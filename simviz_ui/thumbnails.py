"""A grid of thumbnails to choose from, by mouse or keyboard."""

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st
from PIL import Image

from simviz_core.errors import ImageError
from simviz_core.gallery import GalleryImage
from simviz_ui.resources import gallery_picture

SIDE = 132
"""The longer side of a thumbnail, in pixels."""

_CSS = """
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: .5rem; }
button { border: 2px solid transparent; border-radius: var(--st-base-radius); padding: .2rem;
  background: var(--st-secondary-background-color); color: var(--st-text-color); cursor: pointer;
  font: inherit; font-size: .75rem; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); outline: none; }
button[aria-pressed=true] { border-color: var(--st-primary-color); }
img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover;
  border-radius: calc(var(--st-base-radius) * .6); margin-bottom: .15rem; }
.none { aspect-ratio: 4 / 3; display: grid; place-items: center; opacity: .6; }
"""

_JS = """
export default function ({ parentElement, data, setTriggerValue }) {
  let grid = parentElement.querySelector(".grid");
  if (!grid) {
    grid = document.createElement("div");
    grid.className = "grid";
    parentElement.appendChild(grid);
  }
  grid.replaceChildren(...data.images.map((image) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", image.id === data.chosen);
    button.title = image.id;
    const picture = document.createElement(image.source ? "img" : "div");
    if (image.source) { picture.src = image.source; picture.alt = image.id; }
    else { picture.className = "none"; picture.textContent = "unreadable"; }
    const caption = document.createElement("span");
    caption.textContent = image.caption;
    button.append(picture, caption);
    button.onclick = () => setTriggerValue("chosen", image.id);
    return button;
  }));
}
"""

_thumbnail_grid = st.components.v2.component("simviz_thumbnails", css=_CSS, js=_JS)


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
        {"id": image.id, "caption": image.path.stem, "source": _thumbnail(image.path)}
        for image in images
    ]
    _thumbnail_grid(data={"images": shown, "chosen": chosen}, key=key, on_chosen_change=choose)


@st.cache_data(max_entries=4096, show_spinner=False)
def _thumbnail(path: Path) -> str | None:
    """The thumbnail as a data URI; None for a file that cannot be read."""
    try:
        picture = gallery_picture(path).pixels.copy()
    except ImageError:
        return None
    picture.thumbnail((SIDE * 2, SIDE * 2), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
