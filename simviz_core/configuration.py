"""The environment variables that whoever runs SimViz can set, and what is wrong with them.

Each is read where it is needed; here they are looked at together, before a server begins.
docs/deployment.md explains them.
"""

import math
import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from simviz_core.errors import SettingsError, SimVizError
from simviz_core.files import folders_in
from simviz_core.networks import is_program_name
from simviz_core.networks.engines.choosing import ENGINES
from simviz_core.networks.sources.programs import programs_in
from simviz_core.retrieval.scanning.memory import MEMORY_VARIABLE, size_of_variable
from simviz_core.retrieval.storing.bucket import STORE_VARIABLE, bucket_at, shown_address

KEPT_VARIABLE = "SIMVIZ_KEPT"
"""The environment variable with the memory for what the sessions of a server share."""
LOG_VARIABLE = "SIMVIZ_LOG"
"""The environment variable that says from which level on the pages' log is written."""
LOG_LEVELS = "error", "warning", "info"


def positive_number(text: str) -> float | None:
    """The number above 0 that text stands for; None where it stands for none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def _wrong_number(text: str) -> str:
    return "" if positive_number(text) is not None else "is not a number above 0, such as 4"


def _wrong_size(name: str) -> Callable[[str], str]:
    def wrong(text: str) -> str:
        try:
            size_of_variable(name)
        except SettingsError:
            return "is no size such as 500MB or 2.5GB"
        return ""

    return wrong


def _wrong_engine(text: str) -> str:
    return "" if text in ENGINES else f"is none of {', '.join(ENGINES)}"


def _wrong_level(text: str) -> str:
    return "" if text.strip().lower() in LOG_LEVELS else f"is none of {', '.join(LOG_LEVELS)}"


def _wrong_folders(text: str) -> str:
    if gone := [folder for folder in folders_in(text) if not folder.is_dir()]:
        return f"names {gone[0]}, which is no folder here; mount it, or leave it out"
    return ""


def _wrong_cache(text: str) -> str:
    nearest = Path(text)
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    return "" if nearest.is_dir() else f"cannot be a folder: {nearest} is a file"


def _wrong_store(text: str) -> str:
    try:
        bucket_at(text).require()
    except SimVizError as error:
        return f"cannot be used: {error}"
    return ""


def _wrong_programs(text: str) -> str:
    if wrong := [name for name in programs_in(text) if not is_program_name(name)]:
        return f"names {wrong[0]}, which is neither file:PROGRAM nor python:MODULE:FUNCTION"
    return ""


def _wrong_repositories(text: str) -> str:
    named = [part.strip() for part in text.split(";") if part.strip()]
    if wrong := [part for part in named if part.count("/") > 1 or "://" in part]:
        return f"names {wrong[0]}, which is no repository such as facebook/dinov2-small"
    return ""


VARIABLES: dict[str, Callable[[str], str]] = {
    "SIMVIZ_GALLERIES": _wrong_folders,
    "SIMVIZ_LINKS": _wrong_folders,
    "SIMVIZ_CACHE": _wrong_cache,
    "SIMVIZ_STORE": _wrong_store,
    KEPT_VARIABLE: _wrong_size(KEPT_VARIABLE),
    MEMORY_VARIABLE: _wrong_size(MEMORY_VARIABLE),
    "SIMVIZ_ENGINE": _wrong_engine,
    LOG_VARIABLE: _wrong_level,
    "SIMVIZ_NETWORKS": _wrong_programs,
    "SIMVIZ_HUB": _wrong_repositories,
    "SIMVIZ_UPLOADS_GB": _wrong_number,
    "SIMVIZ_UPLOADS_HOURS": _wrong_number,
    "SIMVIZ_UPLOADS_SESSION_GB": _wrong_number,
    "SIMVIZ_UPLOADS_SESSION_COUNT": _wrong_number,
}
"""Each with what says, of a value, what is wrong with it; "" where nothing is."""


def wrong_settings() -> list[str]:
    """What is wrong with the variables that are set, a sentence each.

    Returns:
        What was found and what was expected; nothing where all can be used. A name that is almost
        one of them is taken for a slip.
    """
    wrong = []
    for name, value in sorted(os.environ.items()):
        if name in VARIABLES and value.strip() and (said := VARIABLES[name](value)):
            shown = shown_address(value) if name == STORE_VARIABLE else repr(value)
            wrong.append(f"{name}={shown} {said}")
        elif name not in VARIABLES and (meant := _almost(name)):
            wrong.append(f"{name} is no setting of SimViz; {meant} is")
    return wrong


def _almost(name: str) -> str:
    """The variable that a name is a slip of; "" for none."""
    meant = get_close_matches(name, VARIABLES, 1, 0.8) if name.startswith("SIMVIZ_") else []
    return meant[0] if meant else ""
