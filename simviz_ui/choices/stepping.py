"""The two buttons that step to the previous and the next one of something."""

from collections.abc import Callable

import streamlit as st

from simviz_ui.components.steps import count_steps


def step_buttons(
    name: str, what: str, take_steps: Callable[[int], None], disabled: bool, with_keys: bool
) -> None:
    """Show them; N and P do the same where they may.

    Args:
        name: Begins the keys of the buttons.
        what: What is stepped through, in the singular.
        take_steps: Called with how many steps to go on, or back where that is negative; it asks
            `chosen_last` where it is.
        disabled: Whether there is nothing to step to.
        with_keys: Whether the keys N and P step, too; of one pair of buttons on a page.
    """
    keys = f"{name}_previous", f"{name}_next"
    for key, step, icon, title, letter in (
        (keys[0], -1, "chevron_left", "Previous", "P"),
        (keys[1], +1, "chevron_right", "Next", "N"),
    ):
        st.button(
            "",
            icon=f":material/{icon}:",
            help=f"{title} {what}",
            key=key,
            on_click=take_steps,
            args=(step,),
            disabled=disabled,
            shortcut=letter if with_keys else None,
        )
    count_steps(name, keys, take_steps, with_keys)
