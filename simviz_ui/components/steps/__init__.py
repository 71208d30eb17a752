"""Steps from one thing to the next, by two buttons or the keys N and P, none of them lost.

Streamlit joins what a browser asks while a page is still being made, and a button that was clicked
five times meanwhile counts once. Here the browser counts, and says how far it has come in all.
"""

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from simviz_ui.components.assets import asset

_steps = st.components.v2.component("simviz_steps", js=asset("steps/steps.js"))


def count_steps(
    name: str,
    buttons: tuple[str, str],
    take_steps: Callable[[int], None],
    with_keys: bool,
) -> None:
    """Count the clicks on two buttons of the page, which keep working where no script runs.

    Args:
        name: What is stepped through; the same wherever that is the same.
        buttons: The keys of the buttons that go back and on.
        take_steps: Called with how many steps to go on, or back where that is negative.
        with_keys: Whether the keys N and P do the same.
    """
    context = get_script_run_ctx()
    key = f"steps_of_{name}"

    def take() -> None:
        total = getattr(st.session_state[key], "total", None) or 0
        taken: dict[str, int] = st.session_state.setdefault("steps_taken", {})
        step, taken[name] = total - taken.get(name, 0), total
        if step:
            take_steps(step)

    data = {
        "name": name,
        "session": context.session_id if context else "",
        "previous": buttons[0],
        "next": buttons[1],
        "with_keys": with_keys,
    }
    with st.container(key=f"steps_beside_{name}"):
        _steps(data=data, key=key, on_total_change=take, height=0)
