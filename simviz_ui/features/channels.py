"""The strongest channels of one pair: where they are, and which images excite them."""

import json
from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from simviz_core.cli.features import channels_command
from simviz_core.decomposition import DecomposedImage, similarity
from simviz_core.errors import ImageError
from simviz_core.features import (
    PairChannel,
    channel_rows,
    channel_table,
    channel_words,
    channels_as_json,
    excitation_map,
    settings_as_json,
    strongest_channels,
)
from simviz_core.figures import ColourScale, FigureStyle, MapScales, channels_figure, overlay
from simviz_core.gallery import Gallery
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import padding_note
from simviz_core.retrieval import GalleryIndex, Match
from simviz_core.tables import as_csv
from simviz_ui.choices.display import style_controls
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.chosen import ChosenImage
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import colour_bar, fitted
from simviz_ui.display.messages import as_markdown
from simviz_ui.display.values import show_values
from simviz_ui.navigation import hold, page_fragment
from simviz_ui.retrieval.quality import show_coverage
from simviz_ui.serving.resources import decomposed, gallery_picture

COUNTS = (3, 5, 10)
EXAMPLES = 4
"""Images of the gallery for each channel."""
BOX = (300, 225)
ROOM = "<style>[class*='st-key-channel_row'] .stColumn { min-width: min(8rem, 28%); }</style>"
"""Where six have none in a row, three stand in each."""


@page_fragment
def show_channels(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    query: ChosenImage,
    match: ChosenImage,
) -> None:
    """The channels of a pair in rows: both images, and the gallery's most exciting ones.

    A fragment: its controls run it alone.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        count = st.segmented_control(
            "Channels",
            COUNTS,
            required=True,
            **hold("channels"),
            label_visibility="collapsed",
        )
        with st.popover("Display", icon=":material/palette:"):
            style = style_controls()
        st.caption(
            "Left: what the cells of both images contribute through the channel. Right: the images "
            "of the gallery that excite it most."
        )
    show_coverage(index.coverage)
    st.html(ROOM)
    i, j = decomposed([query.picture, match.picture], settings)
    frames = settings.frame(query.picture.pixels), settings.frame(match.picture.pixels)
    channels = strongest_channels(i, j, index, count or COUNTS[0], EXAMPLES, frames)
    maps = [values for found in channels for values in (found.query_map, found.match_map)]
    scales = MapScales.of_maps(maps, style)
    examples: list[LoadedImage] = []
    for found in channels:
        st.markdown(f"**{as_markdown(channel_words(found).capitalize())}**")
        with st.container(key=f"channel_row{found.channel}"):
            columns = st.columns(2 + EXAMPLES, gap="small")
        for column, chosen, frame, values in (
            (columns[0], query, frames[0], found.query_map),
            (columns[1], match, frames[1], found.match_map),
        ):
            seen = settings.seen(chosen.picture.pixels)
            note = padding_note(frame, values, found.contribution)
            _show(column, seen, values, scales.of(values), style, (chosen.id, note))
        examples += _show_examples(columns[2:], found, settings, style)
    if scales.shared:
        colour_bar(scales.shared, "contribution of a cell of the pair through the channel")
    st.caption(
        "Over the images of the gallery, under which their activation stands, the colours are the "
        "activation of each cell; each row of them has its own scale."
    )
    show_values([query.picture, match.picture, *examples])
    _exports(gallery, index, settings, query, match, (i, j), channels, style)


def _show_examples(
    columns: Sequence[DeltaGenerator],
    found: PairChannel,
    settings: NetworkSettings,
    style: FigureStyle,
) -> list[LoadedImage]:
    """The images that excite a channel most, with their maps; returns those that can be read."""
    readable: list[tuple[Match, LoadedImage]] = []
    for match in found.excited:
        try:
            readable.append((match, gallery_picture(match.image)))
        except ImageError:
            continue
    images = decomposed([picture for _, picture in readable], settings)
    values = [excitation_map(image, found.channel) for image in images]
    scales = MapScales.of_maps(values, style)
    for column, (match, picture), shown in zip(columns, readable, values, strict=False):
        caption = f"{match.image.label or match.image.path.name} · {match.score:.3f}"
        seen = settings.seen(picture.pixels)
        note = padding_note(settings.frame(picture.pixels), shown, match.score)
        _show(column, seen, shown, scales.of(shown), style, (caption, note))
    return [picture for _, picture in readable]


def _show(
    column: DeltaGenerator,
    picture: Image.Image,
    values: NDArray[np.float32],
    scale: ColourScale,
    style: FigureStyle,
    captions: tuple[str, str],
) -> None:
    column.image(
        overlay(fitted(picture, BOX), values, scale, style),
        caption="  \n".join(as_markdown(caption) for caption in captions if caption),
        alt=f"{captions[0]}, with the channel's map",
        output_format="JPEG",
    )


def _exports(
    gallery: Gallery,
    index: GalleryIndex,
    settings: NetworkSettings,
    query: ChosenImage,
    match: ChosenImage,
    images: tuple[DecomposedImage, DecomposedImage],
    channels: Sequence[PairChannel],
    style: FigureStyle,
) -> None:
    name = gallery_name(gallery)

    def figure(file_format: str) -> bytes:
        pair = (query.picture.pixels, match.picture.pixels)
        rows = channel_rows(channels, pair, settings, partial(decomposed, settings=settings))
        title = settings.title
        return channels_figure(rows, title, style, file_format)

    def numbers() -> str:
        values = {
            "query": query.path,
            "match": match.path,
            "similarity": similarity(*images).item(),
            "channels": channels_as_json(channels),
        }
        return json.dumps(settings_as_json(settings, name, index) | values, indent=1)

    export_row(
        {
            **figure_files("channels", figure, "Channels"),
            "Channels (JSON)": ("channels.json", numbers),
            "Channels (CSV)": ("channels.csv", lambda: as_csv(channel_table(channels))),
        },
        in_gallery(
            channels_command(query.path, match.path, name, settings, style, len(channels)), gallery
        ),
        key="channels_export",
    )
