"""What the Classes page shows: the images of one or two classes with their maps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from simviz_core.classes import (
    ClassSums,
    ImageInClass,
    class_block,
    class_rows,
    class_sums,
    classes_as_json,
    contrast_check,
    contrast_sentence,
    image_in_class,
    most_typical,
    summarise,
    summary_line,
)
from simviz_core.cli.classmap import classmap_command
from simviz_core.errors import ImageError
from simviz_core.figures import (
    CLASS_MAP_LABEL,
    FigureStyle,
    MapScales,
    class_figure,
    contrast_legend,
)
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import NOTHING, GalleryIndex, RelativeTo
from simviz_core.tables import as_csv
from simviz_ui.choices.allowed import readable_path
from simviz_ui.choices.display import style_controls
from simviz_ui.choices.galleries import gallery_name, in_gallery
from simviz_ui.choices.weights_in_use import show_weights
from simviz_ui.classes.poolings import class_poolings
from simviz_ui.components.results import ShownMatch, results_grid
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.map_style import (
    CARD_BOX,
    as_data_uri,
    colour_bar,
    fitted,
    heat_uri,
)
from simviz_ui.display.messages import as_markdown
from simviz_ui.display.values import show_values
from simviz_ui.navigation import (
    PAIR_PAGE,
    SEARCH_PAGE,
    hold,
    open_page,
    page_fragment,
    run_again,
    view,
)
from simviz_ui.serving.resources import decomposed, gallery_picture, not_run_yet, run_missing
from simviz_ui.serving.with_index import kept_with

TOPS = (6, 12, 24)
COMING = "map comes …"
"""In the place of the check, so that cards keep their height."""
CONTRASTED = "contribution of a cell to the difference of the two mean similarities"


@dataclass(frozen=True)
class ClassChoice:
    """What is shown.

    Attributes:
        labels: One class, or two side by side.
        relative: Of each of them, what its maps are relative to.
    """

    labels: tuple[str, ...]
    relative: tuple[RelativeTo, ...]

    @property
    def is_relative(self) -> bool:
        """Whether it is anything."""
        return self.relative[0] != NOTHING


@dataclass(frozen=True)
class _Shown:
    """An image of a class on the page; without a map until the network has seen it."""

    image: GalleryImage
    typicality: float | None
    picture: LoadedImage | None
    found: ImageInClass | None


def sums_of(index: GalleryIndex) -> ClassSums:
    """The class sums of an index, added up once."""
    return kept_with(index, "class sums", lambda: class_sums(index))


@page_fragment
def show_classes(
    gallery: Gallery, sums: ClassSums, choice: ClassChoice, settings: NetworkSettings
) -> None:
    """The images of the chosen classes from the most to the least typical, and the exports.

    A fragment: its controls run it alone.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        top = st.segmented_control(
            "Images",
            TOPS,
            required=True,
            **hold("class_top", TOPS[0] if len(choice.labels) > 1 else TOPS[1]),
            label_visibility="collapsed",
        )
        with st.popover("Display", icon=":material/palette:"):
            style = style_controls()
        st.caption("From the most to the least typical: the mean similarity to the other images.")
    columns = [
        _images(sums, label, relative, top or TOPS[1], settings)
        for label, relative in zip(choice.labels, choice.relative, strict=True)
    ]
    show_weights(settings)
    scales = _scales(columns, choice.is_relative, style)
    places = st.columns(len(columns), gap="medium")
    for place, label, shown in zip(places, choice.labels, columns, strict=True):
        with place:
            _column(sums, label, choice.is_relative, shown, settings, scales, style)
    if scales.shared:
        colour_bar(scales.shared, CONTRASTED if choice.is_relative else CLASS_MAP_LABEL)
    _say_relative([item.found for column in columns for item in column if item.found])
    pictures = [item.picture for column in columns for item in column]
    show_values(pictures)
    if run_missing(pictures, settings):
        run_again()
    _exports(gallery, sums, choice, columns, settings, style, top or TOPS[1])
    class_poolings(sums, choice.labels[0], [item.image for item in columns[0]], settings, style)


def _images(
    sums: ClassSums, label: str, relative: RelativeTo, top: int, settings: NetworkSettings
) -> list[_Shown]:
    """The most typical images of a class, with their maps where the network has seen them."""
    found = []
    for image, typicality in most_typical(sums, label)[:top]:
        try:
            picture = gallery_picture(image)
        except ImageError:
            found.append(_Shown(image, typicality, None, None))
            continue
        mapped = None
        if typicality is not None and not not_run_yet([picture], settings):
            (decomposition,) = decomposed([picture], settings)
            path = readable_path(image.path)
            frame = settings.frame(picture.pixels)
            mapped = image_in_class(decomposition, sums, label, path, image.id, relative, frame)
        found.append(_Shown(image, typicality, picture, mapped))
    return found


def _scales(
    columns: Sequence[Sequence[_Shown]], is_relative: bool, style: FigureStyle
) -> MapScales:
    """The colour scales of the maps that are shown."""
    found = [item.found for column in columns for item in column if item.found]
    if is_relative:
        contrasts = [item.contrast.values for item in found if item.contrast]
        return MapScales.of_contrasts(contrasts, style)
    return MapScales.of_maps([item.map.mean_values for item in found], style)


def _say_relative(images: Sequence[ImageInClass]) -> None:
    """What the colours of relative maps mean, and what the first one adds up to."""
    contrasts = [found.contrast for found in images if found.contrast]
    if contrasts:
        check = as_markdown(contrast_check(contrasts[0]))
        label = as_markdown(contrasts[0].label)
        meaning = as_markdown(contrast_sentence(images))
        st.caption(f"{meaning} Most typical of {label}: {check}.")


def _column(
    sums: ClassSums,
    label: str,
    is_relative: bool,
    shown: Sequence[_Shown],
    settings: NetworkSettings,
    scales: MapScales,
    style: FigureStyle,
) -> None:
    st.markdown(f"**{as_markdown(summary_line(summarise(sums, label)))}**")
    if shown and shown[0].typicality is None:
        st.info(
            "This class has one image. A class map compares an image with the others of its class: "
            "add a second image to its folder."
        )
    contrasts = [item.found.contrast for item in shown if item.found and item.found.contrast]
    if contrasts:
        st.caption(as_markdown(contrast_legend(label, contrasts[0].other)))
    cards = [_card(item, is_relative, settings, scales, style) for item in shown]
    typical = [item.image.id for item in shown]

    def open_pair(image_id: str) -> None:
        other = next((found for found in typical if found != image_id), image_id)
        open_page(PAIR_PAGE, query=other, match=image_id)

    results_grid(cards, f"class_{label}", open_pair, _search)


def _card(
    item: _Shown,
    is_relative: bool,
    settings: NetworkSettings,
    scales: MapScales,
    style: FigureStyle,
) -> ShownMatch:
    heat, source = None, None
    is_coming = item.picture is not None and item.typicality is not None and item.found is None
    note = COMING if is_coming else ""
    score = "" if item.typicality is None else f"{item.typicality:.3f}"
    if item.picture is not None:
        pixels = fitted(settings.seen(item.picture.pixels), CARD_BOX)
        source = as_data_uri(pixels)
        values = None
        if item.found is not None and not is_relative:
            values = item.found.map.mean_values
            note = f"adds up, ± {item.found.map.residual:.0e}"
        elif item.found is not None and item.found.contrast is not None:
            values = item.found.contrast.values
            score = f"{item.found.contrast.difference:+.3f}"
            note = f"adds up, ± {item.found.contrast.residual:.0e}"
        if item.found is not None and item.found.padding_note:
            note += f"\n{item.found.padding_note}"
        if values is not None:
            heat = heat_uri(pixels, values, scales.of(values), style)
    return ShownMatch(
        id=item.image.id,
        source=source,
        alt=f"{item.image.id}{', with its map' if heat else ''}",
        label=item.image.path.name,
        score=score,
        note=note,
        heat=heat,
    )


def _search(image_id: str) -> None:
    open_page(SEARCH_PAGE, query=image_id)


def _exports(
    gallery: Gallery,
    sums: ClassSums,
    choice: ClassChoice,
    columns: Sequence[Sequence[_Shown]],
    settings: NetworkSettings,
    style: FigureStyle,
    top: int,
) -> None:
    ready = [[item.found for item in column if item.found] for column in columns]
    if not all(ready):
        return
    summaries = [summarise(sums, label) for label in choice.labels]

    def figure(file_format: str) -> bytes:
        blocks = [
            class_block(summary, found, settings)
            for summary, found in zip(summaries, ready, strict=True)
        ]
        title = settings.title
        return class_figure(blocks, title, style, file_format, contrast_sentence(images))

    images = [found for column in ready for found in column]

    def numbers() -> str:
        values = classes_as_json(summaries, images, gallery_name(gallery), settings)
        return json.dumps(values, indent=1)

    export_row(
        {
            **figure_files("classes", figure),
            "Numbers (JSON)": ("classes.json", numbers),
            "Images (CSV)": ("classes.csv", lambda: as_csv(class_rows(images))),
        },
        in_gallery(
            classmap_command(
                gallery_name(gallery),
                choice.labels,
                settings,
                style,
                (0, top),
                choice.relative[0],
                view().selection,
            ),
            gallery,
        ),
    )
