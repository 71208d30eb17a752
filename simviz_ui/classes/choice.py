"""Which classes are shown, and what their maps are relative to."""

import streamlit as st

from simviz_core.classes import ClassSums, class_to_contrast
from simviz_core.retrieval import NOTHING, RelativeTo, relative_to
from simviz_ui.choices.relative import MOST_CLASSES
from simviz_ui.choices.stepping import step_buttons
from simviz_ui.classes.view import ClassChoice
from simviz_ui.navigation import hold, wanted
from simviz_ui.view import CLASS_MAP, CONTRAST, GALLERY_MEAN

NO_SUCH_CLASS = "The gallery has no class {asked}; {shown} is shown instead."
NOT_OFFERED = "Class maps cannot be relative to {asked} here; they are relative to nothing."
TITLES = {
    CLASS_MAP: "nothing: the class map itself",
    GALLERY_MEAN: "the gallery's mean",
    CONTRAST: "the class beside it, or closest",
}


def class_choice(sums: ClassSums) -> ClassChoice:
    """Show the choice of one or two classes, and return it."""
    labels = list(sums.index.classes)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        held = hold("class", labels[0], labels, instead=NO_SUCH_CLASS)
        first = st.selectbox("Class", labels, **held, width=220)
        _step_buttons(labels, first)
        held = hold("class2", None, [None, *labels], instead=NO_SUCH_CLASS)
        second = st.selectbox(
            "Beside it", labels, index=None, **held, width=220, placeholder="No other class"
        )
        shown = (first,) if second in (None, first) else (first, second)
        kind = _relative_choice(labels, shown)
    return ClassChoice(shown, tuple(_relative(sums, shown, kind)))


def _relative_choice(labels: list[str], shown: tuple[str, ...]) -> str:
    """Show what the maps are relative to; as links have it."""
    options = [CLASS_MAP, GALLERY_MEAN, CONTRAST]
    if len(labels) <= MOST_CLASSES:
        options += [f"class:{label}" for label in labels if label not in shown]
    asked = wanted("class_map")
    label = (asked or "").partition(":")[2]
    if label in labels and label not in shown and asked not in options:
        options.append(asked)
    chosen = st.selectbox(
        "Relative to",
        options,
        format_func=_title,
        **hold("class_map", options=options, instead=NOT_OFFERED),
        width=240,
        disabled=len(labels) < 2,
        help="The class map is what an image shares with the other images of its class. Subtracts, "
        "exactly, what it shares with all images of the gallery, or with another class: the map "
        "then adds up to the difference of the two mean similarities. The order stays.",
    )
    return (chosen or CLASS_MAP) if len(labels) > 1 else CLASS_MAP


def _title(option: str) -> str:
    return TITLES.get(option) or f"class {option.partition(':')[2]}"


def _relative(sums: ClassSums, shown: tuple[str, ...], kind: str) -> list[RelativeTo]:
    """What the map of each class that is shown is relative to."""
    if kind == CLASS_MAP:
        return [NOTHING] * len(shown)
    if kind != CONTRAST:
        return [relative_to(kind)] * len(shown)
    others = reversed(shown) if len(shown) == 2 else [class_to_contrast(sums, shown[0])]
    return [RelativeTo("class", other) for other in others]


def _step_buttons(labels: list[str], current: str) -> None:
    def take(label: str | None, steps: int) -> str:
        place = labels.index(label if label in labels else current)
        return labels[(place + steps) % len(labels)]

    step_buttons("class", "class", take, disabled=len(labels) < 2, with_keys=True)
