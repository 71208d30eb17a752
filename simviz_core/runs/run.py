"""What a run is: the checkpoints of one training, and what is known about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from simviz_core.errors import RunError
from simviz_core.images import STRETCH, Fit
from simviz_core.networks import network_facts
from simviz_core.networks.settings import NetworkSettings
from simviz_core.networks.sizes import InputSize


@dataclass(frozen=True)
class RunCheckpoint:
    """The network at one moment of its training.

    Attributes:
        iteration: How many batches it had been trained on.
        path: Its weights, a file in the run's folder. None for the network's own pretrained
            weights, which are not copied into the run that starts from them.
        loss: The mean over the batches since the checkpoint before; None where it is not known.
        recall_at_1: On the classes that were held out, 0..1; None where it is not known.
        map_at_r: Likewise the mAP@R, 0..1.
    """

    iteration: int
    path: Path | None
    loss: float | None = None
    recall_at_1: float | None = None
    map_at_r: float | None = None


@dataclass(frozen=True)
class Run:
    """A training, from its folder.

    Attributes:
        root: The folder.
        network: The name of the architecture, as `load_network` takes it.
        pooling: The name of the pooling that it was trained with; `OWN_POOLING` for the network's
            own where that is not known by name.
        size: Of the images that it was trained on, in pixels.
        checkpoints: In the order of their iterations; empty while the first is still to come.
        dataset: The gallery's folder, as it was named when the training began.
        loss: The name of the loss.
        seed: Of everything random in the training.
        from_scratch: Whether it began with random weights; None where it is not known.
        held_out: The classes that training never saw.
        settings: Whatever else the training program noted: numbers and texts by name.
        passed_over: Files in a bare folder that look like checkpoints but tell no iteration.
        fit: How images become its input.
    """

    root: Path
    network: str
    pooling: str
    size: InputSize
    checkpoints: tuple[RunCheckpoint, ...]
    dataset: str | None = None
    loss: str | None = None
    seed: int | None = None
    from_scratch: bool | None = None
    held_out: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()
    fit: Fit = STRETCH

    def checkpoint(self, iteration: int) -> RunCheckpoint:
        """Look a checkpoint up by its iteration.

        Raises:
            RunError: The run has none there.
        """
        for checkpoint in self.checkpoints:
            if checkpoint.iteration == iteration:
                return checkpoint
        known = ", ".join(str(checkpoint.iteration) for checkpoint in self.checkpoints) or "none"
        raise RunError(f"{self.root} has no checkpoint {iteration}; it has {known}")

    def with_checkpoint(self, checkpoint: RunCheckpoint) -> "Run":
        """The run with a checkpoint more, or with another in the place of the same iteration."""
        others = [kept for kept in self.checkpoints if kept.iteration != checkpoint.iteration]
        return replace(self, checkpoints=in_order([*others, checkpoint], self.root))


def checkpoint_settings(run: Run, checkpoint: RunCheckpoint) -> NetworkSettings:
    """The network as it was at a checkpoint, as every page and command names and loads it."""
    path = str(checkpoint.path) if checkpoint.path else None
    preprocessing = None
    if run.fit != STRETCH:
        preprocessing = network_facts(run.network).preprocessing.fitted(run.fit)
    return NetworkSettings(run.network, run.pooling, run.size, path, preprocessing=preprocessing)


def with_pretrained(run: Run) -> tuple[RunCheckpoint, ...]:
    """A run's checkpoints, with the pretrained network that it started from before them.

    Returns:
        The run's own, where it has that one already, or began from scratch.
    """
    if run.from_scratch or (run.checkpoints and run.checkpoints[0].iteration == 0):
        return run.checkpoints
    return (RunCheckpoint(0, None), *run.checkpoints)


def in_order(checkpoints: Sequence[RunCheckpoint], root: Path) -> tuple[RunCheckpoint, ...]:
    """Sort checkpoints by iteration.

    Args:
        checkpoints: In any order.
        root: Their run's folder, for the message.

    Returns:
        All of them.

    Raises:
        RunError: Two are of one iteration.
    """
    ordered = sorted(checkpoints, key=lambda checkpoint: checkpoint.iteration)
    for first, second in pairwise(ordered):
        if first.iteration == second.iteration:
            names = [path.name if path else "no file" for path in (first.path, second.path)]
            raise RunError(
                f"{root} has two checkpoints of iteration {first.iteration} ({names[0]} and "
                f"{names[1]}); remove or rename one"
            )
    return tuple(ordered)
