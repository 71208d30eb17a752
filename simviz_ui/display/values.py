"""Which values of a picture are black and white, said under it where it has more than 8 bits."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import streamlit as st

from simviz_core.images import LoadedImage
from simviz_core.networks.weights import listed
from simviz_ui.display.messages import as_markdown


def show_values(pictures: Iterable[LoadedImage | None]) -> None:
    """Say what was done to the values of the pictures above; nothing for those of 8 bits.

    Args:
        pictures: That are shown; None for those that cannot be read.
    """
    alike: dict[str, dict[str, LoadedImage]] = {}
    for picture in pictures:
        if picture is not None and picture.value_range is not None:
            alike.setdefault(picture.value_range.text, {})[picture.digest] = picture
    for found in alike.values():
        first, *others = found.values()
        outside = first.outside + sum(picture.outside for picture in others)
        not_finite = first.not_finite + sum(picture.not_finite for picture in others)
        note = replace(first, outside=outside, not_finite=not_finite).values_note
        names = listed([Path(picture.name).name for picture in found.values()])
        st.caption(f":material/exposure: {as_markdown(f'{names}: {note}')}")
