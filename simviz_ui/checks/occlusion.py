"""Occlusion check: blank a part, run the network again, and compare with what was predicted."""

import json
from collections.abc import Callable
from typing import Any

import streamlit as st
from PIL import Image

from simviz_core.decomposition import similarity_map
from simviz_core.errors import SimVizError
from simviz_core.evidence import FILLS, Fill, OcclusionCheck, Removal, check_occlusion
from simviz_core.figures import FigureStyle, MapScales, overlay
from simviz_core.networks import SimilarityNetwork
from simviz_ui.checks.checked import CheckedPair, kept_checks
from simviz_ui.display.map_style import colour_bar, fitted
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import hold
from simviz_ui.serving.resources import network_of

PICTURE_BOX = (360, 300)
FILL_TITLES = {"blur": "Blur", "mean": "Mean colour", "border": "From the border"}
CAVEAT = (
    "Neither prediction knows what the network makes of the pixels that take the place: a cell "
    "sees more than it covers, and no replacement is neutral. Try the others, too."
)


def fill_choice() -> Fill:
    """Ask what takes the place of what is blanked."""
    chosen = st.segmented_control(
        "Filled with",
        list(FILLS),
        required=True,
        format_func=lambda name: FILL_TITLES[name],
        **hold("fill", options=list(FILLS)),
        help="A blurred copy of the image, its mean colour, or colours that spread in from the "
        "pixels around.",
    )
    return next(fill for fill in FILLS if fill == (chosen or FILLS[0]))


def occlusion_wanted(what: str) -> bool:
    """Show the switch of the check, and return whether it is on."""
    return st.toggle(
        "Occlusion check",
        **hold("occlusion"),
        help=f"Blank {what}, run the network again, and see whether the similarity changes as "
        "predicted.",
    )


def show_occlusion(
    pair: CheckedPair,
    what: str,
    part: tuple[object, ...],
    removal: Callable[[SimilarityNetwork], Removal],
    fill: Fill,
    style: FigureStyle,
) -> None:
    """Blank a part of an image, and show predicted beside real change and the new map.

    Args:
        pair: The image and the one that it is compared with.
        what: What is blanked, in words.
        part: What names the part, for what is kept.
        removal: Makes the part.
        fill: What takes the place of its pixels.
        style: How maps are shown.
    """
    try:
        check = _check(pair, part, removal, fill)
    except SimVizError as error:
        show_error(error)
        return
    _show_numbers(pair, what, check)
    _show_pictures(pair, check, style)
    st.caption(f"{CAVEAT} The check took {check.seconds:.2f} s.")
    st.download_button(
        "Occlusion check (JSON)",
        lambda: json.dumps(occlusion_as_json(pair, what, check), indent=1),
        "occlusion.json",
        on_click="ignore",
        icon=":material/download:",
    )


def occlusion_as_json(pair: CheckedPair, what: str, check: OcclusionCheck) -> dict[str, Any]:
    """A check as JSON-ready values."""
    return {
        "image": pair.chosen.path,
        "compared_with": pair.other_name,
        **pair.settings.as_json(),
        "blanked": what,
        "fill": check.fill,
        "similarity": check.before,
        "similarity_blanked": check.after,
        "real_change": check.real_change,
        "predicted_without_its_cells": check.without,
        "predicted_change": check.predicted_change,
        "contribution": check.contribution,
        "map_of_the_blanked_image": check.blanked_map.tolist(),
        "caveat": CAVEAT,
    }


def _check(
    pair: CheckedPair,
    part: tuple[object, ...],
    removal: Callable[[SimilarityNetwork], Removal],
    fill: Fill,
) -> OcclusionCheck:
    kept, key = kept_checks(), pair.key("occlusion", part, fill)
    if key not in kept:
        network = network_of(pair.settings)
        with st.spinner("Running the network on the blanked image …"):
            kept[key] = check_occlusion(
                network,
                pair.chosen.picture.pixels,
                pair.image,
                pair.other,
                removal(network),
                fill,
            )
    check: OcclusionCheck = kept[key]
    return check


def _show_numbers(pair: CheckedPair, what: str, check: OcclusionCheck) -> None:
    st.markdown(
        f"**{as_markdown(what)}** blanked, compared with {as_markdown(pair.other_name)}: the "
        f"similarity goes from {check.before:.4f} to **{check.after:.4f}**."
    )
    with st.container(horizontal=True, gap="large"):
        st.metric("Real change", f"{check.real_change:+.4f}", width="content")
        st.metric(
            "Predicted change",
            f"{check.predicted_change:+.4f}",
            help="What the similarity would be without the contributions of these cells, in closed "
            "form, minus what it is.",
            width="content",
        )
        st.metric(
            "Their contribution, gone",
            f"{-check.contribution:+.4f}",
            help="What the map alone says, as if the rest of the embedding stayed as long as it "
            "is.",
            width="content",
        )


def _show_pictures(pair: CheckedPair, check: OcclusionCheck, style: FigureStyle) -> None:
    before = similarity_map(pair.image, pair.other).numpy(force=True)
    scales = MapScales.of_maps([before, check.blanked_map], style)
    whole = fitted(pair.chosen.picture.pixels, PICTURE_BOX)
    blanked = check.blanked_picture.resize(whole.size, Image.Resampling.BICUBIC)
    shown = (
        (blanked, "What the network saw"),
        (overlay(blanked, check.blanked_map, scales.of(check.blanked_map), style), "Its map"),
        (overlay(whole, before, scales.of(before), style), "The map before"),
    )
    for place, (picture, caption) in zip(st.columns(3, gap="small"), shown, strict=True):
        place.image(picture, caption=caption, output_format="JPEG", alt=caption)
    if scales.shared:
        colour_bar(scales.shared)
