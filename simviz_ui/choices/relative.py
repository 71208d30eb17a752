"""What maps are relative to: one control, the same on every page that shows maps of a match."""

from collections.abc import Collection

import streamlit as st

from simviz_core.gallery import Gallery
from simviz_core.retrieval import RelativeTo, relative_to
from simviz_ui.navigation import hold, wanted
from simviz_ui.view import LOST, OTHER_IMAGE

TITLES = {
    "nothing": "nothing: the similarity itself",
    "mean": "the gallery's mean",
    "class": "the query's own class",
    OTHER_IMAGE: "another image …",
    "self": "the image itself",
    LOST: "show what would be lost",
}
MOST_CLASSES = 300
"""Classes that are offered one by one; in galleries of more a link may name one."""
MOST_IMAGES = 1000
"""Images that are offered; the same goes for them."""
NOT_OFFERED = "Maps cannot be relative to {asked} here; they show {shown} instead."


def relative_choice(
    gallery: Gallery,
    label: str | None,
    with_lost: bool = False,
    without: Collection[str] = (),
) -> str:
    """Show the control, and the choice of another image where maps are relative to one.

    Args:
        gallery: Whose mean, classes and images are offered.
        label: The query's class; None where it has none.
        with_lost: Whether the map of what would be lost without each cell is offered, too.
        without: Choices that make no sense where the control is shown.

    Returns:
        As links have it; see `simviz_ui.view`.
    """
    options = [option for option in _options(gallery, label, with_lost) if option not in without]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            "Relative to",
            options,
            format_func=_title,
            **hold("relative_to", options=options, instead=NOT_OFFERED),
            width=240,
            help="Subtracts, exactly, what the query shares with something else anyway: the maps "
            "then add up to the difference, red for, blue against. Scores and rankings do not "
            "change: what is subtracted is one number for all matches of a query.",
        )
        if chosen == OTHER_IMAGE:
            _image_box(gallery)
    return chosen or options[0]


def as_relative_to(chosen: str) -> RelativeTo | None:
    """A choice that needs no image; None for one that does, and for what would be lost."""
    return None if chosen in (LOST, OTHER_IMAGE) else relative_to(chosen)


def other_image(gallery: Gallery) -> str:
    """The id of the image that is chosen for maps to be relative to."""
    asked = wanted("relative_image")
    return asked if asked in gallery.by_id else _first(gallery)


def _first(gallery: Gallery) -> str:
    # The first two are the query and the match where nobody has chosen otherwise.
    return gallery.images[min(2, len(gallery.images) - 1)].id


def _image_box(gallery: Gallery) -> None:
    first = _first(gallery)
    ids = [image.id for image in gallery.images[:MOST_IMAGES]]
    asked = wanted("relative_image")
    if asked in gallery.by_id and asked not in ids:
        ids.append(asked)
    instead = "The gallery has no image {asked}; maps are relative to {shown} instead."
    st.selectbox("Image", ids, **hold("relative_image", first, ids, instead=instead), width=240)


def _options(gallery: Gallery, label: str | None, with_lost: bool) -> list[str]:
    has_classes = bool(gallery.by_label)
    options = ["nothing", "mean"]
    options += ["class"] if label is not None else []
    options += [OTHER_IMAGE, "self", *([LOST] if with_lost else [])]
    if has_classes and len(gallery.by_label) <= MOST_CLASSES:
        options += [f"class:{name}" for name in gallery.by_label]
    asked = wanted("relative_to")
    kind, _, name = (asked or "").partition(":")
    if kind == "class" and name in gallery.by_label and asked not in options:
        options.append(asked)
    return options


def _title(option: str) -> str:
    return TITLES.get(option) or f"class {option.partition(':')[2]}"
