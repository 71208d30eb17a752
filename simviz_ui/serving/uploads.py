"""Files that users uploaded: on disk while the server lives, within limits on size and age.

An upload is had by its id and in no other way. The id holds digits of the digest of its content,
so that a link finds it again, and nobody finds another's upload by trying.
"""

import hashlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from weakref import finalize

from filelock import FileLock, Timeout

from simviz_core.configuration import positive_number
from simviz_core.errors import SimVizError

DIGITS = 16
"""Digits of the content's digest in an id: enough that nobody finds another's upload by trying."""
IS_UPLOAD = re.compile(rf".* \(upload [0-9a-f]{{{DIGITS}}}\)|uploaded: .*", re.DOTALL)
"""What the id of an upload looks like; the id is what the pages and the link show. Links of earlier
versions call it otherwise; what they name is gone."""
GIGABYTES_VARIABLE = "SIMVIZ_UPLOADS_GB"
"""Environment variable with the disk that all uploads together may take."""
HOURS_VARIABLE = "SIMVIZ_UPLOADS_HOURS"
"""Environment variable with how long an upload is held that nobody uses."""
GIGABYTES = 8.0
"""Four of the largest galleries or checkpoints; temporary folders are often small."""
HOURS = 72.0
"""A link that is sent on a Friday works on Monday."""
REMEMBERED = 1000
"""Uploads that were let go of, of which it is known why."""
_PREFIX = ".simviz-uploads-"
"""Of the server's folder. Hidden, so that no allowed folder lists it or counts it in."""


@dataclass(frozen=True)
class Upload:
    """An upload that is held.

    Attributes:
        kind: What it is: a photo, a gallery, a checkpoint.
        id: Under which it can be had again.
        folder: Its own; whatever else belongs to it goes there, too.
        path: The file or the folder of files.
        left_out: (name, reason) of what was left out of it.
        names_read_as: The encoding that the names of its files were read in; None where they state
            theirs.
    """

    kind: str
    id: str
    folder: Path
    path: Path
    left_out: tuple[tuple[str, str], ...] = ()
    names_read_as: str | None = None

    @property
    def title(self) -> str:
        """What its files were called where they came from."""
        return self.id.rpartition(" (upload ")[0]


@dataclass(frozen=True)
class Filled:
    """What a new upload's folder has been filled with; the attributes are those of `Upload`."""

    path: Path
    left_out: tuple[tuple[str, str], ...] = ()
    names_read_as: str | None = None


@dataclass(frozen=True)
class UploadLimits:
    """How much is held.

    Attributes:
        size: Of all uploads together, in bytes on disk, with all that belongs to them.
        age: Since an upload was last used, in seconds.
    """

    size: float = GIGABYTES * 1e9
    age: float = HOURS * 3600


_Key = tuple[str, str]
"""The kind and the id of an upload."""


@dataclass
class _Held:
    upload: Upload
    used_at: float
    users: set[tuple[str, str]] = field(default_factory=set)


class UploadStore:
    """The uploads of all sessions of one server, which may be used from several threads."""

    def __init__(
        self,
        limits: UploadLimits | None = None,
        parent: Path | None = None,
        before_removal: Callable[[Path], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty store, and remove what servers that were killed have left.

        Args:
            limits: How much is held.
            parent: Where its folder goes; None for the system's temporary folder.
            before_removal: Called with the folder of an upload before that is removed.
            clock: The time in seconds.
        """
        self.limits = limits or UploadLimits()
        self._before_removal = before_removal
        self._clock = clock
        self._held: OrderedDict[_Key, _Held] = OrderedDict()
        self._gone: OrderedDict[_Key, str] = OrderedDict()
        self._lock = Lock()
        parent = parent or Path(tempfile.gettempdir())
        _remove_left_overs(parent)
        self.folder = parent / f"{_PREFIX}{secrets.token_hex(8)}"
        lock = _lock_of(self.folder)
        lock.acquire()  # before there is a folder, which another server might take for left over
        self.folder.mkdir(mode=0o700)
        self._removal = finalize(self, _remove, self.folder, lock, os.getpid())

    def close(self) -> None:
        """Remove all uploads, which happens by itself when the server ends."""
        self._removal()

    def add(self, kind: str, title: str, digest: str, fill: Callable[[Path], Filled]) -> Upload:
        """Hold an upload, and let go of others where there is not enough room.

        Args:
            kind: What it is.
            title: What its file is called.
            digest: SHA-256 of its content, in hexadecimal.
            fill: Writes its files into an empty folder; what it raises goes on from here.

        Returns:
            The upload; the same content under the same title is held once.

        Raises:
            SimVizError: There is no room for it beside what is being used.
            OSError: It cannot be written.
        """
        key = kind, f"{title} (upload {digest[:DIGITS]})"
        if held := self.find(*key):
            return held
        self.folder.mkdir(mode=0o700, exist_ok=True)  # something may have cleaned up
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            filled = fill(folder)
            size = _size(folder)
            if size > self.limits.size:
                raise SimVizError(
                    f"{title} takes {_gigabytes(size)} on disk, more than all uploads together "
                    f"may ({_gigabytes(self.limits.size)}); upload fewer or smaller files"
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        upload = Upload(*key, folder, filled.path, filled.left_out, filled.names_read_as)
        with self._lock:
            if key in self._held:  # another session was quicker
                held = self._held[key].upload
                removed, has_room = [folder], True
            else:
                held = upload
                self._held[key] = _Held(upload, self._clock())
                self._gone.pop(key, None)
                removed, has_room = self._make_room(key)
        self._remove(removed)
        if not has_room:
            raise SimVizError(
                f"there is no room for {title} beside the uploads that are being used now "
                f"({_gigabytes(self.limits.size)} may be taken by all together); try again later"
            )
        return held

    def find(self, kind: str, upload_id: str) -> Upload | None:
        """The upload of that kind and id; None if it is not held, or held no longer."""
        self.let_go_of_the_old()
        removed = []
        with self._lock:
            held = self._held.get((kind, upload_id))
            if held is not None and not held.upload.path.exists():
                removed.append(self._forget((kind, upload_id), "its files are gone from the disk"))
                held = None
            if held is not None:
                held.used_at = self._clock()
        self._remove(removed)
        return held.upload if held else None

    def holds(self, kind: str, upload_id: str) -> bool:
        """Whether an upload is held, which does not count as using it."""
        with self._lock:
            return (kind, upload_id) in self._held

    def use(self, session: str, purpose: str, kind: str, upload_id: str) -> Upload | None:
        """The same as `find`, and it is not let go of while the session uses it.

        Args:
            session: Who uses it, until it uses another one for the same purpose, or `leave`s.
            purpose: What for.
            kind: What it is.
            upload_id: Its id.
        """
        upload = self.find(kind, upload_id)
        self.stop_using(session, purpose)
        with self._lock:
            held = self._held.get((kind, upload_id)) if upload else None
            if held is not None:
                held.users.add((session, purpose))
        return held.upload if held else None

    def stop_using(self, session: str, purpose: str | None = None) -> None:
        """Let a session use nothing any more for a purpose, or for any."""
        with self._lock:
            for held in self._held.values():
                ended = {u for u in held.users if u[0] == session and purpose in (None, u[1])}
                if ended:
                    held.users -= ended
                    held.used_at = self._clock()

    def unused(self) -> list[Path]:
        """The folders of the uploads that no session uses."""
        with self._lock:
            return [held.upload.folder for held in self._held.values() if not held.users]

    def of_path(self, path: Path) -> Upload | None:
        """The upload that a path belongs to."""
        with self._lock:
            uploads = [held.upload for held in self._held.values()]
        return next((each for each in uploads if path.is_relative_to(each.folder)), None)

    def why_gone(self, kind: str, upload_id: str) -> str:
        """What to say of an upload that is asked for and not held."""
        with self._lock:
            reason = self._gone.get((kind, upload_id))
        if reason is None:
            reason = "this server does not hold it; uploads do not outlive the server"
        return f"the uploaded {kind} {upload_id} is not there any more ({reason}); upload it again"

    def let_go_of_the_old(self) -> None:
        """Let go of what nobody has used for too long."""
        oldest = self._clock() - self.limits.age
        hours = f"{self.limits.age / 3600:g}"
        with self._lock:
            removed = [
                self._forget(key, f"nobody used it for {hours} hours")
                for key, held in list(self._held.items())
                if held.used_at < oldest and not held.users
            ]
        self._remove(removed)

    def _make_room(self, new: _Key) -> tuple[list[Path], bool]:
        """Forget what was not used for longest, the new one last; with the lock held.

        Returns:
            The folders to remove, and whether the new one is still held.
        """
        sizes = {key: _size(held.upload.folder) for key, held in self._held.items()}
        unused = [key for key, held in self._held.items() if not held.users and key != new]
        unused.sort(key=lambda key: self._held[key].used_at)
        chosen: list[_Key] = []
        excess = sum(sizes.values()) - self.limits.size
        for key in unused:
            if excess <= 0:
                break
            chosen.append(key)
            excess -= sizes[key]
        if excess > 0:  # all the others would go for nothing
            return [self._held.pop(new).upload.folder], False
        return [self._forget(key, "it made room for newer uploads") for key in chosen], True

    def _forget(self, key: _Key, reason: str) -> Path:
        self._gone[key] = reason
        while len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        return self._held.pop(key).upload.folder

    def _remove(self, folders: list[Path]) -> None:
        for folder in folders:
            if self._before_removal:
                self._before_removal(folder)
            shutil.rmtree(folder, ignore_errors=True)


def digest_of(*contents: bytes | memoryview) -> str:
    """SHA-256 of contents one after the other, each with its length, in hexadecimal.

    Of one content alone it is that content's own SHA-256.
    """
    if len(contents) == 1:
        return hashlib.sha256(contents[0]).hexdigest()
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def lies_in_uploads(path: Path) -> bool:
    """Whether a path leads into the uploads of a server, this one or another, links resolved."""
    try:
        return any(part.startswith(_PREFIX) for part in path.resolve().parts)
    except (OSError, RuntimeError, ValueError):
        return False  # nothing that could be opened


def limits_of_operator() -> UploadLimits:
    """The limits that the operator set, else the usual ones."""
    gigabytes = number_of(GIGABYTES_VARIABLE, GIGABYTES)
    return UploadLimits(gigabytes * 1e9, number_of(HOURS_VARIABLE, HOURS) * 3600)


def number_of(variable: str, usual: float) -> float:
    """What an environment variable sets, where that is a number above 0; else what is usual."""
    return positive_number(os.environ.get(variable, "")) or usual


def _size(folder: Path) -> int:
    """Bytes of all the files below a folder."""
    total = 0
    for inner, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it may be gone, where an index is being written
                total += Path(inner, name).lstat().st_size
    return total


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.3g} GB"


def _lock_of(folder: Path) -> FileLock:
    """What the server holds for as long as its folder of uploads is needed."""
    return FileLock(folder.with_name(f"{folder.name}.lock"), thread_local=False)


def _remove_left_overs(parent: Path) -> None:
    """Remove the folders of servers that did not live to do it themselves."""
    for folder in parent.glob(f"{_PREFIX}*"):
        # In a shared temporary folder, another user's is not ours to touch.
        if folder.is_symlink() or not folder.is_dir() or not _is_own(folder):
            continue
        lock = _lock_of(folder)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue  # that server lives
        _remove(folder, lock, os.getpid())


def _is_own(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()


def _remove(folder: Path, lock: FileLock, process: int) -> None:
    if os.getpid() != process:
        return  # a fork of the server ends
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)
