"""The files below a gallery's folder: which are listed, and why others are not.

Links are followed where they lead into the gallery's own folder or into one that the operator
allowed, each folder once: a data set that is put together from links is whole, a circle of links
ends, and nothing outside is shown.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simviz_core.files import folders_in
from simviz_core.images import has_image_ending, has_other_ending, is_image_file

LINKS_VARIABLE = "SIMVIZ_LINKS"
"""Environment variable with the folders that links in galleries may lead into, as in PATH."""
LEADS_OUT = (
    "a link that leads out of the gallery; whoever runs SimViz can allow the folder that it leads "
    f"into in {LINKS_VARIABLE}"
)
NOT_THERE = "a link to nothing"
CIRCLE = "a link that leads back to itself"
LISTED = "a link to a folder that is listed already"
NO_TEXT = "its name is no text in UTF-8; rename it"
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def link_folders() -> tuple[Path, ...]:
    """The folders that links in galleries may lead into, beside the gallery itself."""
    return tuple(folders_in(os.environ.get(LINKS_VARIABLE, "")))


@dataclass
class Listing:
    """What lies below a folder.

    Attributes:
        images: Files that are images by their ending, or where that says nothing by how they
            begin, as paths below it with forward slashes.
        passed_over: Files that are none.
        left_out: (name, reason) of what could hold images and is not listed.
    """

    images: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def list_folder(root: Path, links: Sequence[Path] | None = None) -> Listing:
    """List a folder and all folders in it; hidden files and folders are passed over.

    Args:
        root: The folder.
        links: Folders that links may lead into beside it; None takes what the operator allowed.

    Returns:
        What is there.
    """
    return _Walk(root, link_folders() if links is None else links).listing()


class _Walk:
    """One walk through a folder and what links in it lead to."""

    def __init__(self, root: Path, links: Sequence[Path]) -> None:
        self.root = root
        self.inside = [folder.resolve() for folder in (root, *links)]
        self.seen: set[tuple[int, int]] = set()
        self.links: deque[Path] = deque()
        self.found = Listing()

    def listing(self) -> Listing:
        self._walk(self.root)
        while self.links:
            link = self.links.popleft()
            if reason := self._why_not_into(link):
                self._leave_out(link, reason)
            else:
                self._walk(link)
        return self.found

    def _walk(self, top: Path) -> None:
        for folder, folders, files in os.walk(top, onerror=self._say_unreadable):
            if not self._is_new(folder):
                self._leave_out(Path(folder), "a folder that is listed already")
                folders.clear()
                continue
            inner = sorted(name for name in folders if not name.startswith("."))
            linked = [name for name in inner if Path(folder, name).is_symlink()]
            self.links.extend(Path(folder, name) for name in linked)
            folders[:] = [name for name in inner if name not in set(linked)]
            for name in files:
                if not name.startswith("."):
                    self._take(Path(folder, name))

    def _is_new(self, folder: str) -> bool:
        try:
            state = Path(folder).stat()
        except OSError:
            return True
        place = state.st_dev, state.st_ino
        is_new = place not in self.seen
        self.seen.add(place)
        return is_new

    def _why_not_into(self, link: Path) -> str | None:
        """Why a link to a folder is not followed; None where it is."""
        target, reason = self._target(link)
        if target is None:
            return reason
        state = target.stat()
        return LISTED if (state.st_dev, state.st_ino) in self.seen else None

    def _target(self, link: Path) -> tuple[Path | None, str]:
        """What a link leads to; None, with the reason, where it is not followed."""
        try:
            target = link.resolve(strict=True)
        except FileNotFoundError:
            return None, NOT_THERE
        except (OSError, RuntimeError):
            return None, CIRCLE
        if not any(target.is_relative_to(folder) for folder in self.inside):
            return None, LEADS_OUT
        return target, ""

    def _take(self, path: Path) -> None:
        name = path.relative_to(self.root).as_posix()
        # What has no ending may be a picture, which a link that leads out does not tell.
        may_be_one = has_image_ending(path.name) or not path.suffix
        reason = None if has_other_ending(path.name) else self._why_not(path)
        if reason and may_be_one:
            self._leave_out(path, reason)
        elif reason or not is_image_file(path):
            self.found.passed_over.append(printable(name))
        elif name != printable(name):
            self._leave_out(path, NO_TEXT)
        else:
            self.found.images.append(name)

    def _why_not(self, path: Path) -> str | None:
        """Why a file is not taken; None where it is a plain file, or a link to one."""
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                target, reason = self._target(path)
                if target is None:
                    return reason
                mode = target.stat().st_mode
        except OSError as error:
            return error.strerror or str(error)
        if stat.S_ISREG(mode):
            return None
        return next((f"no plain file: {kind}" for is_kind, kind in _KINDS if is_kind(mode)), None)

    def _say_unreadable(self, error: OSError) -> None:
        self._leave_out(Path(error.filename), f"it cannot be read: {error.strerror}")

    def _leave_out(self, path: Path, reason: str) -> None:
        name = path.relative_to(self.root).as_posix()
        self.found.left_out.append((printable(name), reason))


def printable(name: str) -> str:
    r"""A file's name, with the bytes that are no UTF-8 written as `\xdf`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def left_out_lines(left_out: Sequence[tuple[str, str]]) -> Iterator[str]:
    """What is left out, a line each."""
    return (f"{name}: {reason}" for name, reason in left_out)
