"""Which checkpoints of the runs are shown."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from simviz_core.runs import Run, RunCheckpoint, with_pretrained
from simviz_ui.display.messages import as_markdown
from simviz_ui.navigation import came_with_link, choose_instead, hold, say_instead, wanted

MOST_COLUMNS = 8
"""Checkpoints side by side; of more, as many are shown, evenly spread."""


def checkpoint_choice(runs: Sequence[Run], row: DeltaGenerator) -> list[tuple[Run, RunCheckpoint]]:
    """Show a slider for each run with several checkpoints, and return what is chosen.

    Args:
        runs: One or two, each with at least one checkpoint.
        row: Where the sliders are shown.

    Returns:
        The checkpoints with their runs, run by run, in the order of their iterations.
    """
    chosen: list[tuple[Run, RunCheckpoint]] = []
    with row:
        for number, run in enumerate(runs, start=1):
            chosen += [(run, checkpoint) for checkpoint in _of_run(run, number, len(runs))]
        lacking = [run for run in runs if len(with_pretrained(run)) > len(run.checkpoints)]
        if lacking and st.toggle(
            "Before training",
            **hold("pretrained"),
            help="Begin with the pretrained network that the run started from.",
        ):
            for run in lacking:
                first = next(n for n, (owner, _) in enumerate(chosen) if owner is run)
                chosen.insert(first, (run, with_pretrained(run)[0]))
    return chosen


def _of_run(run: Run, number: int, count: int) -> list[RunCheckpoint]:
    iterations = [checkpoint.iteration for checkpoint in run.checkpoints]
    if len(iterations) == 1:
        return list(run.checkpoints)
    key = f"iterations{number}"
    keep_range(key, iterations)
    first, last = st.select_slider(
        "Iterations" if count == 1 else f"Iterations of {as_markdown(run.root.resolve().name)}",
        iterations,
        value=(iterations[0], iterations[-1]),
        **hold(key, (iterations[0], iterations[-1])),
        width=220,
        help="Which checkpoints are shown.",
    )
    within = [item for item in run.checkpoints if first <= item.iteration <= last]
    if len(within) > MOST_COLUMNS:
        st.caption(f"{MOST_COLUMNS} of {len(within)} are shown; narrow the range to see others.")
        within = [
            within[n] for n in np.linspace(0, len(within) - 1, MOST_COLUMNS).round().astype(int)
        ]
    return within


def keep_range(key: str, iterations: list[int]) -> None:
    """Take a range that the run does not have for the whole run, which also follows its growth.

    A range that is not chosen reaches to the last checkpoint, whichever that is.
    """
    asked = wanted(key)
    if asked and (asked[0] not in iterations or asked[1] not in iterations):
        if came_with_link(key):
            whole = f"{iterations[0]} to {iterations[-1]}"
            message = (
                f"The run has no iterations {asked[0]} to {asked[1]}; it is shown from {whole}."
            )
            say_instead(key, message, None)
        choose_instead(key, None)
