"""The folders that the operator allows; nobody looks through the disk from a browser."""

import os
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.files import expanded, folders_in
from simviz_core.gallery import is_inside
from simviz_core.networks.sources.policy import SourcePolicy, set_source_policy
from simviz_ui.serving.uploads import lies_in_uploads

FOLDERS_VARIABLE = "SIMVIZ_GALLERIES"
"""Environment variable with the folders that may be opened, separated as in PATH."""
FOLDERS_SECRET = "galleries"
"""The same as a list in `.streamlit/secrets.toml`."""
HUB_VARIABLE = "SIMVIZ_HUB"
"""Environment variable with the hub's repositories that may be reached, parted by semicolons."""
MOST_OFFERED = 100
"""Of what is found in the allowed folders a choice lists so many; others can be typed in."""


def allowed_folders() -> list[Path]:
    """The folders that may be opened; by default the one the app was started in."""
    if named := folders_in(os.environ.get(FOLDERS_VARIABLE, "")):
        return named
    if st.secrets.load_if_toml_exists() and FOLDERS_SECRET in st.secrets:
        return [expanded(part) for part in st.secrets[FOLDERS_SECRET]]
    return [Path.cwd()]


def allowed_repositories() -> list[str]:
    """The repositories of the Hugging Face hub that networks may come from; none by default."""
    named = os.environ.get(HUB_VARIABLE, "")
    return [part.strip() for part in named.split(";") if part.strip()]


def restrict_sources() -> None:
    """Have networks by name reach no other folders and repositories than the operator allows."""
    set_source_policy(SourcePolicy(allowed_folders, allowed_repositories))


def allowed_path(name: str, error: type[SimVizError], besides: Sequence[Path] = ()) -> Path:
    """The path that somebody typed, or that a link names, if it may be opened here.

    Args:
        name: The path, absolute or from the folder that the app was started in.
        error: What to raise where it may not.
        besides: Folders that may be opened whatever the operator says.

    Returns:
        The path. Links on it lead nowhere outside the folders, and not into uploads, which may
        lie in them: those are had by their ids.

    Raises:
        SimVizError: It lies outside the folders, of the kind that was asked for.
    """
    allowed = allowed_folders()
    path = expanded(name)
    if not is_inside(path, [*allowed, *besides]) or lies_in_uploads(path):
        folders = ", ".join(str(folder) for folder in allowed)
        raise error(
            f"{name} is outside the folders that may be opened here: {folders}. Whoever runs "
            f"SimViz can allow more in {FOLDERS_VARIABLE}"
        )
    return path


def readable_path(path: Path) -> str:
    """A path from the folder that the app was started in, where it lies in it."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def say_not_listed(found: int, what: str) -> None:
    """Say that a choice lists only some of what there is; nothing where it lists all.

    Args:
        found: How many were found.
        what: In the plural.
    """
    if found > MOST_OFFERED:
        st.caption(
            f"{found:,} {what} were found, and the first {MOST_OFFERED} are listed. Type the path "
            "of another one; it has to lie inside the folders that may be opened."
        )
