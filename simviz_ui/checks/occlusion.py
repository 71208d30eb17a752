"""Occlusion check: blank a part, run the network again, and compare with what was predicted."""

import json

import streamlit as st

from simviz_core.cli.evidence.check import check_command
from simviz_core.decomposition import similarity_map
from simviz_core.errors import SimVizError
from simviz_core.evidence import (
    CAVEAT,
    FILLS,
    BlankedPart,
    Fill,
    OcclusionCheck,
    check_occlusion,
    occlusion_as_json,
)
from simviz_core.figures import FigureStyle, occlusion_figure, occlusion_panels
from simviz_ui.checks.checked import CheckedPair, kept_checks
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import colour_bar, fitted
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import hold
from simviz_ui.serving.resources import network_of
from simviz_ui.serving.turns import network_turn

PICTURE_BOX = (360, 300)
FILL_TITLES = {"blur": "Blur", "mean": "Mean colour", "border": "From the border"}


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


def show_occlusion(pair: CheckedPair, part: BlankedPart, fill: Fill, style: FigureStyle) -> None:
    """Blank a part of an image, and show predicted beside real change and the new map.

    Args:
        pair: The image and the one that it is compared with.
        part: What is blanked.
        fill: What takes the place of its pixels.
        style: How maps are shown.
    """
    try:
        check = _check(pair, part, fill)
    except SimVizError as error:
        show_error(error)
        return
    _show_numbers(pair, part, check)
    _show_pictures(pair, check, style)
    st.caption(f"{CAVEAT} The check took {check.seconds:.2f} s.")
    _exports(pair, part, check, style)


def _exports(
    pair: CheckedPair, part: BlankedPart, check: OcclusionCheck, style: FigureStyle
) -> None:
    names = pair.chosen.path, pair.other_path
    note = part.note(pair.chosen.picture, pair.settings)

    def figure(file_format: str) -> bytes:
        before = similarity_map(pair.image, pair.other).numpy(force=True)
        words = f"{part.words} blanked ({check.fill}): {check.sentence}"
        words += f"; {note}" if note else ""
        return occlusion_figure(
            pair.seen,
            (before, check.blanked_map),
            check.blanked_picture,
            (pair.title, words, CAVEAT),
            style,
            file_format,
        )

    def numbers() -> str:
        values = occlusion_as_json(check, part, *names, pair.settings)
        return json.dumps(values | ({"region_note": note} if note else {}), indent=1)

    export_row(
        {
            **figure_files("occlusion", figure, "Occlusion check"),
            "Occlusion check (JSON)": ("occlusion.json", numbers),
        },
        check_command(
            *names, pair.settings, style, part, check.fill, pair.chosen.picture.value_range
        ),
        key="occlusion",
    )


def _check(pair: CheckedPair, part: BlankedPart, fill: Fill) -> OcclusionCheck:
    kept, key = kept_checks(), pair.key("occlusion", part, fill)
    if key not in kept:
        network = network_of(pair.settings)
        removal = part.removal(network, pair.chosen.picture, pair.image, pair.other)
        with network_turn(), st.spinner("Running the network on the blanked image …"):
            kept[key] = check_occlusion(
                network, pair.chosen.picture.pixels, pair.image, pair.other, removal, fill
            )
    check: OcclusionCheck = kept[key]
    return check


def _show_numbers(pair: CheckedPair, part: BlankedPart, check: OcclusionCheck) -> None:
    what, other = as_markdown(f"{pair.chosen.id}, {part.words}"), as_markdown(pair.other_name)
    st.markdown(
        f"**{what}** blanked, compared with {other}: the similarity "
        f"goes from {check.before:.4f} to **{check.after:.4f}**."
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
    whole = fitted(pair.seen, PICTURE_BOX)
    shown, scales = occlusion_panels(whole, before, check.blanked_picture, check.blanked_map, style)
    for place, (picture, caption) in zip(st.columns(3, gap="small"), shown, strict=True):
        place.image(picture, caption=caption, output_format="JPEG", alt=caption)
    if scales.shared:
        colour_bar(scales.shared)
