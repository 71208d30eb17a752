"""Runs: folders with the checkpoints of one training, and what is known about it.

A run that SimViz trained describes itself in `run.json`. A folder of bare checkpoint files is a
run as well, once somebody says which network and pooling they belong to. Neither is trusted:
names that lead out of the folder are refused, and weights are read by `simviz_core.checkpoints`.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from simviz_core.checkpoints import CHECKPOINT_SUFFIXES, WeightsMatch, load_checkpoint
from simviz_core.errors import RunError, SettingsError
from simviz_core.files import write_atomically
from simviz_core.networks import (
    DEFAULT_SIZE,
    SimilarityNetwork,
    load_network,
    pooling_by_name,
)
from simviz_core.networks.catalogue import network_entry

RUN_FILE = "run.json"
RUN_VERSION = 1
MAX_RUN_FILE_BYTES = 10_000_000
ITERATION_IN_NAME = (
    re.compile(r"(?:iterations?|iter|it|steps?)[-_= ]*(\d+)", re.IGNORECASE),
    re.compile(r"(?:epochs?|checkpoint|ckpt|model)[-_= ]*(\d+)", re.IGNORECASE),
    re.compile(r"(?<![a-z\d])(\d+)(?!.*(?<![a-z\d])\d)", re.IGNORECASE),
)
"""Where file names keep the iteration, by preference; last, the last number that stands alone."""


@dataclass(frozen=True)
class RunCheckpoint:
    """The network at one moment of its training.

    Attributes:
        iteration: How many batches it had been trained on.
        path: Its weights, a file in the run's folder. None for the network's own pretrained
            weights, which are not copied into the run that starts from them.
        loss: The mean over the batches since the checkpoint before; None where it is not known.
        recall_at_1: On the classes that were held out, 0..1; None where it is not known.
    """

    iteration: int
    path: Path | None
    loss: float | None = None
    recall_at_1: float | None = None


@dataclass(frozen=True)
class Run:
    """A training, from its folder.

    Attributes:
        root: The folder.
        network: The name of the architecture, one of `NETWORKS`.
        pooling: The pooling that it was trained with, one of `POOLINGS`.
        size: Of the images that it was trained on, in pixels.
        checkpoints: In the order of their iterations; empty while the first is still to come.
        dataset: The gallery's folder, as it was named when the training began.
        loss: The name of the loss.
        seed: Of everything random in the training.
        from_scratch: Whether it began with random weights; None where it is not known.
        held_out: The classes that training never saw.
        settings: Whatever else the training program noted: numbers and texts by name.
        passed_over: Files in a bare folder that look like checkpoints but tell no iteration.
    """

    root: Path
    network: str
    pooling: str
    size: int
    checkpoints: tuple[RunCheckpoint, ...]
    dataset: str | None = None
    loss: str | None = None
    seed: int | None = None
    from_scratch: bool | None = None
    held_out: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()

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
        ordered = sorted([*others, checkpoint], key=lambda kept: kept.iteration)
        return replace(self, checkpoints=tuple(ordered))


def describes_itself(folder: Path | str) -> bool:
    """Whether a folder holds a `run.json`, so that nobody has to be asked for its network."""
    return (Path(folder) / RUN_FILE).is_file()


def open_run(
    folder: Path | str,
    network: str | None = None,
    pooling: str | None = None,
    size: int = DEFAULT_SIZE,
) -> Run:
    """Open a folder of checkpoints. The checkpoints themselves are not opened.

    Args:
        folder: With a `run.json`, or with bare checkpoint files.
        network: Of bare checkpoints; a `run.json` names its own, and the next two as well.
        pooling: Of bare checkpoints; None takes the network's own.
        size: Of bare checkpoints, in pixels.

    Returns:
        The run.

    Raises:
        RunError: The folder does not exist or holds no checkpoints; its `run.json` is damaged,
            foreign or names files outside; two checkpoints claim one iteration; or bare
            checkpoints come without a network.
        SettingsError: The network or pooling passed in is unknown.
    """
    root = Path(folder)
    if not root.is_dir():
        raise RunError(f"the run folder {root} does not exist")
    if describes_itself(root):
        return _parse_run(_read_json(root / RUN_FILE), root)
    files = _bare_files(root)
    if network is None:
        raise RunError(
            f"{root} holds checkpoints but no {RUN_FILE}; say which network they belong to"
        )
    rule = pooling_by_name(pooling or network_entry(network).pooling)
    numbered = [(_iteration(path.name), path) for path in files]
    checkpoints = [
        RunCheckpoint(iteration, path) for iteration, path in numbered if iteration is not None
    ]
    if not checkpoints:
        raise RunError(
            f"no file name in {root} tells an iteration ({files[0].name}, say); rename them like "
            "checkpoint_100.pth"
        )
    passed_over = tuple(path.name for iteration, path in numbered if iteration is None)
    return Run(root, network, rule.name, size, _ordered(checkpoints, root), passed_over=passed_over)


def write_run(run: Run) -> None:
    """Write a run's `run.json`, whole or not at all, so that a watcher never reads half of it.

    Raises:
        OSError: The folder does not exist or cannot be written.
        ValueError: A number is not finite, or a checkpoint lies outside the folder.
    """
    text = json.dumps(run_as_json(run), indent=1, allow_nan=False)
    write_atomically(run.root / RUN_FILE, (text + "\n").encode())


def run_as_json(run: Run) -> dict[str, Any]:
    """A run as `run.json` holds it.

    Returns:
        Texts, numbers, lists and dictionaries; file names relative to the run's folder.

    Raises:
        ValueError: A checkpoint lies outside the folder.
    """
    return {
        "version": RUN_VERSION,
        "network": run.network,
        "pooling": run.pooling,
        "size": run.size,
        "dataset": run.dataset,
        "loss": run.loss,
        "seed": run.seed,
        "from_scratch": run.from_scratch,
        "held_out": list(run.held_out),
        "settings": dict(run.settings),
        "checkpoints": [
            {
                "iteration": checkpoint.iteration,
                "file": checkpoint.path and checkpoint.path.relative_to(run.root).as_posix(),
                "loss": checkpoint.loss,
                "recall_at_1": checkpoint.recall_at_1,
            }
            for checkpoint in run.checkpoints
        ],
    }


def load_run_network(
    run: Run, checkpoint: RunCheckpoint
) -> tuple[SimilarityNetwork, WeightsMatch | None]:
    """Load the network as it was at a checkpoint.

    Returns:
        The network, ready for inference, and how the file's weights fitted; None where the
        checkpoint is the network's own pretrained weights.

    Raises:
        CheckpointError: The file cannot be read, or does not fit the architecture.
        NetworkError: The pretrained weights cannot be downloaded.
        SettingsError: The run's size is not on offer.
    """
    if checkpoint.path is None:
        return load_network(run.network, run.pooling, run.size), None
    return load_checkpoint(checkpoint.path, run.network, run.pooling, run.size)


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_RUN_FILE_BYTES:
            raise RunError(f"{path} is larger than {MAX_RUN_FILE_BYTES / 1e6:.0f} MB; it is no run")
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}; restore it, or delete it") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    if not isinstance(values, dict) or "checkpoints" not in values:
        raise RunError(f'{path} does not describe a run: it has no "checkpoints"')
    if values.get("version") != RUN_VERSION:
        raise RunError(
            f"{path} has version {values.get('version')!r}; this SimViz reads version {RUN_VERSION}"
        )
    return values


def _parse_run(values: Mapping[str, Any], root: Path) -> Run:
    where = str(root / RUN_FILE)
    listed = _typed(values, "checkpoints", list, where)
    checkpoints = [
        _parse_checkpoint(entry, root, f"{where}, checkpoint {place}")
        for place, entry in enumerate(listed, 1)
    ]
    run = Run(
        root=root,
        network=_typed(values, "network", str, where),
        pooling=_typed(values, "pooling", str, where),
        size=_typed(values, "size", int, where),
        checkpoints=_ordered(checkpoints, root),
        dataset=_optional(values, "dataset", str, where),
        loss=_optional(values, "loss", str, where),
        seed=_optional(values, "seed", int, where),
        from_scratch=_optional(values, "from_scratch", bool, where),
        held_out=tuple(map(str, _optional(values, "held_out", list, where) or ())),
        settings=_optional(values, "settings", dict, where) or {},
    )
    try:
        network_entry(run.network)
        pooling_by_name(run.pooling)
    except SettingsError as error:
        raise RunError(f"{where}: {error}") from error
    return run


def _parse_checkpoint(entry: object, root: Path, where: str) -> RunCheckpoint:
    if not isinstance(entry, dict):
        raise RunError(f"{where} is not a dictionary")
    iteration = _typed(entry, "iteration", int, where)
    if iteration < 0:
        raise RunError(f"{where}: the iteration {iteration} is negative")
    file = _optional(entry, "file", str, where)
    return RunCheckpoint(
        iteration,
        None if file is None else _inside(file, root, where),
        _number(entry, "loss", where),
        _number(entry, "recall_at_1", where),
    )


def _typed(values: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    value = values.get(name)
    # JSON's true and false are numbers to Python.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RunError(f"{where}: {name!r} should be a {kind.__name__}, not {value!r:.60}")
    return value


def _optional(values: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    return None if values.get(name) is None else _typed(values, name, kind, where)


def _number(values: Mapping[str, Any], name: str, where: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RunError(f"{where}: {name!r} should be a number, not {value!r:.60}")
    return float(value)


def _inside(file: str, root: Path, where: str) -> Path:
    """The path of a file that a run names, if it lies in the run's folder."""
    try:
        is_inside = (root / file).resolve().is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError) as error:
        raise RunError(f"{where}: {file!r:.60} is no file name ({error})") from error
    if not is_inside or Path(file).is_absolute():
        raise RunError(
            f"{where}: {file!r:.200} leads out of the folder; checkpoints lie in their run's folder"
        )
    return root / file


def _bare_files(root: Path) -> list[Path]:
    """The checkpoint files that lie in a folder; hidden ones and links out are passed over."""
    inside = root.resolve()
    try:
        files = sorted(root.iterdir())
    except OSError as error:
        raise RunError(f"{root} cannot be listed: {error.strerror or error}") from error
    found = [
        path
        for path in files
        if path.suffix.lower() in CHECKPOINT_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
        and path.resolve().is_relative_to(inside)
    ]
    if not found:
        raise RunError(
            f"{root} holds neither a {RUN_FILE} nor a checkpoint "
            f"({', '.join(sorted(CHECKPOINT_SUFFIXES))})"
        )
    return found


def _iteration(name: str) -> int | None:
    """The iteration that a file name tells: 300 for "step_300_fp16.pth"."""
    stem = name.rpartition(".")[0]
    for pattern in ITERATION_IN_NAME:
        if numbers := pattern.findall(stem):
            return int(numbers[-1][:18])
    return None


def _ordered(checkpoints: list[RunCheckpoint], root: Path) -> tuple[RunCheckpoint, ...]:
    """The checkpoints by iteration; two of one iteration are an error."""
    ordered = sorted(checkpoints, key=lambda checkpoint: checkpoint.iteration)
    for first, second in pairwise(ordered):
        if first.iteration == second.iteration:
            names = [path.name if path else "no file" for path in (first.path, second.path)]
            raise RunError(
                f"{root} has two checkpoints of iteration {first.iteration} ({names[0]} and "
                f"{names[1]}); remove or rename one"
            )
    return tuple(ordered)
