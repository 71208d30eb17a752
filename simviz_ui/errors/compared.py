"""The other network that the misses are compared with: another pooling, or other weights."""

from dataclasses import replace

import streamlit as st

from simviz_core.errors import CheckpointError, GalleryError, SimVizError
from simviz_core.gallery import Conditions, Gallery, Selection
from simviz_core.misses import Comparison, compare_outcomes
from simviz_core.networks.poolings import POOLING_TITLES
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import QueryOutcomes
from simviz_core.runs import DEMO_RUNS, describes_itself, open_run
from simviz_ui.checkpoints.runs import offered_runs
from simviz_ui.choices.allowed import allowed_folders, allowed_path, readable_path
from simviz_ui.choices.selection import part_selected
from simviz_ui.choices.weights_in_use import PRETRAINED
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import hold, wanted
from simviz_ui.retrieval.outcomes import index_outcomes
from simviz_ui.retrieval.panel import gallery_index, let_go_of_indexes

POOLING = "pooling:"
"""Before the name of a pooling; everything else that is compared with are weights."""
PURPOSE = "errors compared with"
"""Of the other network's index."""


def other_network(settings: NetworkSettings) -> NetworkSettings | None:
    """Show the choice of what the misses are compared with; None for nothing.

    Args:
        settings: The network of the page.
    """
    offered = _offered(settings)
    asked = wanted("compared_with")
    options = [*offered, *([asked] if asked and asked not in offered else [])]
    chosen = st.selectbox(
        "Compare with",
        options,
        index=None,
        format_func=lambda name: offered.get(name, name),
        **hold("compared_with", None),
        accept_new_options=True,
        placeholder="nothing",
        width=280,
        help="Another pooling, or the weights of another checkpoint: which queries are mended, and "
        "which are broken? Type the path of a checkpoint that is not listed.",
    )
    if not chosen:
        return None
    if chosen.startswith(POOLING):
        pooling = chosen.removeprefix(POOLING)
        if pooling not in POOLING_TITLES or pooling == settings.pooling:
            show_error(f"there is no other pooling {pooling!r} to compare with")
            return None
        return replace(settings, pooling=pooling, weights=None)
    if chosen == PRETRAINED:
        return replace(settings, checkpoint=None, is_random=False, part=None, weights=None)
    try:
        allowed_path(chosen, CheckpointError, [DEMO_RUNS])
    except CheckpointError as error:
        show_error(error)
        return None
    return replace(settings, checkpoint=chosen, is_random=False, part=None, weights=None)


def compare_with(
    gallery: Gallery,
    before: QueryOutcomes,
    other: NetworkSettings,
    conditions: Conditions,
    selection: Selection | None,
) -> Comparison | None:
    """What another network makes of the same queries; its index is offered where there is none.

    Args:
        gallery: The gallery.
        before: By the network of the page.
        other: The other network.
        conditions: On the columns of the gallery.
        selection: The images that stand for the gallery; None for all.

    Returns:
        None while it is being made, or where it cannot be; the page says so.
    """
    let_go_of_indexes({"page", PURPOSE})
    index = gallery_index(gallery, other, PURPOSE)
    if index is None:
        return None
    index = part_selected(index, selection)
    try:
        after = index_outcomes(gallery, index, other, conditions)
        if after is None:
            return None
        comparison = compare_outcomes(before, after)
    except GalleryError as error:
        show_error(error)
        return None
    if comparison.note:
        st.caption(as_markdown(f"The comparison {comparison.note}."))
    return comparison


def _offered(settings: NetworkSettings) -> dict[str, str]:
    """What is offered, with its title."""
    offered = {
        f"{POOLING}{name}": f"{title} pooling"
        for name, title in POOLING_TITLES.items()
        if name != settings.pooling
    }
    weights = _weights_of_runs(settings.network, tuple(map(str, allowed_folders())))
    is_own = settings.checkpoint is not None or settings.is_random
    offered |= {PRETRAINED: "Pretrained weights"} if is_own else {}
    return offered | {path: title for path, title in weights.items() if path != settings.checkpoint}


@st.cache_data(ttl=10, show_spinner=False)
def _weights_of_runs(network: str, allowed: tuple[str, ...]) -> dict[str, str]:
    """The checkpoints of the runs of a network that can be opened here, with their titles."""
    found = {}
    for folder in offered_runs():
        try:
            path = allowed_path(folder, CheckpointError, [DEMO_RUNS])
            run = open_run(path) if describes_itself(path) else None
        except SimVizError:
            continue  # the Checkpoints page says why
        if run is None or run.network != network:
            continue
        for checkpoint in run.checkpoints:
            if checkpoint.path is not None:
                title = f"{path.name}, iteration {checkpoint.iteration:,}"
                found[readable_path(checkpoint.path)] = title
    return found
