import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from simviz_core.map_measures import (
    jensen_shannon_divergence,
    pearson_correlation,
    share_inside,
)

maps = arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-8, 8, width=32)
)


@st.composite
def two_maps(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    first = draw(maps)
    second = draw(arrays(np.float32, first.shape, elements=st.floats(-8, 8, width=32)))
    return first, second


def slow_pearson(first: np.ndarray, second: np.ndarray) -> float:
    pairs = list(zip(first.ravel().tolist(), second.ravel().tolist(), strict=True))
    means = [math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True)]
    covariance = math.fsum((a - means[0]) * (b - means[1]) for a, b in pairs)
    spread = [math.fsum((pair[k] - means[k]) ** 2 for pair in pairs) for k in (0, 1)]
    return covariance / math.sqrt(spread[0] * spread[1])


def slow_divergence(first: np.ndarray, second: np.ndarray) -> float:
    p, q = ([abs(v) for v in values.ravel().tolist()] for values in (first, second))
    p, q = [v / math.fsum(p) for v in p], [v / math.fsum(q) for v in q]
    total = 0.0
    for a, b in zip(p, q, strict=True):
        for share in (a, b):
            if share:
                total += share * math.log2(2 * share / (a + b)) / 2
    return total


@given(two_maps())
def test_pearson_is_the_textbook_s(pair: tuple[np.ndarray, np.ndarray]) -> None:
    r = pearson_correlation(*pair)
    if r is None:
        assert min(np.ptp(values) for values in pair) <= 1e-5 * max(np.abs(pair[0]).max(), 8)
        return
    assert -1 - 1e-9 <= r <= 1 + 1e-9
    assert r == pytest.approx(pearson_correlation(*reversed(pair)), abs=1e-9)
    assert r == pytest.approx(slow_pearson(*pair), abs=1e-6)


def test_pearson_knows_no_scale_and_no_offset() -> None:
    values = np.array([[0.1, 0.5], [0.2, 0.9]], dtype=np.float32)
    assert pearson_correlation(values, 3 * values + 7) == pytest.approx(1)
    assert pearson_correlation(values, -values) == pytest.approx(-1)
    assert pearson_correlation(values, np.full((2, 2), 0.3, dtype=np.float32)) is None


@given(two_maps())
def test_divergence_is_the_textbook_s(pair: tuple[np.ndarray, np.ndarray]) -> None:
    divergence = jensen_shannon_divergence(*pair)
    if divergence is None:
        assert not pair[0].any() or not pair[1].any()
        return
    assert 0 <= divergence <= 1
    assert divergence == pytest.approx(jensen_shannon_divergence(*reversed(pair)), abs=1e-9)
    assert divergence == pytest.approx(slow_divergence(*pair), abs=1e-7)


def test_divergence_knows_no_scale_and_no_sign() -> None:
    values = np.array([[0.1, -0.5], [0.0, 0.9]], dtype=np.float32)
    assert jensen_shannon_divergence(values, 4 * values) == pytest.approx(0, abs=1e-9)
    assert jensen_shannon_divergence(values, np.abs(values)) == pytest.approx(0, abs=1e-9)
    left, right = np.array([[1, 0]], np.float32), np.array([[0, 3]], np.float32)
    assert jensen_shannon_divergence(left, right) == pytest.approx(1)


@given(maps, st.integers(0, 100))
def test_share_inside_is_between_none_and_all(values: np.ndarray, seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(size=values.shape).astype(np.float32)
    share = share_inside(values, weights)
    if share is None:
        assert not values.any()
        return
    assert 0 <= share <= 1 + 1e-6
    assert share_inside(values, np.ones_like(weights)) == pytest.approx(1)
    assert share_inside(values, np.zeros_like(weights)) == 0
    assert share + (share_inside(values, 1 - weights) or 0) == pytest.approx(1, abs=1e-5)
