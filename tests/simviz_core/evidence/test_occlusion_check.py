from pathlib import Path

import numpy as np
import pytest
import torch

from simviz_core.decomposition import lost_map, similarity
from simviz_core.evidence import (
    FILLS,
    Fill,
    check_all_cells,
    check_occlusion,
    removed_cells,
    removed_region,
    strongest_cells,
)
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import Region


@pytest.mark.parametrize("fill", FILLS)
def test_a_region_s_check_is_a_run_on_what_it_shows(
    fill: Fill, network: SimilarityNetwork, demo_rooms: Path
) -> None:
    query, match = (load_image(demo_rooms / "hotel_01" / f"view_{n}.jpg") for n in (0, 1))
    images = network.decompose([query.pixels, match.pixels])
    removal = removed_region(Region(((40, 120, 200, 230),)), query, network, images[0].grid)
    check = check_occlusion(network, query.pixels, images[0], images[1], removal, fill)
    again = network.decompose([check.blanked_picture])[0]
    assert check.after == pytest.approx(similarity(again, images[1]).item(), abs=1e-5)
    assert check.before == pytest.approx(similarity(images[0], images[1]).item(), abs=1e-6)
    assert check.blanked_map.sum() == pytest.approx(check.after, abs=1e-5)
    share = (160 * 110) / (320 * 240)
    assert removal.cells.mean().item() == pytest.approx(share)
    assert removal.pixels.mean() == pytest.approx(share, abs=1e-5)
    assert check.real_change == check.after - check.before
    assert -1 <= check.without <= 1


def test_nothing_removed_changes_nothing(network: SimilarityNetwork, demo_rooms: Path) -> None:
    query, match = (load_image(demo_rooms / "hotel_01" / f"view_{n}.jpg").pixels for n in (0, 1))
    images = network.decompose([query, match])
    removal = removed_cells(torch.zeros(7, 7), network)
    check = check_occlusion(network, query, images[0], images[1], removal)
    assert check.real_change == pytest.approx(0, abs=1e-5)
    assert check.predicted_change == pytest.approx(0, abs=1e-6)
    assert check.contribution == 0


def test_the_strongest_cells_are_the_strongest() -> None:
    values = np.array([[0.1, 0.9], [0.9, 0.3]], dtype=np.float32)
    np.testing.assert_array_equal(strongest_cells(values, 1), [[0, 1], [0, 0]])
    np.testing.assert_array_equal(strongest_cells(values, 3), [[0, 1], [1, 1]])


def test_all_cells_are_checked_one_at_a_time(network: SimilarityNetwork, demo_rooms: Path) -> None:
    query, match = (load_image(demo_rooms / "hotel_01" / f"view_{n}.jpg").pixels for n in (0, 1))
    images = network.decompose([query, match])
    seen: list[tuple[int, int]] = []
    scatter = check_all_cells(
        network, query, images[0], images[1], "mean", lambda *step: seen.append(step)
    )
    assert seen[-1] == (49, 49)
    expected = -lost_map(images[0], images[1])
    np.testing.assert_allclose(scatter.predicted, expected, atol=1e-5)
    cell = torch.zeros(7, 7)
    cell[3, 4] = 1
    one = check_occlusion(
        network, query, images[0], images[1], removed_cells(cell, network), "mean"
    )
    assert scatter.real[3, 4] == pytest.approx(one.real_change, abs=1e-5)
    correlation = np.corrcoef(scatter.predicted.ravel(), scatter.real.ravel())[0, 1]
    assert scatter.correlation == pytest.approx(correlation, abs=1e-4)
    assert scatter.correlation is not None
    assert scatter.correlation > 0.2
