"""The cache folder, and writing files so that nobody who reads meanwhile sees half of one."""

import os
from pathlib import Path

from platformdirs import user_cache_path

CACHE_VARIABLE = "SIMVIZ_CACHE"
"""The environment variable that names the cache folder."""


def default_store_folder() -> Path:
    """The cache folder: what `SIMVIZ_CACHE` names, else the user's own."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else user_cache_path("simviz")


def expanded(name: str) -> Path:
    """The path, with `~` for a home folder where there is such a user."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def folders_in(text: str) -> list[Path]:
    """The folders that a variable names, separated as in PATH; blanks around them are no part."""
    return [expanded(part.strip()) for part in text.split(os.pathsep) if part.strip()]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    The content goes to a hidden file beside the target, which then takes its place in one step.
    Whoever opens the target sees the old file or the new one, also after a kill or a power cut.
    One process at a time may write a file.

    Args:
        path: The file; what is there already is replaced.
        content: All of it.

    Raises:
        OSError: The folder does not exist or cannot be written, or the disk is full.
    """
    half = path.with_name(f".{path.name}.part")
    try:
        with half.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
