import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.errors import ProjectionError
from simviz_core.projection import (
    Cancelled,
    lay_out,
    layout,
    neighbours_kept,
    principal_components,
)


def unit_clusters(count: int, clusters: int = 4, dimensions: int = 24) -> np.ndarray:
    """Unit vectors in clusters, (count, dimensions)."""
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(clusters, dimensions))
    points = centres[np.arange(count) % clusters] + chance.normal(size=(count, dimensions)) * 0.3
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32)


def test_clusters_stay_together_the_same_each_time_and_progress_is_told() -> None:
    points = unit_clusters(60)
    told: list[tuple[int, int, str]] = []
    placed = lay_out(points, 3, lambda *step: told.append(step))
    assert placed.shape == (60, 2)
    assert placed.dtype == np.float32
    kept = neighbours_kept(points, placed)
    assert kept.share > 4 * kept.chance
    for cluster in range(4):
        own, others = placed[cluster::4], np.delete(placed, np.s_[cluster::4], axis=0)
        centre = own.mean(0)
        assert (
            np.linalg.norm(own - centre, axis=1).mean()
            < np.linalg.norm(others - centre, axis=1).mean()
        )
    assert told[-1] == (layout.ITERATIONS, layout.ITERATIONS, "layout")
    np.testing.assert_array_equal(lay_out(points, 3), placed)


def test_a_layout_that_nobody_waits_for_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([False, True])
    started = time.monotonic()
    with pytest.raises(Cancelled):
        lay_out(unit_clusters(40), is_cancelled=lambda: next(asked))
    assert time.monotonic() - started < 60


def test_what_stops_the_library_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("raise MemoryError('40 GB')")
    monkeypatch.setattr(layout, "PROGRAM", program)
    with pytest.raises(ProjectionError, match="laid out: MemoryError: 40 GB"):
        lay_out(unit_clusters(40))


def test_few_images_are_shown_by_their_principal_axes() -> None:
    points = unit_clusters(7)
    placed = lay_out(points)
    centred = points - points.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(placed), np.abs(centred @ axes[:2].T), atol=1e-5)
    assert lay_out(points[:, :1]).shape == (7, 2)


@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 5))
def test_all_components_keep_every_distance(count: int, dimensions: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    moved = principal_components(points, dimensions)

    def apart(rows: np.ndarray) -> np.ndarray:
        return np.linalg.norm(rows[:, None] - rows[None], axis=-1)

    np.testing.assert_allclose(apart(moved), apart(points), atol=1e-4)
    spread = moved.var(0)
    assert (np.diff(spread) <= 1e-4).all()


def test_neighbours_kept_is_all_for_a_plane_and_chance_for_noise() -> None:
    angles = np.random.default_rng(1).uniform(0, np.pi, 400)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert neighbours_kept(circle, circle).share == 1
    noise = np.random.default_rng(2).normal(size=(400, 2)).astype(np.float32)
    found = neighbours_kept(circle, noise)
    assert found.share == pytest.approx(found.chance, abs=0.02)
    assert (found.count, found.asked) == (10, 400)
    few = neighbours_kept(circle[:3], noise[:3])
    assert (few.count, few.share, few.chance) == (2, 1, 1)
