"""What was done to a picture when its file was read, said under it: values, frames, profile."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import streamlit as st

from simviz_core.images import LoadedImage
from simviz_core.networks.weights import listed
from simviz_ui.display.messages import as_markdown


def show_values(pictures: Iterable[LoadedImage | None]) -> None:
    """Say how the files of the pictures above were read; nothing of those that are as they are.

    That is which values are black and white, of more than 8 bits; and what of the file is not
    shown. What holds for several pictures is said once.

    Args:
        pictures: That are shown; None for those that cannot be read.
    """
    alike: dict[str, dict[str, LoadedImage]] = {}
    remarked: dict[str, dict[str, LoadedImage]] = {}
    for picture in pictures:
        if picture is None:
            continue
        if picture.value_range is not None:
            alike.setdefault(picture.value_range.text, {})[picture.digest] = picture
        for remark in picture.remarks:
            remarked.setdefault(remark, {})[picture.digest] = picture
    for found in alike.values():
        first, *others = found.values()
        outside = first.outside + sum(picture.outside for picture in others)
        not_finite = first.not_finite + sum(picture.not_finite for picture in others)
        note = replace(first, outside=outside, not_finite=not_finite).values_note
        _say("exposure", found.values(), note)
    for remark, found in remarked.items():
        _say("info", found.values(), remark)


def _say(icon: str, pictures: Iterable[LoadedImage], note: str) -> None:
    names = listed([Path(picture.name).name for picture in pictures])
    st.caption(f":material/{icon}: {as_markdown(f'{names}: {note}')}")
