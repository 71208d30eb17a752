"""Runs: folders with the checkpoints of one training.

A run that SimViz trained describes itself in `run.json`. A folder of bare checkpoint files is a
run as well, once somebody says which network and pooling they belong to. Neither is trusted:
names that lead out of the folder are refused, and weights are read by `simviz_core.checkpoints`.
"""

from simviz_core.runs.folder import (
    DEMO_RUNS,
    describes_itself,
    looks_like_run,
    open_run,
    run_state,
)
from simviz_core.runs.run import Run, RunCheckpoint, checkpoint_settings, with_pretrained
from simviz_core.runs.run_file import RUN_FILE, RUN_VERSION, run_as_json, write_run

__all__ = [
    "DEMO_RUNS",
    "RUN_FILE",
    "RUN_VERSION",
    "Run",
    "RunCheckpoint",
    "checkpoint_settings",
    "describes_itself",
    "looks_like_run",
    "open_run",
    "run_as_json",
    "run_state",
    "with_pretrained",
    "write_run",
]
