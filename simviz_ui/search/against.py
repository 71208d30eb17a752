"""Two matches of a search against one another: chosen here, shown on the Pair page."""

from collections.abc import Mapping

import streamlit as st

from simviz_core.retrieval import AllowedRows, GalleryIndex, Ranking, is_hit, rival
from simviz_ui.navigation import PAIR_PAGE, open_page
from simviz_ui.pair.against import REVEALED
from simviz_ui.retrieval.matches import Query


def choose_two(index: GalleryIndex, query: Query, ranking: Ranking, allowed: AllowedRows) -> None:
    """Two matches to set against one another, and the button that opens them on the Pair page.

    At first the nearest neighbour and its rival: where the nearest is of another class, the best
    image of the query's class, however far down it is.

    Args:
        index: The gallery's embeddings.
        query: The query.
        ranking: Its matches, at least one.
        allowed: Which images may be found, (N,).
    """
    nearest = ranking.matches[0]
    found = rival(index, ranking.vector, query.label, nearest.image, allowed)
    if found is None:
        return
    other, place = found
    names = {
        match.image.id: f"{number}. {match.image.id} · {match.score:.3f}"
        for number, match in enumerate(ranking.matches, start=1)
    }
    names.setdefault(other.image.id, f"{place:,}. {other.image.id} · {other.score:.3f}")
    is_miss = is_hit(query.label, nearest.image) is False
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        match_id = _choice("Why this match", names, nearest.image.id, query)
        against_id = _choice("and not this one?", names, other.image.id, query)
        st.button(
            "Why the wrong one is nearest" if is_miss else "Show why",
            type="primary" if is_miss else "secondary",
            icon=":material/compare_arrows:",
            key="why_not",
            on_click=open_against,
            args=(match_id, against_id),
            disabled=match_id == against_id,
            help="The exact difference of the query's two maps, on the Pair page"
            + (", against the best image of the query's class." if is_miss else "."),
        )


def _choice(title: str, names: Mapping[str, str], first: str, query: Query) -> str:
    # What it offers first depends on the query and on what was found.
    key = f"{title} {query.chosen.id} {first}"
    ids = list(names)
    return st.selectbox(
        title, ids, ids.index(first), format_func=names.__getitem__, key=key, width=300
    )


def open_against(match_id: str, against_id: str) -> None:
    """Have the Pair page opened on the query and two of its matches; for callbacks."""
    st.session_state[REVEALED] = True
    open_page(PAIR_PAGE, match=match_id, against=against_id)
