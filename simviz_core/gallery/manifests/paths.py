"""The paths of a manifest: which file of this computer each of them names, if any."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]+://|data:[^,]*,|file:/")
DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
LONGEST = 4096
"""Bytes of a path, which is what systems take."""
SHOWN = 200
"""Letters of a path that are shown where it is left out."""
IS_ADDRESS = "an address; nothing is fetched, so download the file and name it as it lies here"
IS_WINDOWS = "a path of another computer, with a drive or a host; name it as it lies here"
HAS_ZERO = "its name holds a zero byte, as no file's does"
TOO_LONG = f"its name has more than {LONGEST:,} bytes, as no file's does"


class ManifestPaths:
    """Reads the paths of one manifest.

    Attributes:
        left_out: (path, reason) of those that name no file here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left_out: list[tuple[str, str]] = []
        self._root = os.path.abspath(folder)  # noqa: PTH100 (a link in it stays one)
        self._backslashes = 0

    def of(self, path: str) -> tuple[str, str] | None:
        """What a path names.

        Args:
            path: As the manifest has it.

        Returns:
            A key, the same however the path of a file is spelt, and the id of the image; None
            where it names no file of this computer, which is then left out.
        """
        if reason := self._why_not(path):
            self.left_out.append((path if len(path) <= SHOWN else f"{path[:SHOWN]}…", reason))
            return None
        if "\\" in path and not (self.folder / path).exists():
            path = path.replace("\\", "/")
            self._backslashes += 1
        name = PurePath(path).as_posix()
        if ".." in name:
            name = self._without_steps_up(name)
        return self._key(name), name

    def remarks(self) -> Iterator[str]:
        """What was taken for something else."""
        if self._backslashes:
            count = self._backslashes
            yield f"backslashes in {count:,} path{'s' if count > 1 else ''} were read as slashes"

    def _why_not(self, path: str) -> str | None:
        if len(path) > LONGEST // 4 and len(os.fsencode(path)) > LONGEST:
            return TOO_LONG
        if "\0" in path:
            return HAS_ZERO
        if ":" in path and ADDRESS.match(path):
            return IS_ADDRESS
        if path[:2] == "\\\\" or path[1:2] == ":":
            return IS_WINDOWS if DRIVE.match(path) and not (self.folder / path).exists() else None
        return None

    def _without_steps_up(self, name: str) -> str:
        """`a/../b.jpg` as `b.jpg`; but not where `a` is a link, and leads to another place."""
        short = os.path.normpath(name)
        full, other = self.folder / name, self.folder / short
        try:
            is_same = not full.exists() or full.resolve() == other.resolve()
        except (OSError, RuntimeError):
            is_same = True
        return PurePath(short).as_posix() if is_same else name

    def _key(self, name: str) -> str:
        if not name.startswith(("/", "..")):
            return name
        full = os.path.normpath(name if name.startswith("/") else f"{self._root}/{name}")
        return full.removeprefix(f"{self._root}/")
