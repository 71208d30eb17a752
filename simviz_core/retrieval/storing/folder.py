"""A folder of this machine, where tables lie."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout

from simviz_core.errors import StoreError
from simviz_core.files import CACHE_VARIABLE

OF_DAMAGE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
"""What the system says of a table that lacks files, or has others in their places."""


@dataclass(frozen=True)
class Folder:
    """Tables in a folder; `Bucket` offers the same of an object store.

    Attributes:
        path: The folder, which need not be there yet.
    """

    path: Path

    reading_time: ClassVar = timedelta(minutes=1)
    """Chunks that have been joined stay this long, for whoever is still reading them."""
    options: ClassVar[None] = None
    """What LanceDB needs to know besides the address."""

    @property
    def address(self) -> str:
        """Of the database."""
        return str(self.path)

    def of_table(self, name: str) -> str:
        """Where a table lies."""
        return str(self._table(name))

    def has(self, name: str, file: str = "") -> bool:
        """Whether there is a table, or a file of it."""
        return (self._table(name) / file).exists()

    def discard(self, name: str) -> None:
        """Delete a table; what is damaged can be deleted too."""
        shutil.rmtree(self._table(name), ignore_errors=True)

    def trouble(self, error: Exception) -> str:
        """Why the system keeps files from being read; "" where they are not what they should be.

        LanceDB passes the system's errors on as a number in the text.
        """
        if isinstance(error, MemoryError):
            return "there is not enough memory"
        code = error.errno if isinstance(error, OSError) and error.errno else 0
        if found := re.search(r"\(os error (\d+)\)", str(error)):
            code = int(found[1])
        return os.strerror(code) if code and code not in OF_DAMAGE else ""

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keep other processes from writing to a table.

        Raises:
            StoreError: Another one is writing to it, or the folder cannot be written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / f"{name}.lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise StoreError(
                "this gallery is being indexed by another process; wait until that has finished"
            ) from error
        except OSError as error:
            raise StoreError(
                f"the folder for embeddings {self.path} cannot be written to "
                f"({error.strerror}); name another one in {CACHE_VARIABLE}"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _table(self, name: str) -> Path:
        return self.path / f"{name}.lance"
