"""What is checked: an image, the one that it is compared with, and the network."""

from dataclasses import dataclass
from typing import Any

import streamlit as st
from cachetools import LRUCache
from PIL import Image

from simviz_core.decomposition import DecomposedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_ui.chosen import ChosenImage

KEPT = 64
"""Checks that a session keeps."""


@dataclass(frozen=True, eq=False)
class CheckedPair:
    """An image whose parts are blanked, and the image that it is compared with.

    Attributes:
        chosen: The image.
        image: Decomposed.
        other: The other one, decomposed.
        other_name: What it is called on the page.
        other_path: The path to name in a command.
        other_digest: Of its file.
        settings: The network.
    """

    chosen: ChosenImage
    image: DecomposedImage
    other: DecomposedImage
    other_name: str
    other_path: str
    other_digest: str
    settings: NetworkSettings

    @property
    def title(self) -> str:
        """Of its figures."""
        return f"{self.chosen.id}, compared with {self.other_name}   ·   {self.settings.title}"

    @property
    def seen(self) -> Image.Image:
        """What the network sees of the image, RGB: what its maps are laid over."""
        return self.settings.seen(self.chosen.picture.pixels)

    def key(self, *more: object) -> tuple[object, ...]:
        """What a result depends on."""
        return (self.chosen.picture.digest, self.other_digest, self.settings, *more)


def kept_checks() -> "LRUCache[tuple[object, ...], Any]":
    """The results of this session, the ones not used for longest making room."""
    kept: LRUCache[tuple[object, ...], Any] = st.session_state.setdefault("checks", LRUCache(KEPT))
    return kept
