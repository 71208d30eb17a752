import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simviz_core.errors import GalleryError, SettingsError
from simviz_core.gallery import NO_CONDITIONS, Conditions, GalleryImage
from simviz_core.misses import (
    COMPARED_KINDS,
    MISS_ORDERS,
    NO_CLASS,
    MissReport,
    class_qualities,
    compare_outcomes,
    confusion_counts,
    confusions,
    list_misses,
    misses_as_csv,
    misses_as_json,
    most_confused,
    sorted_misses,
)
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    GalleryIndex,
    QueryOutcomes,
    best_matches,
    choose,
    evaluation,
    is_hit,
    quality_of,
    query_outcomes,
)

COLUMNS = ("camera", "price")
SETTINGS = NetworkSettings("efficientnet_lite0", "average", 224)
CAMERAS = [None, "a", "b", "c"]
Places = list[tuple[int, str | None, str | None, int]]
"""Of each image: which of a few directions it lies in, its class, its camera and its price."""
places = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from([None, "x", "y", "z"]),
        st.sampled_from(CAMERAS),
        st.integers(0, 3),
    ),
    min_size=2,
    max_size=30,
)
# Products of these are exact, so that many of them are equal.
DIRECTIONS = np.eye(8, dtype=np.float32)
DIRECTIONS[4:] = [[1, 1, 1, 1, 0, 0, 0, 0], [1, -1, 1, -1, 0, 0, 0, 0]] * 2
DIRECTIONS[4:] /= 2


def index_of(placed: Places, turn: int = 0) -> GalleryIndex:
    """The index of images in those directions, each `turn` further on."""
    images = tuple(
        GalleryImage(
            f"{n}.png", Path(f"{n}.png"), label, columns={"camera": camera, "price": price}
        )
        for n, (_, label, camera, price) in enumerate(placed)
    )
    return GalleryIndex(images, DIRECTIONS[[(place + turn) % 8 for place, *_ in placed]])


def asked_of(index: GalleryIndex, conditions: Conditions = NO_CONDITIONS) -> QueryOutcomes | None:
    try:
        return query_outcomes(index, conditions=conditions)
    except GalleryError:
        return None


def allowed_for(placed: Places, row: int, where: bool, equal: Sequence[str]) -> np.ndarray:
    """By hand: prices of at least 1 where that is asked, and no equal camera or price."""
    own = dict(zip(COLUMNS, placed[row][2:], strict=True))
    allowed = []
    for _, _, *values in placed:
        other = dict(zip(COLUMNS, values, strict=True))
        is_equal = any(own[name] is not None and own[name] == other[name] for name in equal)
        allowed.append(not is_equal and (not where or other["price"] >= 1))
    return np.array(allowed)


@settings(deadline=None, max_examples=150)
@given(
    placed=places,
    where=st.booleans(),
    equal=st.sampled_from([(), ("camera",), ("price",), ("camera", "price")]),
    at_once=st.integers(1, 9),
)
def test_every_query_is_as_a_slow_ranking_says(
    placed: Places, where: bool, equal: tuple[str, ...], at_once: int
) -> None:
    index = index_of(placed)
    labels = [label for _, label, *_ in placed]
    similarities = index.matrix.astype(float) @ index.matrix.T.astype(float)
    conditions = Conditions(("price=1..",) if where else (), equal)
    expected = {}
    for row, label in enumerate(labels):
        allowed = allowed_for(placed, row, where, equal)
        others = [n for n, ok in enumerate(allowed) if ok and n != row and labels[n] == label]
        if label is not None and others and (not where or placed[row][3] >= 1):
            expected[row] = reference.query_outcome(similarities, labels, row, allowed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "QUERIES_AT_ONCE", at_once)
        found = asked_of(index, conditions)
    if found is None:
        assert not expected
        return
    assert found.rows.tolist() == list(expected)
    wanted = zip(*expected.values(), strict=True)
    for name in ("nearest", "right", "right_rank", "average_precision", "relevant"):
        assert getattr(found, name).tolist() == pytest.approx(next(wanted)), name
    for scores, rows in (("nearest_score", "nearest"), ("right_score", "right")):
        exact = similarities[found.rows, getattr(found, rows)]
        assert getattr(found, scores).tolist() == exact.tolist()


@settings(deadline=None, max_examples=50)
@given(placed=places, equal=st.sampled_from([(), ("camera",)]))
def test_a_search_finds_the_same_hits_and_misses(placed: Places, equal: tuple[str, ...]) -> None:
    index = index_of(placed)
    conditions = Conditions(leave_out_equal=equal)
    outcomes = asked_of(index, conditions)
    assume(outcomes)
    for row, hit in zip(outcomes.rows, outcomes.is_hit, strict=True):
        query = index.images[row]
        allowed = choose(index, without_image=query.id, conditions=conditions, query=query)
        (match,) = best_matches(index, index.scores(index.matrix[row]), 1, allowed)
        assert bool(is_hit(query.label, match.image)) == hit
        assert (query.id in outcomes.missed) == (not hit)


@settings(deadline=None, max_examples=50)
@given(placed=places)
def test_classes_and_confusions_add_up(placed: Places) -> None:
    index = index_of(placed)
    outcomes = asked_of(index)
    assume(outcomes)
    quality, classes = quality_of(outcomes), class_qualities(outcomes)
    assert sum(of.queries for of in classes) == quality.queries
    assert sum(of.misses for of in classes) == len(outcomes.missed)
    mean = sum(of.queries * of.map_at_r for of in classes) / quality.queries
    assert mean == pytest.approx(quality.map_at_r)
    for k, recall in quality.recall_at.items():
        hits = sum(of.queries * of.recall_at[k] for of in classes)
        assert hits / quality.queries == pytest.approx(recall)
    for of in classes:
        assert of.misses == pytest.approx(of.queries * (1 - of.recall_at[1]))
    found = confusions(outcomes)
    assert sum(confusion.count for confusion in found) == len(outcomes.missed)
    assert [c.count for c in found] == sorted((c.count for c in found), reverse=True)
    misses = list_misses(outcomes)
    for confusion in found:
        pairs = [(miss.query.label, miss.taken_for) for miss in misses]
        assert pairs.count((confusion.label, confusion.taken_for)) == confusion.count
    labels = list(index.classes)
    counts = confusion_counts(outcomes, labels)
    assert counts.sum() == quality.queries
    assert np.trace(counts) == quality.queries - len(misses)
    assert counts[:, -1].sum() == sum(miss.taken_for == NO_CLASS for miss in misses)
    some = labels[:2]
    part = confusion_counts(outcomes, some)
    np.testing.assert_array_equal(part[:, :-1], counts[: len(some), : len(some)])
    np.testing.assert_array_equal(part.sum(1), counts[: len(some)].sum(1))
    assert set(most_confused(outcomes, 2)) <= set(labels)


@settings(deadline=None, max_examples=50)
@given(placed=places, turn=st.integers(0, 7), left=st.integers(0, 3))
def test_fixed_and_broken_queries(placed: Places, turn: int, left: int) -> None:
    before = asked_of(index_of(placed))
    assume(before)
    after_index = index_of(placed, turn)
    if left:  # the second index lacks the last images
        kept = np.arange(len(placed)) < max(2, len(placed) - left)
        after_index = after_index.part(kept)
    after = asked_of(after_index)
    assume(after)
    try:
        comparison = compare_outcomes(before, after)
    except GalleryError:
        assume(False)
    hits = [
        {o.index.images[row].id: hit for row, hit in zip(o.rows, o.is_hit, strict=True)}
        for o in (before, after)
    ]
    expected = {
        (True, False): "broken",
        (False, True): "fixed",
        (False, False): "missed",
    }
    for image_id in hits[0].keys() & hits[1].keys():
        kind = expected.get((bool(hits[0][image_id]), bool(hits[1][image_id])))
        assert comparison.kind.get(image_id) == kind
    assert comparison.queries == len(hits[0].keys() & hits[1].keys())
    assert bool(comparison.note) == (hits[0].keys() != hits[1].keys())
    for kind in COMPARED_KINDS:
        rows = comparison.rows(kind)
        assert len(rows) == comparison.counts[kind]
        for was, is_now in rows:
            assert was.query == is_now.query
            assert (was.is_hit, is_now.is_hit) == (kind == "broken", kind == "fixed")


SIX: Places = [
    *((0, "x", "a", 1), (0, "y", "a", 1), (1, "x", "b", 2)),
    *((4, "y", "b", 2), (1, None, None, 0), (0, "x", "b", 3)),
]


def test_orders() -> None:
    misses = list_misses(query_outcomes(index_of(SIX)))
    assert len(misses) > 2
    for by in MISS_ORDERS:
        assert sorted(m.query.id for m in sorted_misses(misses, by)) == [m.query.id for m in misses]
    margins = [miss.margin for miss in sorted_misses(misses, "margin")]
    assert margins == sorted(margins, reverse=True)
    assert min(margins) >= 0
    assert [m.margin for m in sorted_misses(misses, "close")] == margins[::-1]
    ranks = [miss.rank for miss in sorted_misses(misses, "rank")]
    assert ranks == sorted(ranks, reverse=True)
    assert min(ranks) > 1


def test_exports_hold_every_miss_and_what_they_rest_on() -> None:
    conditions = Conditions(("price=1..",), ("camera",))
    outcomes = query_outcomes(index_of(SIX), conditions=conditions)
    report = MissReport(SETTINGS, outcomes)
    values = json.loads(json.dumps(misses_as_json(report)))
    assert [miss["query"] for miss in values["misses"]] == [
        miss.query.id for miss in sorted_misses(list_misses(outcomes), "margin")
    ]
    assert (values["where"], values["leave_out_equal"]) == (["price=1.."], ["camera"])
    assert (values["images_searched"], values["images_in_gallery"]) == (5, 6)
    rows = list(csv.DictReader(io.StringIO(misses_as_csv(report))))
    assert [row["query"] for row in rows] == [miss["query"] for miss in values["misses"]]
    for row, miss in zip(rows, values["misses"], strict=True):
        for name, value in miss.items():
            assert row[name] == str(value)
        assert row["conditions"] == conditions.sentence
        assert (row["images_searched"], row["queries"]) == ("5", str(values["queries"]))


def test_exports_of_a_comparison() -> None:
    before, after = (query_outcomes(index_of(SIX, turn)) for turn in (0, 3))
    comparison = compare_outcomes(before, after)
    other = replace(SETTINGS, pooling="max")
    report = MissReport(SETTINGS, before, other, comparison)
    values = json.loads(json.dumps(misses_as_json(report)))["compared_with"]
    rows = list(csv.DictReader(io.StringIO(misses_as_csv(report))))
    expected = [(kind, pair["before"]["query"]) for kind in COMPARED_KINDS for pair in values[kind]]
    assert [(row["change"], row["query"]) for row in rows] == expected
    assert {row["compared_with"] for row in rows} == {"efficientnet_lite0, max pooling, 224 px"}
    nothing = compare_outcomes(before, before)
    empty = replace(nothing, kind={})
    text = misses_as_csv(MissReport(SETTINGS, before, other, empty))
    assert text.startswith("change,query,class,")


def test_what_cannot_be_asked_is_said() -> None:
    index = index_of(SIX)
    with pytest.raises(GalleryError, match="only price=3"):
        query_outcomes(index, conditions=Conditions(("price=3",)))
    with pytest.raises(SettingsError, match="it has camera, price"):
        query_outcomes(index, conditions=Conditions(leave_out_equal=("colour",)))
    with pytest.raises(GalleryError, match="need a class with two images"):
        query_outcomes(index_of([(0, None, None, 0)] * 3))
