import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from simviz_core.checkpoints import backbone_weights
from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.errors import TrainingError
from simviz_core.gallery import Gallery
from simviz_core.images import load_image
from simviz_core.networks import build_network
from simviz_core.runs import RUN_FILE, RunCheckpoint, checkpoint_settings, open_run
from simviz_core.training import (
    BATCH_ALL,
    BATCH_HARD,
    STATE_FILE,
    TrainingSettings,
    split_gallery,
    train,
)
from simviz_core.training.losses import MinedLoss, triplet_loss
from simviz_core.training.measure import held_out_quality
from simviz_core.training.trainer import Trainer, learning_rate_decay


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.iterdir())}


def test_a_training_becomes_a_run(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    told: list[RunCheckpoint] = []
    run = train(gallery, tmp_path / "runs" / "first", settings, on_checkpoint=told.append)
    assert run == open_run(tmp_path / "runs" / "first")
    assert tuple(told) == run.checkpoints
    assert [checkpoint.iteration for checkpoint in run.checkpoints] == [0, 2, 4, 6]
    assert [checkpoint.path and checkpoint.path.name for checkpoint in run.checkpoints] == [
        None,
        *(f"checkpoint_00000{iteration}.safetensors" for iteration in (2, 4, 6)),
    ]
    assert (run.network, run.pooling, run.size, run.seed) == ("tiny", "average", 224, 0)
    assert (run.held_out, run.from_scratch) == (("blue", "dun"), False)
    assert run.settings["learning_rate"] == 0.01
    assert run.checkpoints[0].loss is None
    assert all(checkpoint.loss is not None for checkpoint in run.checkpoints[1:])
    assert not (run.root / STATE_FILE).exists()


def test_scores_are_those_of_the_weights_as_written(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    run = train(gallery, tmp_path / "run", settings)
    _, measured = split_gallery(gallery, settings)
    for checkpoint in run.checkpoints:
        network = load_for_settings(checkpoint_settings(run, checkpoint))
        quality = held_out_quality(network, measured)
        assert checkpoint.recall_at_1 == quality.recall_at[1]
        assert checkpoint.map_at_r == quality.map_at_r


@pytest.mark.parametrize(
    ("loss", "pooling", "from_scratch"),
    [
        (BATCH_HARD, "average", False),
        (BATCH_HARD, "max", False),
        (BATCH_HARD, "gem", True),
        (BATCH_ALL, "average", False),
        (BATCH_ALL, "max", True),
    ],
)
def test_the_loss_goes_down(
    gallery: Gallery,
    settings: TrainingSettings,
    tmp_path: Path,
    loss: str,
    pooling: str,
    from_scratch: bool,
) -> None:
    """Of all the training images, since the loss of batch all leaves out what has become easy."""
    longer = replace(settings, loss=loss, pooling=pooling, from_scratch=from_scratch, iterations=24)
    run = train(gallery, tmp_path / "run", longer)
    images, _ = split_gallery(gallery, longer)
    labels = torch.tensor([sorted(gallery.by_label).index(image.label) for image in images])
    losses = []
    for checkpoint in (run.checkpoints[0], run.checkpoints[-1]):
        network = load_for_settings(checkpoint_settings(run, checkpoint))
        pixels = network.pixels([load_image(image.path).pixels for image in images])
        embeddings = network.unit_embeddings(pixels)
        losses.append(triplet_loss(BATCH_HARD, longer.margin)(embeddings, labels).item())
    assert losses[1] < 0.8 * losses[0]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    gallery: Gallery,
    settings: TrainingSettings,
    tmp_path: Path,
    kept: list[dict[str, Tensor]],
) -> None:
    torch.manual_seed(1)
    train(gallery, tmp_path / "a", settings)
    torch.manual_seed(2)
    train(gallery, tmp_path / "b", settings)
    assert len(kept) == 6
    for first, second in zip(kept[:3], kept[3:], strict=True):
        assert_equal(first, second)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    train(gallery, tmp_path / "c", replace(settings, seed=1))
    assert not torch.equal(kept[0]["0.weight"], kept[6]["0.weight"])


def test_a_watcher_sees_a_whole_run_at_any_time(
    gallery: Gallery,
    settings: TrainingSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    step = Trainer.step

    def watch_and_step(trainer: Trainer, pixels: Tensor, labels: Tensor) -> float:
        run = open_run(tmp_path / "run")
        seen.append([checkpoint.iteration for checkpoint in run.checkpoints])
        for checkpoint in run.checkpoints:
            load_for_settings(checkpoint_settings(run, checkpoint))
        return step(trainer, pixels, labels)

    monkeypatch.setattr(Trainer, "step", watch_and_step)
    train(gallery, tmp_path / "run", replace(settings, checkpoints=(2, 4)))
    assert seen == [[], [], [2], [2], [2, 4], [2, 4]]


def test_frozen_statistics_are_kept_and_learnt_ones_are_learnt(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    pretrained = backbone_weights(build_network(settings.network))
    train(gallery, tmp_path / "tuned", settings)
    tuned = load_file(tmp_path / "tuned" / "checkpoint_000006.safetensors")
    assert torch.equal(tuned["1.running_var"], pretrained["1.running_var"].half())
    assert not torch.equal(tuned["1.weight"], pretrained["1.weight"].half())
    train(gallery, tmp_path / "scratch", replace(settings, from_scratch=True))
    scratch = load_file(tmp_path / "scratch" / "checkpoint_000006.safetensors")
    assert not torch.equal(scratch["1.running_var"], torch.ones(8).half())


def test_from_scratch_the_first_checkpoint_is_a_file(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    run = train(gallery, tmp_path / "run", replace(settings, from_scratch=True, iterations=4))
    assert run.checkpoints[0].path == tmp_path / "run" / "checkpoint_000000.safetensors"
    assert all(checkpoint.path and checkpoint.path.is_file() for checkpoint in run.checkpoints)
    assert json.loads((run.root / RUN_FILE).read_text())["from_scratch"] is True


def test_a_loss_that_is_no_number_stops_the_training(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        MinedLoss, "forward", lambda loss, embeddings, labels: embeddings.sum() * float("nan")
    )
    with pytest.raises(
        TrainingError, match="loss is nan at iteration 0; use a lower learning rate"
    ):
        train(gallery, tmp_path / "run", settings)


def test_half_precision_ends_at_the_feature_map(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU does, on a CPU."""
    trainer = Trainer(settings, 4)
    trainer.is_mixed, trainer.half = True, torch.bfloat16
    embedded: list[Tensor] = []
    plain_loss = trainer.loss.forward

    def loss(embeddings: Tensor, labels: Tensor) -> Tensor:
        embedded.append(embeddings)
        return plain_loss(embeddings, labels)

    monkeypatch.setattr(trainer.loss, "forward", loss)
    labels = torch.tensor([0, 0, 1, 1])
    assert trainer.step(torch.randn(4, 3, 224, 224), labels) > 0
    assert embedded[0].dtype == torch.float32
    assert all(tensor.dtype == torch.float32 for tensor in trainer.network.weights().values())


def test_the_learning_rate_is_constant_and_then_falls() -> None:
    rates = [learning_rate_decay(iteration / 100) for iteration in range(101)]
    assert rates[:61] == [1.0] * 61
    assert all(later < earlier for earlier, later in pairwise(rates[60:]))
    assert rates[100] == pytest.approx(0.01)


def test_the_callers_state_is_left_alone(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    torch.manual_seed(7)
    expected = torch.get_rng_state()
    train(gallery, tmp_path / "run", settings)
    assert torch.equal(torch.get_rng_state(), expected)
    assert not torch.are_deterministic_algorithms_enabled()
