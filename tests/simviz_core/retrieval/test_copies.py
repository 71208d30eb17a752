"""Copies of one picture, and queries and references in two sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.errors import GalleryError, SettingsError
from simviz_core.gallery import Conditions, GalleryImage, check_conditions
from simviz_core.retrieval import (
    GalleryIndex,
    choose,
    quality_as_json,
    query_outcomes,
    retrieval_quality,
)
from simviz_core.retrieval.copies import copies_among
from simviz_core.retrieval.evaluation import QUERIES_AT_ONCE


def index_of(
    matrix: np.ndarray, labels: Sequence[str | None], splits: Sequence[str] | None = None
) -> GalleryIndex:
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return GalleryIndex(
        tuple(
            GalleryImage(
                f"{n}.png", Path(f"{n}.png"), label, columns={"split": splits[n]} if splits else {}
            )
            for n, label in enumerate(labels)
        ),
        np.ascontiguousarray(units, dtype=np.float32),
    )


def doubled(count: int = 12) -> GalleryIndex:
    """Each picture twice, almost; of four classes that the embedding knows nothing of."""
    chance = np.random.default_rng(0)
    once = chance.normal(size=(count, 24))
    twice = np.repeat(once, 2, 0) + chance.normal(size=(2 * count, 24)) * 0.01
    return index_of(twice, [str(n // 2 % 4) for n in range(2 * count)])


def test_copies_make_recall_too_good_and_can_be_left_out() -> None:
    index = doubled()
    with_copies = retrieval_quality(index)
    assert with_copies.recall_at[1] == 1
    assert with_copies.copies == with_copies.queries == 24
    assert quality_as_json(with_copies)["queries_with_a_copy_nearest"] == 24
    assert "which makes figures too good" in with_copies.copies_note
    without = retrieval_quality(index, conditions=Conditions(leave_out_copies=0.95))
    assert without.recall_at[1] < 0.7
    assert (without.copies, without.copies_note) == (0, "")
    assert quality_as_json(without)["leave_out_copies"] == 0.95


def test_a_search_leaves_out_copies_but_not_the_query() -> None:
    index = doubled()
    asked = Conditions(leave_out_copies=0.95)
    allowed = choose(index, conditions=asked, query=index.images[4])
    assert np.flatnonzero(~allowed).tolist() == [5]
    uploaded = choose(index, conditions=asked, vector=index.matrix[4])
    assert np.flatnonzero(~uploaded).tolist() == [4, 5]
    assert choose(index, conditions=asked).all()


def test_matches_are_copies_of_the_query_or_of_a_better_match() -> None:
    index = doubled()
    to_all = index.scores(index.matrix[0])
    order = np.argsort(-to_all)[1:]
    ids = [index.images[row].id for row in order]
    found = copies_among(ids, index.matrix[order], to_all[order], lambda least: to_all >= least)
    assert found[0] == "query"
    for place, of in enumerate(found[1:], 1):
        twin = f"{int(ids[place].split('.')[0]) ^ 1}.png"
        assert of == (twin if twin in ids[:place] else None)
    alike = copies_among(ids, index.matrix[order], to_all[order], lambda least: to_all < 2)
    assert set(alike) == {None}


@given(st.integers(0, 10**6), st.floats(0.3, 1), st.booleans())
def test_outcomes_are_what_a_slow_search_finds(seed: int, least: float, sets: bool) -> None:
    chance = np.random.default_rng(seed)
    count = int(chance.integers(2, 25))
    labels = [["a", "b", "c", None][chance.integers(4)] for _ in range(count)]
    splits = [["query", "gallery", "train"][chance.integers(3)] for _ in range(count)]
    index = index_of(chance.normal(size=(count, 3)), labels, splits)
    conditions = Conditions(
        ask=("split=query",) if sets else (),
        find=("split=gallery",) if sets else (),
        leave_out_copies=least,
    )
    expected = {}
    scores = index.matrix @ index.matrix.T
    for q in range(count):
        others = [
            j
            for j in range(count)
            if j != q and scores[q, j] < least and (not sets or splits[j] == "gallery")
        ]
        right = [j for j in others if labels[j] == labels[q]]
        if labels[q] is not None and right and (not sets or splits[q] == "query"):
            order = sorted(others, key=lambda j, q=q: -scores[q, j])
            rank = 1 + min(order.index(j) for j in right)
            expected[q] = order[0], rank, len(right)
    try:
        check_conditions(index.columns, conditions, {})
        found = query_outcomes(index, conditions=conditions)
    except GalleryError:
        assert not expected
        return
    except SettingsError:
        return  # no image of one of the sets
    triples = zip(found.nearest.tolist(), found.right_rank.tolist(), found.relevant, strict=True)
    assert dict(zip(found.rows.tolist(), triples, strict=True)) == expected


def test_one_set_is_asked_and_found_in_the_other() -> None:
    chance = np.random.default_rng(1)
    count = 2 * QUERIES_AT_ONCE + 20
    splits = ["query" if n % 2 else "gallery" for n in range(count)]
    index = index_of(
        chance.normal(size=(count, 8)), [str(n // 2 % 7) for n in range(count)], splits
    )
    for conditions in (
        Conditions(ask=("split=query",), find=("split=gallery",)),
        Conditions(ask=("split=query",)),
        Conditions(find=("split=gallery",)),
    ):
        found = query_outcomes(index, conditions=conditions)
        assert (found.rows % 2 == 1).all()
        assert (found.nearest % 2 == 0).all()
        assert (found.right % 2 == 0).all()
        assert len(found.rows) == found.searched == count // 2
        assert found.relevant.sum() == sum(
            sum(index.images[j].label == index.images[q].label for j in range(0, count, 2))
            for q in found.rows
        )
    allowed = choose(index, conditions=conditions, query=index.images[1])
    assert np.flatnonzero(allowed).tolist() == list(range(0, count, 2))


def test_two_sets_in_words_options_and_json() -> None:
    conditions = Conditions(("camera=1",), (), ("split=query",), (), 0.9)
    assert conditions.sentence == (
        "only camera=1; asked are split=query, and found are all others; without copies of the "
        "query (similarity of at least 0.9)"
    )
    assert conditions.as_options() == [
        *("--where=camera=1", "--ask=split=query", "--leave-out-copies=0.9")
    ]
    assert conditions.as_json()["find"] == []
    with pytest.raises(SettingsError, match="above 0 and up to 1"):
        check_conditions({}, Conditions(leave_out_copies=1.5), {})


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (Conditions(), ""),
        (Conditions(where=("a=1",)), "Found are only a=1"),
        (Conditions(find=("a=1",)), "Asked are all others, and found are a=1"),
    ],
)
def test_what_is_found_in_words(conditions: Conditions, words: str) -> None:
    assert conditions.words == words
