"""Runs on the pages: which are offered, how one is chosen and opened, and watching them grow."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from simviz_core.errors import RunError, SimVizError
from simviz_core.networks import DEFAULT_NETWORK, DEFAULT_SIZE, InputSize
from simviz_core.networks.weights import listed
from simviz_core.runs import DEMO_RUNS, Run, describes_itself, looks_like_run, open_run, run_state
from simviz_ui.choices.allowed import (
    MOST_OFFERED,
    allowed_folders,
    allowed_path,
    readable_path,
    say_not_listed,
)
from simviz_ui.choices.network import network_box, pooling_choice, size_choice
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import fragment, hold, wanted

MOST_NAMED = 20
"""Files without an iteration that are named."""
WATCHED = "watched_runs"
"""In the session: the folders of the chosen runs, and what they held when they were opened."""
SECONDS_BETWEEN_LOOKS = 8.0
"""How often the folders of the runs are looked at for new checkpoints."""


def run_choice(row: DeltaGenerator) -> list[Run] | None:
    """Show the choice of one run, or of two, and open them.

    Args:
        row: Where the choice is shown.

    Returns:
        One or two runs; None where there is none to show, after the page has said what to do.
    """
    st.session_state.pop(WATCHED, None)
    found = offered_runs()
    offered = found[:MOST_OFFERED]
    with row:
        first = _run_box("Run", "run", offered, offered[0] if offered else None)
        second = _run_box("Compare with", "run2", offered, None)
    say_not_listed(len(found), "runs")
    if first is None:
        _say_how_to_begin()
        return None
    names = [first] if second in (None, first) else [first, second]
    try:
        folders = [allowed_path(name, RunError, [DEMO_RUNS]) for name in names]
    except RunError as error:
        show_error(error)
        return None
    st.session_state[WATCHED] = folders, [_state(folder) for folder in folders]
    asked: tuple[str, str | None, InputSize] = (DEFAULT_NETWORK, None, DEFAULT_SIZE)
    if any(folder.is_dir() and not describes_itself(folder) for folder in folders):
        with row:
            asked = _settings_of_bare_files()
    return _opened(folders, *asked)


def _opened(
    folders: Sequence[Path], network: str, pooling: str | None, size: InputSize
) -> list[Run] | None:
    runs = []
    for folder in folders:
        try:
            run = open_run(folder, network, pooling, size)
            if not run.checkpoints:
                raise RunError(
                    f"{folder} has no checkpoint yet; the first one appears here by itself"
                )
        except SimVizError as error:
            show_error(error)
            continue
        if run.passed_over:
            names = listed(run.passed_over, MOST_NAMED)
            st.caption(f"Left out, since their names tell no iteration: {as_markdown(names)}")
        runs.append(run)
    return runs or None


def _run_box(title: str, key: str, offered: list[str], default: str | None) -> str | None:
    asked = wanted(key)
    options = [*offered, asked] if asked and asked not in offered else offered
    return st.selectbox(
        title,
        options,
        index=0 if default else None,
        **hold(key, default),
        accept_new_options=True,
        width=260,
        placeholder="Type a folder" if key == "run" else "No other run",
        help="A folder that `python -m simviz_core train` wrote, or one with checkpoint files "
        "(.safetensors, or state_dicts in .pth or .pt) whose names tell the iteration. Type a path "
        "to open one that is not listed.",
    )


def _settings_of_bare_files() -> tuple[str, str | None, InputSize]:
    """Ask what bare checkpoint files do not tell."""
    with st.popover("Network", icon=":material/neurology:"):
        st.caption("The checkpoints have no `run.json` that says which network they belong to.")
        network = network_box("run_network")
        pooling = pooling_choice(network, "run_pooling")
        return network, pooling, size_choice(network, "run_size")


def offered_runs() -> list[str]:
    """The runs that can be chosen: of the demo, and in the allowed folders."""
    return _offered(tuple(allowed_folders()))


@st.cache_data(ttl=10, show_spinner=False)
def _offered(allowed: Sequence[Path]) -> list[str]:
    """Runs of the demo, and those in the allowed folders, right inside them or in their `runs`."""
    found: dict[str, None] = {}
    for parent in (DEMO_RUNS, *allowed, *(folder / "runs" for folder in allowed)):
        try:
            inside = sorted(parent.iterdir()) if parent.is_dir() else []
        except OSError:
            continue
        for folder in inside:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            if _looks_like_run(folder):
                found[readable_path(folder)] = None
    return list(found)


def _looks_like_run(folder: Path) -> bool:
    try:
        return looks_like_run(folder)
    except OSError:
        return False


def _say_how_to_begin() -> None:
    st.info("There is no run yet. Train a network, and its checkpoints appear here as they come:")
    st.code("python -m simviz_core train demo/rooms/images --run runs/mine", "bash")
    st.caption("Or type the folder of checkpoints of your own into **Run**.")


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    try:
        return run_state(folder)
    except OSError:
        return ()


@fragment(SECONDS_BETWEEN_LOOKS)
def watch_runs() -> None:
    """Run the page again once a run has changed on disk; the last thing on the page.

    The last, so that no timer runs while the page is still being made: one that fires just when
    the page asks to be run again makes Streamlit forget that.
    """
    folders, states = st.session_state.get(WATCHED, ([], []))
    if [_state(folder) for folder in folders] != states:
        st.rerun()
