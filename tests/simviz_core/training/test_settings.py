from pathlib import Path
from typing import Any

import pytest

from simviz_core.errors import SettingsError, TrainingError
from simviz_core.gallery import Gallery, GalleryImage, open_gallery
from simviz_core.training import (
    TrainingSettings,
    choose_held_out,
    default_moments,
    split_gallery,
)


@pytest.fixture
def gallery(colour_gallery: Path) -> Gallery:
    return open_gallery(colour_gallery)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"network": "alexnet"}, "unknown network"),
        ({"pooling": "median"}, "unknown pooling"),
        ({"size": 100}, "size 100 cannot be used; it should be one of 224, 320, 448"),
        ({"loss": "contrastive"}, "one of triplet-batch-hard, triplet-batch-all, AngularLoss"),
        ({"miner": "BatchHardMiner"}, "chooses its triplets itself"),
        ({"loss": "NPairsLoss", "miner": "Foo"}, "unknown miner 'Foo'; choose one of AngularMiner"),
        ({"loss": "NPairsLoss", "miner_options": {"margin": 1}}, "options of a miner need a miner"),
        ({"network": "efficientnet_lite0+resnet50"}, "trained one by one"),
        ({"network": "python:torch:nn"}, "runs code when it is loaded"),
        ({"network": "timm/resnet18", "size": 9}, "sides are 32 to 2048"),
        ({"embedding_size": 0}, "embedding of 0 components"),
        ({"iterations": 0}, "0 iterations"),
        ({"margin": 0.0}, "margin 0.0 cannot be used; it should be between 0 and 2"),
        ({"margin": float("nan")}, "margin nan"),
        ({"classes": 1}, "1 classes in a batch"),
        ({"images": 1}, "1 images of a class"),
        ({"learning_rate": -1.0}, "learning rate -1.0"),
        ({"learning_rate": float("inf")}, "learning rate inf"),
        ({"seed": -1}, "seed -1"),
        ({"checkpoints": (0, 300)}, "checkpoint 300 cannot be used; .* from 0 to the 200"),
        ({"checkpoints": (-1,)}, "checkpoint -1"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        TrainingSettings(**changes)


def test_the_last_iteration_is_always_a_moment() -> None:
    assert TrainingSettings(iterations=9, checkpoints=(3, 0, 3)).moments == (0, 3, 9)


@pytest.mark.parametrize(
    ("iterations", "moments"),
    [(1, (0, 1)), (10, (0, 2, 5, 10)), (200, (0, 10, 40, 100, 200))],
)
def test_default_moments_are_denser_at_the_beginning(
    iterations: int, moments: tuple[int, ...]
) -> None:
    assert default_moments(iterations) == moments


def test_classes_are_held_out_by_number_pattern_or_file(gallery: Gallery, tmp_path: Path) -> None:
    drawn = [choose_held_out(gallery, "2", seed) for seed in range(6)]
    assert all(len(labels) == 2 for labels in drawn)
    assert len(set(drawn)) > 1
    assert choose_held_out(gallery, "2", 0) == drawn[0]
    assert choose_held_out(gallery, "[a-c]*", 0) == ("amber", "blue", "cyan")
    file = tmp_path / "labels.txt"
    file.write_text("fawn\n\n dun \n")
    assert choose_held_out(gallery, str(file), 0) == ("dun", "fawn")


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("0", "0 of 6 classes"),
        ("6", "6 of 6 classes"),
        ("hotel_*", r"'hotel_\*' is no number, no file and matches no class .*'amber', say"),
        ("", "matches no class"),
    ],
)
def test_a_choice_that_holds_nothing_out_is_refused(
    gallery: Gallery, choice: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason):
        choose_held_out(gallery, choice, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"amber\npink\n", "names 'pink', which is no class"),
        (b"\n", "names no class"),
        (b"\xff\xfe", "cannot be read as a list of labels"),
    ],
)
def test_a_list_of_labels_is_checked(
    gallery: Gallery, content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        choose_held_out(gallery, str(tmp_path / "labels.txt"), 0)


def test_a_gallery_without_classes_cannot_be_trained_on(gallery: Gallery, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    gallery.images[0].path.rename(flat / "a.png")
    for choice in ("1", "a*"):
        with pytest.raises(TrainingError, match="no image of the gallery has a class"):
            choose_held_out(open_gallery(flat), choice, 0)


def test_images_without_a_class_are_left_out(gallery: Gallery) -> None:
    without = GalleryImage("x.png", gallery.source / "x.png", None)
    mixed = Gallery(gallery.source, (without, *gallery.images))
    training, measured = split_gallery(mixed, TrainingSettings(classes=2, held_out=("blue",)))
    assert without not in training + measured


def test_held_out_classes_are_never_trained_on(gallery: Gallery) -> None:
    settings = TrainingSettings(classes=2, held_out=("blue", "dun"))
    training, measured = split_gallery(gallery, settings)
    assert {image.label for image in training} == {"amber", "cyan", "emerald", "fawn"}
    assert {image.label for image in measured} == {"blue", "dun"}
    assert len(training) + len(measured) == len(gallery.images)


def test_a_gallery_that_is_too_small_says_why(gallery: Gallery) -> None:
    with pytest.raises(TrainingError, match="takes 6 classes, but only 5 are left"):
        split_gallery(gallery, TrainingSettings(classes=6, held_out=("blue",)))
    with pytest.raises(TrainingError, match="no held-out class has two images"):
        split_gallery(gallery, TrainingSettings(classes=2))
    for number in (1, 2, 3):
        (gallery.source / "cyan" / f"{number}.png").unlink()
    smaller = open_gallery(gallery.source)
    with pytest.raises(TrainingError, match="'cyan' has a single image"):
        split_gallery(smaller, TrainingSettings(classes=2, held_out=("blue",)))
    with pytest.raises(TrainingError, match="no held-out class has two images"):
        split_gallery(smaller, TrainingSettings(classes=2, held_out=("cyan",)))
