"""Matches that are copies: of the query, or of a better match."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simviz_core.gallery import COPY_FROM

OF_QUERY = "query"
"""What a copy of the query is a copy of; else the id of a match."""
MOST_SHARE = 0.5
"""Where more of the images than this are as similar as copies, similarity tells no copies."""


def copies_among(
    ids: Sequence[str],
    embeddings: NDArray[np.float32],
    similarities: NDArray[np.float32],
    rows_from: Callable[[float], NDArray[np.bool_]],
) -> tuple[str | None, ...]:
    """What each match is a copy of.

    Args:
        ids: Of the matches, best first, K of them.
        embeddings: Their unit embeddings, (K, D).
        similarities: Of each to the query, (K,).
        rows_from: Which of all images have at least a similarity to the query, (N,).

    Returns:
        For each `OF_QUERY`, or the id of the first match before it that it is a copy of; None where
        it is taken for none.
    """
    are_copies = embeddings @ embeddings.T >= COPY_FROM
    found: list[str | None] = []
    for place, similarity in enumerate(similarities):
        before = np.flatnonzero(are_copies[place, :place])
        first = ids[before[0]] if before.size else None
        found.append(OF_QUERY if similarity >= COPY_FROM else first)
    if any(found) and rows_from(COPY_FROM).mean() > MOST_SHARE:
        return (None,) * len(ids)
    return tuple(found)
