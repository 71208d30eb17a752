"""What networks by name may reach: local folders, and repositories of the Hugging Face hub.

On the command line whoever types a name may reach whatever they like. A page's visitors may not:
the pages set a policy once, for the whole process, by `set_source_policy`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from simviz_core.errors import NetworkError


@dataclass(frozen=True)
class SourcePolicy:
    """What may be reached.

    Attributes:
        folders: The folders inside which local ones may lie; None for anywhere. A function, since
            an operator's settings may change.
        repositories: Names of the repositories of the hub; None for any.
    """

    folders: Callable[[], Sequence[Path]] | None = None
    repositories: Callable[[], Sequence[str]] | None = None


_process = [SourcePolicy()]
_here: ContextVar[SourcePolicy | None] = ContextVar("source policy", default=None)


def set_source_policy(policy: SourcePolicy) -> None:
    """Set what may be reached, for all threads of the process."""
    _process[0] = policy


@contextmanager
def under_source_policy(policy: SourcePolicy) -> Iterator[None]:
    """Set what may be reached, for this context alone."""
    token = _here.set(policy)
    try:
        yield
    finally:
        _here.reset(token)


def reached_folder(name: str) -> Path | None:
    """The local folder that a name stands for; None for a repository of the hub.

    Args:
        name: "facebook/dinov2-small", or a folder's path.

    Returns:
        An existing folder, or None.

    Raises:
        NetworkError: It may not be reached. The message is the same whether it exists or not.
    """
    policy = _here.get() or _process[0]
    try:
        path = Path(name).expanduser()
        is_folder = path.is_dir()
    except (RuntimeError, OSError, ValueError):  # "~nosuchuser", a name that is too long
        path, is_folder = Path(name), False
    is_path = is_folder or name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name
    if is_path and policy.folders is not None:
        allowed = [folder.expanduser().resolve() for folder in policy.folders()]
        if not any(path.resolve().is_relative_to(folder) for folder in allowed):
            raise NetworkError(_not_allowed(name))
    if not is_path and policy.repositories is not None and name not in policy.repositories():
        raise NetworkError(_not_allowed(name))
    if is_path and not is_folder:
        raise NetworkError(f"there is no folder {name[:200]}; choose one that holds a network")
    return path if is_path else None


def _not_allowed(name: str) -> str:
    return (
        f"{name[:200]} is neither inside the folders that may be opened here nor a repository of "
        "the hub that may be reached; whoever runs SimViz can allow it"
    )
