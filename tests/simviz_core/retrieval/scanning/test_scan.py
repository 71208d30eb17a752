"""Every exact scan finds what scoring all rows one by one would find, whatever the data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simviz_core.retrieval.scanning import CodesScan, ExactScan, ProductScan, codes, encode

Matrix = NDArray[np.float32]
KINDS = ("units", "equal", "near ties", "zeros", "one component", "huge", "scales", "steps")


def rows_of(kind: str, count: int, dimension: int, chance: np.random.Generator) -> Matrix:
    """Rows that are awkward in one way, a few of them zeros and copies in every way."""
    values = chance.normal(size=(count, dimension))
    if kind == "equal":
        values[:] = values[0]
    elif kind == "near ties":
        values = values[0] + values * 1e-7
    elif kind == "zeros":
        values[:] = 0
    elif kind == "one component":
        values[:] = 0
        values[np.arange(count), chance.integers(dimension, size=count)] = 1
    elif kind == "huge":
        values[np.arange(count), chance.integers(dimension, size=count)] *= 1e5
    elif kind == "scales":
        values *= 10.0 ** chance.integers(-44, 8, (count, 1))
    elif kind == "steps":
        values = chance.integers(-2, 3, (count, dimension)) / 2
    if kind in ("units", "huge"):
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    values[chance.random(count) < 0.1] = 0
    values[chance.integers(count)] = values[chance.integers(count)]
    return values.astype(np.float32)


def scans(matrix: Matrix) -> list[ExactScan]:
    return [ProductScan(matrix), CodesScan(matrix, encode(matrix))]


def slow_scores(matrix: Matrix, vector: Matrix) -> Matrix:
    """Row by row, as the scores are defined."""
    wide = vector.astype(np.float64)
    return np.array([np.vecdot(row.astype(np.float64), wide) for row in matrix], dtype=np.float32)


cases = {
    "rows": st.sampled_from(KINDS),
    "vector": st.sampled_from(KINDS),
    "count": st.integers(1, 60),
    "dimension": st.sampled_from([1, 2, 7, 64, 300]),
    "seed": st.integers(0, 10**6),
}


@settings(deadline=None, max_examples=300)
@given(**cases, wanted=st.integers(0, 70))
def test_the_best_are_those_of_a_full_sort(
    rows: str, vector: str, count: int, dimension: int, seed: int, wanted: int
) -> None:
    chance = np.random.default_rng(seed)
    matrix = rows_of(rows, count, dimension, chance)
    query = rows_of(vector, 3, dimension, chance)[1]
    scores = slow_scores(matrix, query)
    for allowed in (np.ones(count, dtype=bool), chance.random(count) < 0.6):
        order = np.argsort(-scores, kind="stable")
        expected = order[allowed[order]][:wanted]
        for scan in scans(matrix):
            found, found_scores = scan.best(query, wanted, allowed)
            assert found.tolist() == expected.tolist()
            np.testing.assert_array_equal(found_scores, scores[expected])


@pytest.mark.filterwarnings("error::RuntimeWarning")
@settings(deadline=None, max_examples=200)
@given(**cases)
def test_who_reaches_a_score_and_the_place_of_a_row(
    rows: str, vector: str, count: int, dimension: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    matrix = rows_of(rows, count, dimension, chance)
    query = rows_of(vector, 3, dimension, chance)[1]
    scores, row = slow_scores(matrix, query), int(chance.integers(count))
    allowed = chance.random(count) < 0.6
    order = np.argsort(-scores, kind="stable")
    place = int(allowed[order[: order.tolist().index(row)]].sum()) + 1
    for scan in scans(matrix):
        for least in (float(scores[row]), float(np.nextafter(scores[row], np.float32(9e9))), 0.5):
            np.testing.assert_array_equal(scan.rows_from(query, least), scores >= least)
        assert scan.place(query, row, allowed) == place


@settings(deadline=None, max_examples=200)
@given(**cases)
def test_the_best_of_each_group_is_the_first_of_it_in_a_full_sort(
    rows: str, vector: str, count: int, dimension: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    matrix = rows_of(rows, count, dimension, chance)
    query = rows_of(vector, 3, dimension, chance)[1]
    scores, groups = slow_scores(matrix, query), chance.integers(-1, 5, count)
    allowed = chance.random(count) < 0.6
    expected: dict[int, int] = {}
    for row in np.argsort(-scores, kind="stable"):
        if allowed[row] and groups[row] >= 0:
            expected.setdefault(groups[row], row)
    for scan in scans(matrix):
        found, found_scores = scan.best_of_each(query, groups, allowed)
        assert found.tolist() == list(expected.values())
        np.testing.assert_array_equal(found_scores, scores[found])


@settings(deadline=None, max_examples=200)
@given(**cases)
def test_estimates_are_within_their_bounds(
    rows: str, vector: str, count: int, dimension: int, seed: int
) -> None:
    """Beside sums without any rounding."""
    chance = np.random.default_rng(seed)
    matrix = rows_of(rows, count, dimension, chance)
    unit = rows_of(vector, 3, dimension, chance)[1].astype(np.float64)
    if not unit.any():
        return
    unit /= np.linalg.norm(unit)
    exact = [math.fsum(row * unit) for row in matrix.astype(np.float64)]
    for scan in scans(matrix):
        estimates, bounds = scan.estimates(unit)
        assert (np.abs(estimates - np.array(exact)) <= np.float64(bounds)).all()


@pytest.mark.parametrize("dimension", [1, 63, 64, 65, 1280, 8192])
def test_products_of_the_largest_codes_are_exact(dimension: int) -> None:
    chance = np.random.default_rng(0)
    matrix = np.sign(chance.normal(size=(40, dimension))).astype(np.float32)
    matrix[0], matrix[1] = 1, -1
    kept = encode(matrix)
    assert set(np.unique(kept.codes)) == {-127, 127}
    scan = CodesScan(matrix, kept)
    for row in (0, 1, 7):
        unit = matrix[row].astype(np.float64) / np.sqrt(dimension)
        estimates, _ = scan.estimates(unit)
        np.testing.assert_allclose(
            estimates, matrix.astype(np.float64) @ unit, rtol=1e-5, atol=1e-4
        )


def test_many_rows_are_shared_out_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = rows_of("units", 5000, 32, np.random.default_rng(0))
    everything = np.ones(5000, dtype=bool)
    alone = CodesScan(matrix, encode(matrix)).best(matrix[7], 50, everything)
    monkeypatch.setattr(codes, "LEAST_PER_THREAD", 700)
    monkeypatch.setattr(codes.os, "cpu_count", lambda: 5)
    shared = CodesScan(matrix, encode(matrix)).best(matrix[7], 50, everything)
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)


def test_few_rows_need_their_own_components() -> None:
    """Else it would be no quicker than scoring all of them."""
    matrix = rows_of("units", 4000, 128, np.random.default_rng(0))
    scan, scored = CodesScan(matrix, encode(matrix)), 0
    score = scan.scores

    def counted(rows: NDArray[np.int64], vector: Matrix) -> Matrix:
        nonlocal scored
        scored += len(rows)
        return score(rows, vector)

    scan.scores = counted  # type: ignore[method-assign]
    scan.best(matrix[5], 10, np.ones(4000, dtype=bool))
    assert scored < 200
