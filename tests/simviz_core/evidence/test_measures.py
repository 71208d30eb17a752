import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from simviz_core.evidence.intervals import bootstrap_mean
from simviz_core.evidence.measures import (
    area_under,
    energy_inside,
    pointing_game,
    quarter_measures,
    roc_area,
)


@settings(deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 6))
def test_the_roc_area_is_that_of_scikit_learn_for_whole_cells(seed: int, levels: int) -> None:
    chance = np.random.default_rng(seed)
    values = chance.integers(0, levels, (4, 5)) / 3
    covered = (chance.random((4, 5)) < 0.4).astype(float)
    covered[0, 0], covered[0, 1] = 0, 1
    expected = roc_auc_score(covered.ravel(), values.ravel())
    assert roc_area(values, covered) == pytest.approx(expected)


@given(st.integers(0, 2**16))
def test_the_roc_area_of_parts_is_that_of_the_parts_taken_apart(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values, parts = chance.random(6), chance.integers(0, 5, 6)
    parts[:2] = 1, 3
    labels = np.concatenate([[1] * p + [0] * (4 - p) for p in parts])
    expected = roc_auc_score(labels, np.repeat(values, 4))
    assert roc_area(values[None], parts[None] / 4) == pytest.approx(expected)


def test_no_sharpening_buys_the_roc_area_but_energy_it_does() -> None:
    chance = np.random.default_rng(0)
    values, covered = chance.random((7, 7)), np.zeros((7, 7))
    covered[2:5, 2:5] = 1
    values[covered > 0] += 0.5
    assert roc_area(values**4, covered) == roc_area(values, covered)
    sharp, plain = energy_inside(values**4, covered), energy_inside(values, covered)
    assert sharp is not None
    assert plain is not None
    assert sharp > plain + 0.1


def test_what_is_undefined_is_none() -> None:
    assert roc_area(np.ones((2, 2)), np.zeros((2, 2))) is None
    assert roc_area(np.ones((2, 2)), np.ones((2, 2))) is None
    assert energy_inside(-np.ones((2, 2)), np.ones((2, 2))) is None


def test_energy_counts_positive_cells_alone_and_the_strongest_cell_points() -> None:
    values = np.array([[3.0, -5.0], [1.0, 0.0]])
    covered = np.array([[1.0, 1.0], [0.5, 0.0]])
    assert energy_inside(values, covered) == pytest.approx(3.5 / 4)
    assert pointing_game(values, covered) == 1
    assert pointing_game(-values, 1 - covered) == 0


def test_a_quarter_is_found_or_not() -> None:
    quarters = np.zeros((4, 2, 2))
    for place in range(4):
        quarters[place, place // 2, place % 2] = 1
    values = np.array([[1.0, 3.0], [0.0, -2.0]])
    right, wrong = (quarter_measures(values, quarters, place) for place in (1, 0))
    assert (right["best quarter"], right["strongest cell"], right["share in quarter"]) == (
        1,
        1,
        0.75,
    )
    assert (wrong["best quarter"], wrong["strongest cell"], wrong["share in quarter"]) == (
        0,
        0,
        0.25,
    )


def test_the_area_under_a_line() -> None:
    assert area_under(np.linspace(1, 0, 9)) == pytest.approx(0.5)


def test_the_interval_covers_the_mean_of_resampled_groups() -> None:
    chance = np.random.default_rng(1)
    values = chance.normal(2, 1, 400)
    alone = bootstrap_mean(values.tolist())
    assert alone is not None
    assert alone.low < alone.mean < alone.high
    assert alone.high - alone.low == pytest.approx(2 * 1.96 / 20, rel=0.15)
    # Copies of one item are one item: four times as many values, the same interval.
    copies = bootstrap_mean(np.repeat(values, 4).tolist(), np.repeat(np.arange(400), 4).tolist())
    assert copies is not None
    assert (copies.low, copies.high) == pytest.approx((alone.low, alone.high))
    assert copies.count == 1600
    assert bootstrap_mean([]) is None
    assert bootstrap_mean(values.tolist()) == alone, "seeded"
