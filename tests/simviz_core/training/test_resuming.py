from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from simviz_core.errors import RunError, TrainingError
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.runs import RUN_FILE, RunCheckpoint, open_run
from simviz_core.training import (
    STATE_FILE,
    TrainingSettings,
    loop,
    train,
)
from simviz_core.training.trainer import Trainer


class StoppedError(Exception):
    """Stands for a kill."""


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.iterdir())}


def stop_at_checkpoint(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunCheckpoint], None]:
    """Between writing checkpoint 4 and keeping the state: the last state is that of 2."""

    def stop(checkpoint: RunCheckpoint) -> None:
        if checkpoint.iteration == 4:
            raise StoppedError

    return stop


def stop_between_checkpoints(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunCheckpoint], None]:
    """After iteration 3, whose state was kept."""
    step = Trainer.step

    def stop(trainer: Trainer, pixels: Tensor, labels: Tensor) -> float:
        if trainer.iteration == 3:
            raise StoppedError
        return step(trainer, pixels, labels)

    monkeypatch.setattr(Trainer, "step", stop)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SAVES", 0.0)
    return lambda checkpoint: None


def stop_at_the_very_end(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunCheckpoint], None]:
    """After everything was written, before the state was removed."""
    save = Trainer.save

    def stop(trainer: Trainer, path: Path, images: str) -> None:
        save(trainer, path, images)
        if trainer.iteration == 6:
            raise StoppedError

    monkeypatch.setattr(Trainer, "save", stop)
    return lambda checkpoint: None


@pytest.mark.parametrize("from_scratch", [False, True])
@pytest.mark.parametrize(
    "stop_somewhere", [stop_at_checkpoint, stop_between_checkpoints, stop_at_the_very_end]
)
def test_a_resumed_training_ends_where_an_uninterrupted_one_does(
    gallery: Gallery,
    settings: TrainingSettings,
    tmp_path: Path,
    kept: list[dict[str, Tensor]],
    stop_somewhere: Callable[[pytest.MonkeyPatch], Callable[[RunCheckpoint], None]],
    from_scratch: bool,
) -> None:
    settings = replace(settings, from_scratch=from_scratch)
    train(gallery, tmp_path / "whole", settings)
    whole = kept[-1]
    with pytest.MonkeyPatch.context() as monkeypatch:
        stop = stop_somewhere(monkeypatch)
        with pytest.raises(StoppedError):
            train(gallery, tmp_path / "stopped", settings, on_checkpoint=stop)
    assert (tmp_path / "stopped" / STATE_FILE).exists()
    run = train(gallery, tmp_path / "stopped", settings, resume=True)
    assert_equal(kept[-1], whole)
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    assert run == open_run(tmp_path / "stopped")


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "ProxyAnchorLoss", "embedding_size": 8},
        {"loss": "DynamicSoftMarginLoss"},
        {
            "loss": "MarginLoss",
            "miner": "DistanceWeightedMiner",
            "loss_options": {"learn_beta": True},
        },
    ],
)
def test_what_a_loss_has_learnt_is_resumed(
    gallery: Gallery,
    settings: TrainingSettings,
    tmp_path: Path,
    kept: list[dict[str, Tensor]],
    changes: dict[str, Any],
) -> None:
    asked = replace(settings, **changes)
    train(gallery, tmp_path / "whole", asked)
    whole = kept[-1]
    with pytest.MonkeyPatch.context() as monkeypatch:
        stop = stop_between_checkpoints(monkeypatch)
        with pytest.raises(StoppedError):
            train(gallery, tmp_path / "stopped", asked, on_checkpoint=stop)
    train(gallery, tmp_path / "stopped", asked, resume=True)
    assert_equal(kept[-1], whole)
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")


def test_resuming_begins_what_had_not_begun_and_leaves_what_is_finished(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    root.mkdir()
    (root / f".{RUN_FILE}.part").write_text("{")
    run = train(gallery, root, settings, resume=True)
    before = files(root)
    assert train(gallery, root, settings, resume=True) == run
    with pytest.raises(TrainingError, match="finished run with other settings"):
        train(gallery, root, replace(settings, margin=0.3), resume=True)
    assert files(root) == before


def test_a_folder_in_use_is_left_alone(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    train(gallery, root, replace(settings, iterations=2, checkpoints=()))
    before = files(root)
    with pytest.raises(TrainingError, match="holds a run already; go on with --resume"):
        train(gallery, root, settings)
    with pytest.raises(TrainingError, match=rf"no {STATE_FILE}, so the training cannot go on"):
        train(gallery, root, settings, resume=True)
    assert files(root) == before
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(TrainingError, match="holds other files"):
            train(gallery, other, settings, resume=resume)
        with pytest.raises(TrainingError, match="is a file; name a folder"):
            train(gallery, other / "thesis.tex", settings, resume=resume)


@pytest.fixture
def stopped(gallery: Gallery, settings: TrainingSettings, tmp_path: Path) -> Path:
    """A run that was stopped at its second checkpoint."""

    def stop(checkpoint: RunCheckpoint) -> None:
        if checkpoint.iteration == 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(gallery, tmp_path / "run", settings, on_checkpoint=stop)
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"learning_rate": 0.02}, r"began with learning_rate 0\.01, not 0\.02; resume it with"),
        ({"seed": 1}, "began with seed 0, not 1"),
        ({"iterations": 8}, "began with iterations 6, not 8"),
        ({"held_out": ("blue",)}, r"began with held_out \('blue', 'dun'\), not \('blue',\)"),
    ],
)
def test_other_settings_cannot_resume(
    stopped: Path,
    gallery: Gallery,
    settings: TrainingSettings,
    changes: dict[str, Any],
    reason: str,
) -> None:
    with pytest.raises(TrainingError, match=reason):
        train(gallery, stopped, replace(settings, **changes), resume=True)


def test_other_images_cannot_resume(
    stopped: Path, gallery: Gallery, settings: TrainingSettings
) -> None:
    gallery.images[0].path.unlink()
    with pytest.raises(TrainingError, match="images of the gallery have changed"):
        train(open_gallery(gallery.source), stopped, settings, resume=True)


@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_a_damaged_state_is_named(
    stopped: Path, gallery: Gallery, settings: TrainingSettings, content: bytes | None
) -> None:
    state = stopped / STATE_FILE
    state.write_bytes(state.read_bytes()[:2000] if content is None else content)
    with pytest.raises(TrainingError, match=rf"{STATE_FILE} is damaged"):
        train(gallery, stopped, settings, resume=True)


def test_a_damaged_run_cannot_resume(
    stopped: Path, gallery: Gallery, settings: TrainingSettings
) -> None:
    (stopped / RUN_FILE).write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        train(gallery, stopped, settings, resume=True)
