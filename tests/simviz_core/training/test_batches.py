from collections import Counter
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.errors import TrainingError
from simviz_core.gallery import open_gallery
from simviz_core.networks import Preprocessing
from simviz_core.training import TrainingSettings
from simviz_core.training.batches import (
    AugmentedImages,
    batch_order,
    batches,
    mixed_seed,
    workers_beside,
)

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(iterations=4, classes=3, images=2, seed=5)


@pytest.fixture
def dataset(colour_gallery: Path) -> AugmentedImages:
    return AugmentedImages(open_gallery(colour_gallery).images, SETTINGS, Preprocessing())


@hypothesis.settings(deadline=None)
@given(
    classes=st.integers(2, 5),
    images=st.integers(2, 4),
    sizes=st.lists(st.integers(2, 5), min_size=5, max_size=8),
    seed=st.integers(0, 2**40),
)
def test_every_batch_holds_k_images_of_p_classes(
    classes: int, images: int, sizes: list[int], seed: int
) -> None:
    labels = [f"class {n}" for n, size in enumerate(sizes) for _ in range(size)]
    settings = TrainingSettings(iterations=3, classes=classes, images=images, seed=seed)
    order = batch_order(labels, settings)
    assert len(order) == 3 * classes * images
    for start in range(0, len(order), classes * images):
        batch = order[start : start + classes * images]
        assert sorted(Counter(labels[index] for index in batch).values()) == [images] * classes
    assert order == batch_order(labels, settings)
    for label, size in zip(dict.fromkeys(labels), sizes, strict=True):
        chosen = [index for index in order[: classes * images] if labels[index] == label]
        assert size < images or len(set(chosen)) == len(chosen)


def test_a_longer_training_begins_with_the_same_batches() -> None:
    labels = [str(index // 4) for index in range(24)]
    shorter, longer = (
        batch_order(labels, TrainingSettings(iterations=count, classes=3, images=2))
        for count in (5, 50)
    )
    assert longer[: len(shorter)] == shorter


def test_other_generators_are_left_alone(dataset: AugmentedImages) -> None:
    np.random.seed(3)
    torch.manual_seed(3)
    expected = np.random.get_state()[1].tolist(), torch.get_rng_state()
    batch_order(["a", "a", "b", "b"], TrainingSettings(classes=2, images=2))
    dataset[7]
    assert np.random.get_state()[1].tolist() == expected[0]
    assert torch.equal(torch.get_rng_state(), expected[1])


def test_an_image_depends_on_its_position_and_the_seed_alone(dataset: AugmentedImages) -> None:
    pixels, label = dataset[9]
    torch.manual_seed(1234)
    again, _ = dataset[9]
    assert torch.equal(pixels, again)
    assert pixels.shape == (3, 224, 224)
    assert pixels.dtype == torch.float32
    assert label == sorted(dataset.numbers).index(dataset.images[dataset.order[9]].label)
    first = dataset.order[0]
    dataset.order[1] = first
    assert not torch.equal(dataset[0][0], dataset[1][0]), "one image, two augmentations"


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_go_on_from_any_of_them(dataset: AugmentedImages, workers: int) -> None:
    whole, rest = list(batches(dataset, 0, CPU, 0)), list(batches(dataset, 2, CPU, workers))
    assert (len(whole), len(rest)) == (4, 2)
    for (pixels, labels), (same_pixels, same_labels) in zip(whole[2:], rest, strict=True):
        assert pixels.shape == (6, 3, 224, 224)
        assert torch.equal(pixels, same_pixels)
        assert torch.equal(labels, same_labels)


def test_pixels_are_scaled_as_the_network_expects(tmp_path: Path, colour_gallery: Path) -> None:
    preprocessing = Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    images = open_gallery(colour_gallery).images
    usual = AugmentedImages(images, SETTINGS, Preprocessing((0, 0, 0), (1, 1, 1)))[0][0]
    assert 0 <= usual.min() < usual.max() <= 1
    scaled = AugmentedImages(images, SETTINGS, preprocessing)[0][0]
    torch.testing.assert_close(scaled, (usual - 0.5) / 0.25)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_is_named(dataset: AugmentedImages, workers: int) -> None:
    broken = dataset.images[dataset.order[8]].path
    broken.write_bytes(b"no image")
    reason = rf"{broken.name} is not an image [^\n]*; repair or remove the image$"
    with pytest.raises(TrainingError, match=reason) as caught:
        list(batches(dataset, 0, CPU, workers))
    assert "Traceback" not in str(caught.value)


def test_processes_read_images_beside_a_gpu_only() -> None:
    assert workers_beside(CPU) == 0
    assert workers_beside(torch.device("cuda")) > 0


def test_seeds_of_neighbours_differ() -> None:
    seeds = {mixed_seed(a, b) for a in range(20) for b in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**64 for seed in seeds)
