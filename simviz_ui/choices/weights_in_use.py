"""The weights in use, in words beside the numbers that they make, and which part of a checkpoint.

What is used of a checkpoint is known once it is loaded, so that the choice of its part stands after
what was found in it. Weights belong to a network, and a part to a checkpoint: neither goes along
when the other is changed.
"""

import streamlit as st

from simviz_core.checkpoints.parts import rank
from simviz_core.networks.settings import NetworkSettings
from simviz_core.networks.weights import WeightsInUse
from simviz_ui.display.messages import as_markdown
from simviz_ui.navigation import choose, choose_instead, hold, is_choice, say_instead, view

PRETRAINED, RANDOM = "pretrained", "random (untrained)"
WHOLE = "."
"""The part that is all of a checkpoint."""


def show_weights(*settings: NetworkSettings) -> None:
    """Say which weights make the numbers of a page; a line each where they differ.

    Args:
        settings: Of the networks that the numbers come from, with what is used of their weights.
    """
    lines: dict[str, list[str]] = {}
    for each in settings:
        lines.setdefault(each.weights_line, []).append(f"{each.network}, {each.pooling} pooling")
    for line, networks in lines.items():
        words = line[:1].upper() + line[1:]
        if len(lines) > 1:
            words = f"{'; '.join(dict.fromkeys(networks))}: {line}"
        st.caption(f":material/database: {as_markdown(words)}")
    for words in dict.fromkeys(
        each.preprocessing.fit_words for each in settings if each.preprocessing
    ):
        if words:
            st.caption(
                f":material/crop: Pictures with maps are shown as the network saw them: {words}."
            )


def asked_part(checkpoint: str | None) -> str | None:
    """The part of a checkpoint that is chosen; None for the one that is taken anyway."""
    part = view().checkpoint_part
    return None if checkpoint is None or part == _first_parts().get(checkpoint) else part


def part_choice(settings: NetworkSettings, weights: WeightsInUse) -> None:
    """Offer the parts of a checkpoint that a network could take its weights from, if there are any.

    Args:
        settings: With the part that was asked for.
        weights: What was found when it was loaded.
    """
    if not weights.other_parts or settings.checkpoint is None:
        return
    taken = weights.part or WHOLE
    if settings.part is None:
        _first_parts()[settings.checkpoint] = taken
    elif settings.part != taken:  # a link may name the end of a part's name
        choose_instead("checkpoint_part", taken)
    parts = sorted([taken, *weights.other_parts], key=rank)
    st.selectbox(
        "Part of the checkpoint",
        parts,
        format_func=lambda name: "the whole file" if name == WHOLE else name,
        **hold("checkpoint_part", taken, parts),
        help="The checkpoint holds the network's weights more than once, such as those of the last "
        "step and their average.",
    )


def _first_parts() -> dict[str, str]:
    """The parts that are taken where none is asked for, by checkpoint, as far as they are known."""
    return st.session_state.setdefault("first_parts", {})


def let_go_of_weights() -> None:
    """Go back to the pretrained weights, for another network; for the callback of its choice."""
    name = view().weights
    if not is_choice("network") or name in (None, PRETRAINED, RANDOM):
        return
    choose(weights=None, checkpoint_part=None)
    say_instead(
        "weights",
        f"{name} holds the weights of the network before; this one has its pretrained ones. Choose "
        "others under Weights and layers.",
        PRETRAINED,
    )


def let_go_of_part() -> None:
    """Take the part that comes first, of other weights; for the callback of their choice."""
    if is_choice("weights"):
        choose(checkpoint_part=None)
