"""`run.json`: how a run is written down, and how one from a stranger is read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simviz_core.errors import RunError, SettingsError
from simviz_core.files import write_atomically
from simviz_core.images import FITS, STRETCH, Fit
from simviz_core.networks import NETWORKS, SIZES, InputSize, network_facts
from simviz_core.networks.poolings import check_pooling
from simviz_core.networks.sizes import checked_size, input_size
from simviz_core.runs.run import Run, RunCheckpoint, in_order

RUN_FILE = "run.json"
RUN_VERSION = 1
MAX_RUN_FILE_BYTES = 10_000_000
LARGEST_NUMBER = 1e30


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
        **({} if run.fit == STRETCH else {"fit": run.fit}),
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
                "map_at_r": checkpoint.map_at_r,
            }
            for checkpoint in run.checkpoints
        ],
    }


def read_run(root: Path) -> Run:
    """Read the `run.json` of a folder. The checkpoints that it names are not opened.

    Args:
        root: The run's folder.

    Returns:
        The run.

    Raises:
        RunError: The file is missing, damaged, foreign or of another version, names files outside
            the folder, or gives two checkpoints one iteration.
    """
    values, where = _read_json(root / RUN_FILE), str(root / RUN_FILE)
    listed = _typed(values, "checkpoints", list, where)
    checkpoints = [
        _parse_checkpoint(entry, root, f"{where}, checkpoint {place}")
        for place, entry in enumerate(listed, 1)
    ]
    run = Run(
        root=root,
        network=_typed(values, "network", str, where),
        pooling=_typed(values, "pooling", str, where),
        size=_size(values, where),
        checkpoints=in_order(checkpoints, root),
        dataset=_optional(values, "dataset", str, where),
        loss=_optional(values, "loss", str, where),
        seed=_optional(values, "seed", int, where),
        from_scratch=_optional(values, "from_scratch", bool, where),
        held_out=tuple(map(str, _optional(values, "held_out", list, where) or ())),
        settings=_optional(values, "settings", dict, where) or {},
        fit=_fit(values, where),
    )
    _check(run, where)
    return run


def _fit(values: Mapping[str, Any], where: str) -> Fit:
    fit = _optional(values, "fit", str, where) or STRETCH
    if fit not in FITS:
        raise RunError(f"{where}: 'fit' is {fit!r:.60}, which is none of {', '.join(FITS)}")
    return fit


def _check(run: Run, where: str) -> None:
    try:
        network_facts(run.network)
        check_pooling(run.pooling)
        checked_size(run.size)
    except SettingsError as error:
        raise RunError(f"{where}: {error}") from error
    if run.from_scratch and any(checkpoint.path is None for checkpoint in run.checkpoints):
        raise RunError(f"{where}: a checkpoint has no file, but the run began from scratch")
    if run.network in NETWORKS and run.size not in SIZES:
        raise RunError(f"{where}: the size {run.size} is none of {', '.join(map(str, SIZES))}")


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


def _parse_checkpoint(entry: object, root: Path, where: str) -> RunCheckpoint:
    if not isinstance(entry, dict):
        raise RunError(f"{where} is not a dictionary")
    iteration = _typed(entry, "iteration", int, where)
    if iteration < 0:
        raise RunError(f"{where}: the iteration {iteration} is negative")
    file = _optional(entry, "file", str, where)
    if file is None and iteration > 0:
        raise RunError(
            f"{where}: iteration {iteration} has no file; only iteration 0 may have none"
        )
    return RunCheckpoint(
        iteration,
        None if file is None else _inside(file, root, where),
        _number(entry, "loss", where),
        _number(entry, "recall_at_1", where),
        _number(entry, "map_at_r", where),
    )


def _size(values: Mapping[str, Any], where: str) -> InputSize:
    """The side of a square, or width and height."""
    sides = values.get("size")
    if not isinstance(sides, list) or len(sides) != 2:
        return _typed(values, "size", int, where)
    width, height = [_typed({"size": side}, "size", int, where) for side in sides]
    return input_size(height, width)


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
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Whole numbers have no bounds in JSON, and infinity and NaN are numbers to Python's reader.
    if not is_number or not -LARGEST_NUMBER < value < LARGEST_NUMBER:
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
