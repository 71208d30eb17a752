"""A whole training: from a gallery to a run with its checkpoints."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from simviz_core.checkpoints import save_weights
from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.errors import TrainingError
from simviz_core.gallery import FIRST, Gallery, GalleryImage
from simviz_core.networks import OWN_POOLING, network_facts
from simviz_core.runs import (
    Run,
    RunCheckpoint,
    checkpoint_settings,
    describes_itself,
    open_run,
    write_run,
)
from simviz_core.training.batches import AugmentedImages, batches, workers_beside
from simviz_core.training.measure import held_out_quality
from simviz_core.training.settings import TRIPLET_LOSSES, TrainingSettings, split_gallery
from simviz_core.training.trainer import Trainer

STATE_FILE = "training.state"
"""What a stopped training goes on from; gone once it is finished."""
SECONDS_BETWEEN_SAVES = 60.0


def train(
    gallery: Gallery,
    folder: Path,
    settings: TrainingSettings,
    resume: bool = False,
    on_checkpoint: Callable[[RunCheckpoint], None] = lambda checkpoint: None,
) -> Run:
    """Train a network on a gallery, keeping its weights on the way.

    On a CPU the same settings, images, versions and number of threads give the same weights, bit
    for bit, whether or not the training was stopped and resumed in between.

    Args:
        gallery: One folder per class. Classes in `settings.held_out` are measured, not trained on.
        folder: Becomes the run; made if need be.
        settings: What to train and how.
        resume: Go on with a training that was stopped, or begin if it had not begun. Without it
            the folder must be new or empty.
        on_checkpoint: Is told of each checkpoint when it has been written and measured.

    Returns:
        The finished run.

    Raises:
        TrainingError: The gallery is too small for the batches; the folder is in use; a training
            cannot be resumed; an image cannot be read; or the loss is no number any more.
        NetworkError: The pretrained weights cannot be downloaded.
        OSError: The folder cannot be written.
    """
    training, measured = split_gallery(gallery, settings)
    new_run = _new_run(gallery, folder, settings)
    run = _begun_run(folder, resume) or new_run
    is_resumable = (folder / STATE_FILE).is_file()
    if not is_resumable and run.checkpoints and run.checkpoints[-1].iteration > 0:
        return _finished(run, new_run, settings.iterations)
    folder.mkdir(parents=True, exist_ok=True)
    gpus = range(torch.cuda.device_count())
    with torch.random.fork_rng(gpus), _deterministic_on_cpu():
        trainer = Trainer(settings, len({image.label for image in training}))
        run = replace(run, pooling=trainer.network.pooling)
        recorder = _Recorder(trainer, run, measured, _fingerprint(gallery), on_checkpoint)
        if is_resumable:
            trainer.restore(folder / STATE_FILE, recorder.images)
        else:
            write_run(run)
            recorder.record_if_due()
        _train(trainer, recorder, training)
    (folder / STATE_FILE).unlink(missing_ok=True)
    return recorder.run


class _Recorder:
    """Keeps a training's checkpoints, its `run.json` and the state that it can go on from."""

    def __init__(
        self,
        trainer: Trainer,
        run: Run,
        measured: Sequence[GalleryImage],
        images: str,
        on_checkpoint: Callable[[RunCheckpoint], None],
    ) -> None:
        self.trainer = trainer
        self.run = run
        self.measured = measured
        self.images = images
        self.on_checkpoint = on_checkpoint
        self.saved_at = time.monotonic()

    def record_if_due(self) -> None:
        """Write what this iteration calls for: a checkpoint, the state, or nothing."""
        is_moment = self.trainer.iteration in self.trainer.settings.moments
        if is_moment:
            checkpoint = self._checkpoint()
            self.run = self.run.with_checkpoint(checkpoint)
            write_run(self.run)
            self.on_checkpoint(checkpoint)
        if is_moment or time.monotonic() - self.saved_at > SECONDS_BETWEEN_SAVES:
            self.trainer.save(self.run.root / STATE_FILE, self.images)
            self.saved_at = time.monotonic()

    def _checkpoint(self) -> RunCheckpoint:
        """Write the weights, and measure them as whoever opens the run will find them."""
        iteration = self.trainer.iteration
        path = None
        settings = self.trainer.settings
        if iteration > 0 or settings.from_scratch or settings.embedding_size is not None:
            path = self.run.root / f"checkpoint_{iteration:06d}.safetensors"
            save_weights(self.trainer.network.weights(), path, self.run.pooling)
        checkpoint = RunCheckpoint(iteration, path)
        network = load_for_settings(checkpoint_settings(self.run, checkpoint))
        network.trunk.to(self.trainer.device)
        quality = held_out_quality(network, self.measured)
        loss = self.trainer.take_mean_loss()
        return RunCheckpoint(iteration, path, loss, quality.recall_at[1], quality.map_at_r)


def _train(trainer: Trainer, recorder: _Recorder, images: Sequence[GalleryImage]) -> None:
    settings = trainer.settings
    dataset = AugmentedImages(images, settings, network_facts(settings.network).preprocessing)
    # Progress is for whoever watches a terminal; a log has the lines of the checkpoints.
    with tqdm(
        total=settings.iterations, initial=trainer.iteration, unit="batch", disable=None
    ) as progress:
        workers = workers_beside(trainer.device)
        for pixels, labels in batches(dataset, trainer.iteration, trainer.device, workers):
            progress.set_postfix(loss=f"{trainer.step(pixels, labels):.4f}")
            progress.update()
            recorder.record_if_due()


def _begun_run(folder: Path, resume: bool) -> Run | None:
    """The run that a folder holds already, or None if the folder is new or empty."""
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder} is a file; name a folder for the run")
    # Hidden files may be left over from a kill in the middle of writing.
    if not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir()):
        return None
    if not describes_itself(folder):
        raise TrainingError(f"{folder} holds other files; train in a new or empty folder")
    if not resume:
        raise TrainingError(
            f"{folder} holds a run already; go on with --resume, or train in another folder"
        )
    return open_run(folder)


def _new_run(gallery: Gallery, folder: Path, settings: TrainingSettings) -> Run:
    return Run(
        root=folder,
        network=settings.network,
        pooling=settings.pooling,
        size=settings.size,
        checkpoints=(),
        dataset=gallery.source.as_posix(),
        loss=settings.loss,
        seed=settings.seed,
        from_scratch=settings.from_scratch,
        held_out=settings.held_out,
        settings={
            "iterations": settings.iterations,
            **_loss_settings(settings),
            "classes": settings.classes,
            "images": settings.images,
            "learning_rate": settings.learning_rate,
            **({"embedding_size": size} if (size := settings.embedding_size) else {}),
            **({} if gallery.level == FIRST else {"class_level": gallery.level}),
        },
    )


def _loss_settings(settings: TrainingSettings) -> dict[str, Any]:
    """What a run says of its loss, beside the name."""
    if settings.loss in TRIPLET_LOSSES:
        return {"margin": settings.margin}
    return {
        "loss_options": dict(settings.loss_options),
        "miner": settings.miner,
        "miner_options": dict(settings.miner_options),
        "loss_learning_rate": settings.loss_learning_rate,
    }


def _finished(run: Run, asked: Run, iterations: int) -> Run:
    """The run again, if it is the one that was asked for and nothing is left to train."""
    if run.checkpoints[-1].iteration < iterations:
        raise TrainingError(
            f"{run.root} has no {STATE_FILE}, so the training cannot go on; train in another folder"
        )
    pooling = OWN_POOLING if asked.pooling == OWN_POOLING else run.pooling
    if replace(run, checkpoints=(), dataset=asked.dataset, pooling=pooling) != asked:
        raise TrainingError(
            f"{run.root} holds a finished run with other settings; train in another folder"
        )
    return run


def _fingerprint(gallery: Gallery) -> str:
    names = "\n".join(image.id for image in gallery.images)
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()


@contextmanager
def _deterministic_on_cpu() -> Iterator[None]:
    """Choose operations that always give the same bits, where there is no GPU."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or not torch.cuda.is_available())
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
