"""The two buttons that step to the previous and the next one of something."""

from collections.abc import Callable
from functools import partial
from typing import Any

from simviz_ui.components.steps import count_steps
from simviz_ui.display.icons import icon_button
from simviz_ui.navigation import step, step_on


def step_buttons(
    field: str,
    what: str,
    take: Callable[[Any, int], Any],
    disabled: bool,
    with_keys: bool,
    name: str | None = None,
) -> None:
    """Show them; N and P do the same where they may.

    Args:
        field: Of the view, that they change.
        what: What is stepped through, in the singular.
        take: Makes the field's new value of the old one, as it was chosen last, and the number of
            steps, which are negative back.
        disabled: Whether there is nothing to step to.
        with_keys: Whether the keys N and P step, too; of one pair of buttons on a page.
        name: Begins the keys of the buttons; the field's by default.
    """
    name = name or field
    keys = f"{name}_previous", f"{name}_next"
    for key, steps, icon, title, letter in (
        (keys[0], -1, "chevron_left", "Previous", "P"),
        (keys[1], +1, "chevron_right", "Next", "N"),
    ):
        icon_button(
            f"{title} {what}",
            f":material/{icon}:",
            key,
            step,
            args=(field, take, steps),
            disabled=disabled,
            shortcut=letter if with_keys else None,
        )
    count_steps(name, keys, partial(_count, name, field, take), with_keys)


def _count(
    name: str, field: str, take: Callable[[Any, int], Any], touches: int, total: int
) -> None:
    step_on(name, touches, total, field, take)
