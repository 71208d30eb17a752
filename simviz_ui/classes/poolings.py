"""The Classes page's comparison of poolings: the same images under average, max and GeM."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from simviz_core.classes import ClassSums, class_sums, image_in_class
from simviz_core.errors import SimVizError
from simviz_core.figures import CLASS_MAP_LABEL, FigureStyle
from simviz_core.gallery import GalleryImage
from simviz_core.networks.poolings import POOLING_TITLES
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import COMPARED
from simviz_core.retrieval import GalleryIndex
from simviz_ui.choices.display import offer_own_scales
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.display.compared_maps import (
    ComparedColumn,
    ComparedMap,
    by_title,
    compared_maps,
)
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import hold
from simviz_ui.serving.resources import decomposed, gallery_picture, with_weights_and_engine

LARGEST_CLASS = 48
"""Images that are decomposed for a comparison; a larger class needs the sidebar's pooling."""
SHOWN = 3
"""Images of the class under each pooling."""


def class_poolings(
    sums: ClassSums,
    label: str,
    shown: Sequence[GalleryImage],
    settings: NetworkSettings,
    style: FigureStyle,
) -> None:
    """Offer the comparison of poolings for a class, and show it where it is wanted.

    Args:
        sums: Of the gallery.
        label: The class.
        shown: Its most typical images.
        settings: Of the sidebar.
        style: How the maps are shown.
    """
    is_wanted = st.toggle(
        "Compare poolings",
        **hold("compare_class_poolings"),
        help="The same images with average, max and GeM pooling side by side. The network runs "
        "once for each image of the class.",
    )
    if not is_wanted:
        return
    rows = np.flatnonzero(sums.index.class_of == sums.place(label))
    if not 2 <= len(rows) <= LARGEST_CLASS:
        st.info(
            f"Poolings are compared for classes of 2 to {LARGEST_CLASS} images. For a larger one "
            "choose the pooling in the sidebar."
        )
        return
    images = tuple(sums.index.images[row] for row in rows)
    try:
        each = [with_weights_and_engine(replace(settings, pooling=pooling)) for pooling in COMPARED]
        columns = [_column(images, label, shown[:SHOWN], own) for own in each]
    except SimVizError as error:
        show_error(error)
        return
    scales = compared_maps(columns, style, CLASS_MAP_LABEL)
    offer_own_scales(scales, by_title(columns), "own_scales_of_poolings")
    show_weights(*each)


def _column(
    images: tuple[GalleryImage, ...],
    label: str,
    shown: Sequence[GalleryImage],
    settings: NetworkSettings,
) -> ComparedColumn:
    """The class under one pooling, from its own images alone."""
    pictures = [gallery_picture(image) for image in images]
    found = decomposed(pictures, settings)
    matrix = np.stack([image.unit_embedding.numpy(force=True) for image in found])
    sums = class_sums(GalleryIndex(images, matrix.astype(np.float32)))
    by_id = dict(
        zip((image.id for image in images), zip(pictures, found, strict=True), strict=True)
    )
    maps, typicalities = [], []
    title = POOLING_TITLES[settings.pooling]
    for image in images:
        picture, decomposition = by_id[image.id]
        mapped = image_in_class(decomposition, sums, label, image.id, image.id)
        typicalities.append(mapped.map.typicality)
        if image in shown:
            alt = f"{image.id}, class map with {title} pooling"
            maps.append(ComparedMap(settings.seen(picture.pixels), mapped.map.mean_values, alt))
    return ComparedColumn(title, "mean similarity", f"{np.mean(typicalities):.4f}", maps)
