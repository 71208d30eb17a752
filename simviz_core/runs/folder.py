"""Opening a folder as a run, with a `run.json` or with bare checkpoint files."""

import re
from collections.abc import Iterator
from pathlib import Path

from simviz_core.checkpoints import looks_like_checkpoint
from simviz_core.errors import RunError
from simviz_core.home import HOME
from simviz_core.networks import DEFAULT_SIZE, InputSize, default_pooling, network_facts
from simviz_core.networks.poolings import check_pooling
from simviz_core.runs.run import Run, RunCheckpoint, in_order
from simviz_core.runs.run_file import RUN_FILE, read_run

DEMO_RUNS = HOME / "demo" / "runs"
"""The trainings on the demo gallery that SimViz comes with."""
ITERATION_IN_NAME = (
    re.compile(r"(?:iterations?|iter|(?<![a-z])it|steps?)[-_= ]*(\d+)", re.IGNORECASE),
    re.compile(r"(?:epochs?|checkpoint|ckpt)[-_= ]*(\d+)", re.IGNORECASE),
    re.compile(r"(?<![a-z\d])(\d+)(?![a-z\d])", re.IGNORECASE),
)
"""Where file names keep the iteration, by preference; last, any number that stands alone, which
the 16 of "fp16" and the parts of a digest do not."""


def describes_itself(folder: Path | str) -> bool:
    """Whether a folder holds a `run.json`, so that nobody has to be asked for its network."""
    return (Path(folder) / RUN_FILE).is_file()


def looks_like_run(folder: Path) -> bool:
    """Whether a folder holds a `run.json` or a checkpoint, by names and first bytes."""
    return describes_itself(folder) or any(True for _ in _checkpoint_files(folder))


def run_state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether a run has changed on disk.

    Args:
        folder: The run's folder; need not exist.

    Returns:
        Name, size in bytes and time of change in nanoseconds of its `run.json`, or of its bare
        checkpoint files.
    """
    paths = [folder / RUN_FILE] if describes_itself(folder) else sorted(_checkpoint_files(folder))
    state = []
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue  # deleted a moment ago
        state.append((path.name, found.st_size, found.st_mtime_ns))
    return tuple(state)


def open_run(
    folder: Path | str,
    network: str | None = None,
    pooling: str | None = None,
    size: InputSize = DEFAULT_SIZE,
) -> Run:
    """Open a folder of checkpoints. The checkpoints themselves are not opened.

    Args:
        folder: With a `run.json`, or with bare checkpoint files.
        network: Of bare checkpoints; a `run.json` names its own, and the next two as well.
        pooling: Of bare checkpoints; None takes the network's own.
        size: Of the images of bare checkpoints, in pixels.

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
        return read_run(root)
    files = _bare_files(root)
    if network is None:
        raise RunError(
            f"{root} holds checkpoints but no {RUN_FILE}; say which network they belong to"
        )
    network_facts(network)
    rule = pooling or default_pooling(network)
    check_pooling(rule)
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
    return Run(root, network, rule, size, in_order(checkpoints, root), passed_over=passed_over)


def _bare_files(root: Path) -> list[Path]:
    """The checkpoint files that lie in a folder; hidden ones and links out are passed over."""
    try:
        found = sorted(_checkpoint_files(root))
    except OSError as error:
        raise RunError(f"{root} cannot be listed: {error.strerror or error}") from error
    if not found:
        raise RunError(
            f"{root} holds neither a {RUN_FILE} nor a checkpoint (a file of torch.save or "
            "safetensors, whatever its ending)"
        )
    return found


def _checkpoint_files(root: Path) -> Iterator[Path]:
    inside = root.resolve()
    for path in root.iterdir():
        if (
            not path.name.startswith(".")
            and path.is_file()
            and path.resolve().is_relative_to(inside)
            and looks_like_checkpoint(path)
        ):
            yield path


def _iteration(name: str) -> int | None:
    """The iteration that a file name tells: 300 for "step_300_fp16.pth", 60 for "m.pth.tar-60"."""
    for pattern in ITERATION_IN_NAME:
        if numbers := pattern.findall(name):
            return int(numbers[-1])
    return None
