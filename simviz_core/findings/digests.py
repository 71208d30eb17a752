"""Whether the files that a finding rests on are still the same."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from simviz_core.findings.finding import KeptFile

FileState = Literal["same", "changed", "gone", "unknown"]
"""What became of a file: "unknown" where it was not read when the finding was kept, or was an
upload."""


def kept_files(paths: Iterable[str]) -> tuple[KeptFile, ...]:
    """Files as a finding keeps them, each once, in their order."""
    return tuple(KeptFile(path, sha256_of(path)) for path in dict.fromkeys(paths))


def sha256_of(path: str) -> str | None:
    """The SHA-256 of a file's bytes, in hexadecimal; None where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):  # a name that no file can have is a ValueError
        return None


def state_of(file: KeptFile) -> FileState:
    """What became of a file since the finding was kept."""
    if file.is_upload or file.sha256 is None:
        return "unknown"
    now = sha256_of(file.path)
    if now is None:
        return "gone"
    return "same" if now == file.sha256 else "changed"
