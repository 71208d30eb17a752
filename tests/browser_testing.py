"""What the tests of pages in a browser do alike."""

from collections.abc import Callable

PATIENCE = 120_000
"""How long to wait for anything before a test fails, in milliseconds."""


def until_taken(act: Callable[[], None], then: Callable[[float], None]) -> None:
    """Do something by the mouse, and again where what is drawn on a canvas has not taken it.

    It takes nothing while it is drawn anew. A second time must mean the same as the first.

    Args:
        act: Does it.
        then: Expects what follows, within so many milliseconds.
    """
    for patience in (10_000, 10_000, PATIENCE):
        act()
        try:
            return then(patience)
        except AssertionError:
            if patience == PATIENCE:
                raise
