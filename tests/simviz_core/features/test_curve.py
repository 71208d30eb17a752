from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simviz_core.errors import GalleryError
from simviz_core.features import (
    PairSample,
    caveats,
    curve_as_json,
    curve_line,
    draw_pairs,
    feature_curve,
    top_words,
)
from simviz_core.features.curve import DIFFERENT, SAME
from simviz_core.gallery import GalleryImage
from simviz_core.retrieval import GalleryIndex


def index_of(
    labels: list[str | None], seed: int = 0, signed: bool = False, dimension: int = 24
) -> GalleryIndex:
    values = np.random.default_rng(seed).normal(size=(len(labels), dimension))
    values = values if signed else np.abs(values)
    units = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    images = tuple(
        GalleryImage(f"{n}.png", Path(f"{n}.png"), label) for n, label in enumerate(labels)
    )
    return GalleryIndex(images, units)


def pairs_of(sample: PairSample) -> list[tuple[int, int]]:
    return [tuple(sorted(pair)) for pair in zip(sample.first, sample.second, strict=True)]


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=2, max_size=15),
    st.booleans(),
    st.integers(1, 80),
    st.integers(0, 5),
)
def test_pairs_are_of_the_kind_and_come_once(
    labels: list[str | None], same_class: bool, count: int, seed: int
) -> None:
    index = index_of(labels)
    expected = {
        (i, j)
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
        if labels[i] is not None
        and labels[j] is not None
        and (labels[i] == labels[j]) == same_class
    }
    if not expected:
        with pytest.raises(GalleryError, match="class"):
            draw_pairs(index, same_class, count, seed)
        return
    sample = draw_pairs(index, same_class, count, seed)
    drawn = pairs_of(sample)
    assert len(set(drawn)) == len(drawn) == min(count, len(expected))
    assert set(drawn) <= expected
    assert sample.possible == len(expected)
    assert sample.kind == (SAME if same_class else DIFFERENT)
    again = draw_pairs(index, same_class, count, seed)
    assert pairs_of(again) == drawn


def test_another_seed_draws_others_and_all_are_equally_likely() -> None:
    index = index_of(["a"] * 6 + ["b"] * 2)
    counted: Counter[tuple[int, int]] = Counter()
    for seed in range(600):
        counted.update(pairs_of(draw_pairs(index, True, 4, seed)))
    assert len(counted) == 16
    # 600 × 4 / 16 = 150 of each.
    assert min(counted.values()) > 100
    assert max(counted.values()) < 200


def slow_curve(index: GalleryIndex, pairs: list[tuple[int, int]]) -> np.ndarray:
    curves = []
    for i, j in pairs:
        products = [
            float(a) * float(b) for a, b in zip(index.matrix[i], index.matrix[j], strict=True)
        ]
        products.sort(reverse=True)
        curves.append([sum(products[: k + 1]) / sum(products) for k in range(len(products))])
    return np.array(curves)


def test_the_curve_is_the_mean_of_the_pairs_curves() -> None:
    index = index_of(["a"] * 9 + ["b"] * 9)
    sample = draw_pairs(index, True, 300)
    curve = feature_curve(index, sample)
    slow = slow_curve(index, pairs_of(sample))
    np.testing.assert_allclose(curve.mean_share, slow.mean(0), atol=1e-6)
    np.testing.assert_allclose(curve.std_share, slow.std(0), atol=1e-5)
    assert curve.mean_share[-1] == pytest.approx(1)
    assert curve.std_share[-1] == pytest.approx(0, abs=1e-6)
    assert (np.diff(curve.mean_share) >= -1e-12).all()
    assert (curve.pairs, curve.left_out, curve.signed_pairs) == (72, 0, 0)
    assert curve.top_share == curve.mean_share[9]


def test_signed_contributions_rise_above_the_whole_and_return() -> None:
    index = index_of(["a"] * 12, signed=True, dimension=40)
    index.matrix[:] += 0.12
    index.matrix[:] /= np.linalg.norm(index.matrix, axis=1, keepdims=True)
    curve = feature_curve(index, draw_pairs(index, True))
    assert curve.signed_pairs == curve.pairs
    assert curve.mean_share.max() > 1.01
    assert curve.mean_share[-1] == pytest.approx(1)
    assert any("contribute negatively" in text for text in caveats(curve))


def test_pairs_that_are_not_similar_are_left_out_and_counted() -> None:
    index = index_of(["a"] * 4)
    matrix = np.zeros((4, 4), dtype=np.float32)
    matrix[:3, 0], matrix[3, 1] = 1, 1  # the last one is orthogonal to the others
    index = GalleryIndex(index.images, matrix)
    curve = feature_curve(index, draw_pairs(index, True))
    assert (curve.pairs, curve.left_out) == (3, 3)
    np.testing.assert_allclose(curve.mean_share, 1)
    assert any("3 more pairs were drawn" in text for text in caveats(curve))
    opposite = GalleryIndex(index.images[:2], np.array([[1, 0], [-1, 0]], dtype=np.float32))
    with pytest.raises(GalleryError, match="none of the 1 pairs of the same class is similar"):
        feature_curve(opposite, draw_pairs(opposite, True))


def test_the_marked_point_in_words_and_numbers() -> None:
    index = index_of(["a"] * 5)
    curve = feature_curve(index, draw_pairs(index, True, seed=7))
    assert top_words(curve).startswith("The 10 strongest of 24 components carry ")
    assert "averaged over 10 pairs of the same class" in top_words(curve)
    values = curve_as_json(curve)
    assert values["k"] == list(range(1, 25))
    assert values["mean_share"][9] == values["top10_share"]
    assert (values["pairs"], values["seed"]) == (10, 7)
    assert len(values["std_share"]) == 24
    line = curve_line(curve, "x")
    assert (line.top, line.is_dashed) == (10, False)
    few = index_of(["a"] * 3, dimension=4)
    assert curve_line(feature_curve(few, draw_pairs(few, True)), "x").top == 4
