import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simviz_core.errors import GalleryError
from simviz_core.gallery import GalleryImage
from simviz_core.retrieval import (
    GalleryIndex,
    RetrievalQuality,
    evaluation,
    quality_as_json,
    retrieval_quality,
)
from simviz_core.retrieval.evaluation import AT

labels_of_images = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=2, max_size=40)


def index_of(matrix: NDArray[np.float64], labels: Sequence[str | None]) -> GalleryIndex:
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return GalleryIndex(
        tuple(GalleryImage(f"{n}.png", Path(f"{n}.png"), label) for n, label in enumerate(labels)),
        np.ascontiguousarray(units, dtype=np.float32),
    )


def random_index(labels: Sequence[str | None], seed: int) -> GalleryIndex:
    """Images that lie about the middle of their class, more or less."""
    chance = np.random.default_rng(seed)
    middles = {label: chance.normal(size=6) for label in ("a", "b", "c", "d", None)}
    spread = chance.uniform(0.2, 2)
    return index_of(
        np.array([middles[label] + spread * chance.normal(size=6) for label in labels]), labels
    )


def queries_of(labels: Sequence[str | None]) -> list[int]:
    sizes = Counter(labels)
    return [row for row, label in enumerate(labels) if label is not None and sizes[label] > 1]


def similarities_of(index: GalleryIndex) -> NDArray[np.float64]:
    return index.matrix.astype(np.float64) @ index.matrix.T.astype(np.float64)


def has_a_clear_order(index: GalleryIndex) -> bool:
    """Which of two neighbours that are equally near comes first is not defined."""
    return bool(np.diff(np.sort(similarities_of(index), axis=1), axis=1).min() > 5e-7)


def assert_as_reference(quality: RetrievalQuality, index: GalleryIndex, queries: list[int]) -> None:
    labels = [image.label for image in index.images]
    similarities = similarities_of(index)
    assert quality.queries == len(queries)
    assert quality.rows.tolist() == queries
    assert quality.recall_at == pytest.approx(
        {k: reference.recall_at(similarities, labels, queries, k) for k in AT}
    )
    assert quality.map_at_r == pytest.approx(reference.map_at_r(similarities, labels, queries))
    is_hit = [reference.retrieval(similarities, labels, query)[0][0] for query in queries]
    assert quality.is_hit.tolist() == is_hit


@settings(deadline=None, max_examples=100)
@given(labels=labels_of_images, seed=st.integers(0, 10_000))
def test_figures_follow_their_definitions(labels: list[str | None], seed: int) -> None:
    queries = queries_of(labels)
    assume(queries)
    index = random_index(labels, seed)
    assume(has_a_clear_order(index))
    assert_as_reference(retrieval_quality(index), index, queries)


def test_the_figures_of_a_gallery_do_not_depend_on_the_parts_it_is_asked_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = random_index(["a"] * 20 + ["b"] * 3 + ["c"] * 14 + [None] * 3 + ["d"], 0)
    assert has_a_clear_order(index)
    at_once = retrieval_quality(index)
    monkeypatch.setattr(evaluation, "QUERIES_AT_ONCE", 3)
    seen: list[tuple[int, int]] = []
    in_parts = retrieval_quality(index, on_progress=lambda *counts: seen.append(counts))
    assert quality_as_json(in_parts) == pytest.approx(quality_as_json(at_once))
    np.testing.assert_array_equal(in_parts.is_hit, at_once.is_hit)
    assert seen == [(done, 37) for done in (*range(3, 37, 3), 37)]
    assert_as_reference(in_parts, index, list(range(37)))


def test_a_perfect_gallery() -> None:
    labels = ["a", "b", "c"] * 5
    index = index_of(np.eye(3)[[0, 1, 2] * 5], labels)
    quality = retrieval_quality(index)
    assert quality.recall_at == {1: 1, 5: 1, 10: 1}
    assert quality.map_at_r == pytest.approx(1)
    assert quality.is_hit.all()


def test_a_gallery_in_which_nothing_is_found() -> None:
    """Every image is nearest to one of the other class, and far from its own."""
    angles = np.radians([0, 180, 1, 181])
    matrix = np.stack([np.cos(angles), np.sin(angles)], 1)
    quality = retrieval_quality(index_of(matrix, ["a", "a", "b", "b"]))
    assert quality.recall_at[1] == 0
    assert quality.map_at_r == 0
    assert not quality.is_hit.any()


def test_an_image_does_not_find_itself_nor_is_its_double_left_out() -> None:
    matrix = np.array([[1, 0], [1, 0], [0.8, 0.6], [0, 1]])
    quality = retrieval_quality(index_of(matrix, ["a", "a", "b", "b"]))
    assert quality.is_hit.tolist() == [True, True, False, True]
    assert quality.recall_at[1] == 0.75
    assert quality.map_at_r == pytest.approx(0.75)


def test_images_alone_in_their_class_or_without_one_are_found_but_not_asked() -> None:
    """They stand between the two of a class, and so keep them from finding each other."""
    angles = np.radians([0, 10, 1, 9])
    matrix = np.stack([np.cos(angles), np.sin(angles)], 1)
    quality = retrieval_quality(index_of(matrix, ["a", "a", "alone", None]))
    assert (quality.queries, quality.rows.tolist()) == (2, [0, 1])
    assert quality.recall_at == {1: 0, 5: 1, 10: 1}
    assert quality.map_at_r == 0


def test_one_class_finds_only_itself() -> None:
    quality = retrieval_quality(random_index(["a"] * 9, 0))
    assert (quality.recall_at, quality.map_at_r) == ({1: 1, 5: 1, 10: 1}, pytest.approx(1))


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"], [None, None], [None, "a", "b"]])
def test_without_two_images_of_a_class_there_is_nothing_to_measure(
    labels: list[str | None],
) -> None:
    with pytest.raises(GalleryError, match="need a class with two images"):
        retrieval_quality(random_index(labels, 0))


def test_a_sample_of_the_queries_is_drawn_by_its_seed() -> None:
    index = random_index(["a", "b", "c", None, "d"] * 6, 3)
    assert has_a_clear_order(index)
    one, again, other = (retrieval_quality(index, 7, seed) for seed in (0, 0, 1))
    assert one.rows.tolist() == again.rows.tolist() != other.rows.tolist()
    assert len(set(one.rows.tolist())) == 7
    for quality in (one, other):
        assert_as_reference(quality, index, sorted(quality.rows.tolist()))


def test_a_sample_may_be_larger_than_what_there_is() -> None:
    index = random_index(["a", "b", "c"] * 4, 3)
    assert quality_as_json(retrieval_quality(index, 100)) == quality_as_json(
        retrieval_quality(index)
    )


def test_json_holds_every_figure() -> None:
    values = quality_as_json(retrieval_quality(random_index(["a", "b"] * 9, 0)))
    figures = {"recall_at_1", "recall_at_5", "recall_at_10", "map_at_r", "queries"}
    assert set(values) == figures | {
        "images_in_gallery",
        "images_indexed",
        "share_indexed",
        "value_ranges",
    }
    assert json.loads(json.dumps(values)) == values
    assert values["recall_at_1"] <= values["recall_at_5"] <= values["recall_at_10"] <= 1
    assert values["queries"] == 18
