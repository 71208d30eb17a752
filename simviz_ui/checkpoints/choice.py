"""Which checkpoints of the runs are shown."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from simviz_core.runs import Run, RunCheckpoint, with_pretrained

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
        for place, run in enumerate(runs, start=1):
            chosen += [(run, checkpoint) for checkpoint in _of_run(run, place, len(runs))]
        lacking = [run for run in runs if len(with_pretrained(run)) > len(run.checkpoints)]
        if lacking and st.toggle(
            "Before training",
            key="pretrained",
            bind="query-params",
            value=True,
            help="Begin with the pretrained network that the run started from.",
        ):
            for run in lacking:
                place = next(n for n, (owner, _) in enumerate(chosen) if owner is run)
                chosen.insert(place, (run, with_pretrained(run)[0]))
    return chosen


def _of_run(run: Run, place: int, count: int) -> list[RunCheckpoint]:
    iterations = [checkpoint.iteration for checkpoint in run.checkpoints]
    if len(iterations) == 1:
        return list(run.checkpoints)
    key = f"iterations{place}"
    _follow_growth(key, run, iterations)
    first, last = st.select_slider(
        "Iterations" if count == 1 else f"Iterations of {run.root.resolve().name}",
        iterations,
        value=(iterations[0], iterations[-1]),
        key=key,
        bind="query-params",
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


def _follow_growth(key: str, run: Run, iterations: list[int]) -> None:
    """Let a range that reached to the last checkpoint reach to the new last one."""
    known = st.session_state.get(f"{key}_known")
    held = st.session_state.get(key)
    if held and known and known != (run.root, iterations):
        root, before = known
        first, last = held
        is_other = root != run.root or first not in iterations or last not in iterations
        st.session_state[key] = (
            iterations[0] if is_other else first,
            iterations[-1] if is_other or last == before[-1] else last,
        )
    st.session_state[f"{key}_known"] = (run.root, iterations)
