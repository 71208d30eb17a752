"""The style sheets and scripts of SimViz's own widgets."""

from pathlib import Path

FOLDER = Path(__file__).parent


def asset(name: str) -> str:
    """The text of a style sheet or script."""
    return (FOLDER / name).read_text("utf-8")
