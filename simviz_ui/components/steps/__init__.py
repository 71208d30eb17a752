"""Steps from one thing to the next, by two buttons or the keys N and P, none of them lost.

Streamlit joins what a browser asks while a page is still being made, and a button that was clicked
five times meanwhile counts once. Here the browser counts, and says how far it has come in all.
"""

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from simviz_ui.components.assets import asset

_steps = st.components.v2.component("simviz_steps", js=asset("typing.js") + asset("steps/steps.js"))


def steps_counted(name: str) -> object:
    """What the browser has counted, as it says it with the latest message; None for nothing."""
    return getattr(st.session_state.get(f"steps_of_{name}"), "counted", None)


def count_steps(
    name: str,
    buttons: tuple[str, str],
    on_count: Callable[[int, int], None],
    with_keys: bool,
) -> None:
    """Count the clicks on two buttons of the page, which keep working where no script runs.

    Args:
        name: What is stepped through; the same wherever that is the same.
        buttons: The keys of the buttons that go back and on.
        on_count: Called with how many times they were clicked in this session, and the sum of the
            steps: clicks that go on minus those that go back.
        with_keys: Whether the keys N and P do the same.
    """
    context = get_script_run_ctx()
    key = f"steps_of_{name}"

    def take() -> None:
        counted = steps_counted(name)
        if isinstance(counted, list):
            on_count(int(counted[0]), int(counted[1]))

    data = {
        "name": name,
        "session": context.session_id if context else "",
        "previous": buttons[0],
        "next": buttons[1],
        "with_keys": with_keys,
    }
    with st.container(key=f"steps_beside_{name}", width="content"):
        _steps(data=data, key=key, on_counted_change=take, width="content", height=0)
