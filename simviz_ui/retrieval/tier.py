"""Exact or approximate: the choice where there is an approximate index, and what has answered."""

from collections.abc import Mapping

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.gallery import Gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import ApproximateIndex, Ranking, approximate_index
from simviz_core.retrieval.scanning import IN_MEMORY
from simviz_ui.display.messages import as_markdown
from simviz_ui.navigation import choose_instead, hold, say_instead, wanted
from simviz_ui.retrieval.panel import index_table
from simviz_ui.view import APPROXIMATE, EXACT, TIERS

HOW_TO = "python -m simviz_core index … --approximate"
NONE = f"Searched exactly: there is no approximate index with this network; {HOW_TO} makes one."
OUTDATED = (
    "The approximate index is of an earlier state of the gallery and not used; "
    f"{HOW_TO} makes it anew."
)


def _kept(gallery: Gallery, settings: NetworkSettings) -> ApproximateIndex | None:
    try:
        return approximate_index(index_table(gallery, settings))
    except SimVizError:
        return None  # the page says why


def wants_approximate(gallery: Gallery, settings: NetworkSettings) -> bool:
    """Whether searches ask the approximate index; what cannot be is said above the page."""
    if wanted("tier") != APPROXIMATE:
        return False
    kept = _kept(gallery, settings)
    if kept is not None and kept.is_current:
        return True
    say_instead("tier", NONE if kept is None else OUTDATED, EXACT)
    choose_instead("tier", EXACT)
    return False


def tier_control(gallery: Gallery, settings: NetworkSettings) -> None:
    """Exact or approximate, where there is an approximate index."""
    kept = _kept(gallery, settings)
    if kept is None:
        return
    if not kept.is_current:
        st.caption(f":material/bolt: {OUTDATED}")
        return
    st.segmented_control(
        "Search",
        TIERS,
        required=True,
        format_func=str.capitalize,
        **hold("tier"),
        label_visibility="collapsed",
    )


def say_exact(words: str) -> None:
    """Say that there is no choice now, where searches were to be approximate."""
    if wanted("tier") == APPROXIMATE:
        st.caption(f":material/bolt: {words}")


def say_found_by(
    rankings: Mapping[str, Ranking], gallery: Gallery, settings: NetworkSettings
) -> None:
    """Say what has found the matches, where that is not simply all embeddings in memory.

    Args:
        rankings: Each under what it is called.
        gallery: The gallery.
        settings: The network.
    """
    found_by = [ranking.found_by for ranking in rankings.values() if ranking.found_by]
    is_plain = all(found.tier == IN_MEMORY and not found.note for found in found_by)
    if is_plain and _kept(gallery, settings) is None:
        return
    said: dict[str, list[str]] = {}
    for name, ranking in rankings.items():
        said.setdefault(ranking.found_by_sentence, []).append(name)
    for sentence, names in said.items():
        of = f"{', '.join(names)}: " if len(said) > 1 else ""
        st.caption(f":material/bolt: {as_markdown(f'{of}{sentence}.')}")
