"""Which classes are shown, and whether their maps or their contrast."""

import streamlit as st

from simviz_core.classes import ClassSums, class_to_contrast
from simviz_ui.choices.stepping import step_buttons
from simviz_ui.classes.view import CLASS_MAP, CONTRAST, ClassChoice
from simviz_ui.navigation import hold

NO_SUCH_CLASS = "The gallery has no class {asked}; {shown} is shown instead."


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
        kind = st.segmented_control(
            "Map",
            [CLASS_MAP, CONTRAST],
            required=True,
            format_func={CLASS_MAP: "Class map", CONTRAST: "Contrast"}.__getitem__,
            **hold("class_map"),
            disabled=len(labels) < 2,
            help="The class map: what an image shares with the other images of its class. The "
            "contrast: the same minus what it shares with the class beside it, or with the most "
            "similar other class where there is none.",
        )
    shown = (first,) if second in (None, first) else (first, second)
    against: tuple[str | None, ...] = (None,)
    if kind == CONTRAST and len(labels) > 1:
        against = tuple(reversed(shown)) if len(shown) == 2 else (class_to_contrast(sums, first),)
    else:
        against = (None,) * len(shown)
    return ClassChoice(shown, against, kind == CONTRAST and len(labels) > 1)


def _step_buttons(labels: list[str], current: str) -> None:
    def take(label: str | None, steps: int) -> str:
        place = labels.index(label if label in labels else current)
        return labels[(place + steps) % len(labels)]

    step_buttons("class", "class", take, disabled=len(labels) < 2, with_keys=True)
