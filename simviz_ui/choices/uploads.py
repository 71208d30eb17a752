"""Uploaded images, held in memory so that a reload or a page switch does not lose them."""

import re
from collections import OrderedDict
from threading import Lock

import streamlit as st

from simviz_core.images import LoadedImage, load_image

CAPACITY = 32
"""Uploads held by the process; the ones not used for longest make room."""
DIGITS = 16
"""Digits of the content's digest in an id: enough that nobody finds another's upload by trying."""
IS_UPLOAD = re.compile(rf".* \(upload [0-9a-f]{{{DIGITS}}}\)", re.DOTALL)
"""What the id of an upload looks like; the id is what the pages and the link show."""


class UploadStore:
    """The latest uploads of all sessions, each under an id that its content yields."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._images: OrderedDict[str, LoadedImage] = OrderedDict()
        self._lock = Lock()

    def add(self, content: bytes, name: str) -> str:
        """Hold an image.

        Args:
            content: The file's bytes.
            name: The file's name, for messages and captions.

        Returns:
            The id under which it can be had again.

        Raises:
            ImageError: The content is not an image that can be read.
        """
        image = load_image(content, name=name)
        image_id = f"{name} (upload {image.digest[:DIGITS]})"
        with self._lock:
            self._images[image_id] = image
            self._images.move_to_end(image_id)
            while len(self._images) > self._capacity:
                self._images.popitem(last=False)
        return image_id

    def get(self, image_id: str) -> LoadedImage | None:
        """The image held under an id; None if it is held no longer."""
        with self._lock:
            image = self._images.get(image_id)
            if image is not None:
                self._images.move_to_end(image_id)
            return image


@st.cache_resource(show_spinner=False)
def upload_store() -> UploadStore:
    """The process's store of uploads."""
    return UploadStore()
