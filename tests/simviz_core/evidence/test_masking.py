import numpy as np
import pytest
import torch
from PIL import Image

from simviz_core.evidence.masking import (
    FILLS,
    MaskedRuns,
    cells_to_pixels,
    embed_pictures,
    filled,
    occlusion_runs,
    rise_runs,
)
from simviz_core.networks import SimilarityNetwork


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (64, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("fill", FILLS)
def test_only_what_is_removed_changes(fill: str) -> None:
    original, removed = picture(), np.zeros((64, 48), dtype=np.float32)
    removed[10:30, 5:25] = 1
    copy = filled(original, removed, fill)  # type: ignore[arg-type]
    np.testing.assert_array_equal(copy[removed == 0], original[removed == 0])
    assert np.abs(copy[removed == 1].astype(int) - original[removed == 1]).mean() > 20
    assert filled(original, np.zeros_like(removed), fill) is original  # type: ignore[arg-type]


def test_the_border_spreads_in() -> None:
    original = np.zeros((64, 64, 3), dtype=np.uint8)
    original[:, :32], original[:, 32:] = (200, 10, 10), (10, 10, 200)
    hole = np.zeros((64, 64), dtype=np.float32)
    hole[20:44, 4:20] = 1
    damaged = original.copy()
    damaged[hole > 0] = (0, 255, 0)
    assert np.abs(filled(damaged, hole, "border").astype(int) - original).max() < 45
    assert np.abs(filled(damaged, hole, "mean").astype(int) - original).max() > 80


def test_a_blank_picture_has_its_mean_colour() -> None:
    everything = np.ones((64, 48), dtype=np.float32)
    for fill in ("mean", "border"):
        blank = filled(picture(), everything, fill)  # type: ignore[arg-type]
        np.testing.assert_allclose(blank.mean((0, 1)), picture().mean((0, 1)), atol=1)
        assert blank.std((0, 1)).max() < 1


def test_cells_cover_their_pixels() -> None:
    cells = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    pixels = cells_to_pixels(cells, 6, 4)
    np.testing.assert_array_equal(pixels[:3, :2], np.full((3, 2), 1.0))
    np.testing.assert_array_equal(pixels[3:, 2:], np.full((3, 2), 4.0))


def test_masked_copies_are_those_that_were_embedded(network: SimilarityNetwork) -> None:
    image = Image.fromarray(picture()).resize((224, 224))
    runs = occlusion_runs(network, image, (2, 3))
    assert runs.kept.shape == (6, 2, 3)
    assert (runs.kept.flatten(1).sum(1) == 5).all()
    removed = cells_to_pixels(1 - runs.kept[4], 224, 224)
    copy = filled(network.resized(image), removed, "blur")
    torch.testing.assert_close(embed_pictures(network, [copy])[0], runs.units[4])


def test_an_occlusion_s_map_is_the_drop_and_random_masks_find_what_matters() -> None:
    kept = 1 - torch.eye(4).reshape(4, 2, 2)
    units = torch.tensor([[0.1], [0.9], [0.9], [0.9]])
    occlusion = MaskedRuns(kept, units, True).map(torch.ones(1), torch.ones(1))
    torch.testing.assert_close(occlusion, torch.tensor([[0.9, 0.1], [0.1, 0.1]]))
    random = (torch.rand((500, 2, 2), generator=torch.Generator().manual_seed(0)) < 0.5).float()
    found = MaskedRuns(random, random[:, 1, 0, None], False).map(torch.ones(1), torch.ones(1))
    assert found.argmax() == 2


def test_random_masks_are_seeded(
    network: SimilarityNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simviz_core.evidence.masking.RISE_MASKS", 3)
    image = Image.fromarray(picture())
    first, again, other = (rise_runs(network, image, (7, 7), seed) for seed in (1, 1, 2))
    torch.testing.assert_close(first.kept, again.kept)
    torch.testing.assert_close(first.units, again.units)
    assert not torch.equal(first.kept, other.kept)
