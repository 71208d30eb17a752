"""Embeddings on disk: one LanceDB table for each gallery and network.

A table holds one row per image file, written in chunks that are there whole or not at all, so
that a process that is killed loses at most the chunk that it was working on. Files that could not
be read have a row too, with the reason and an embedding of zeros, so that they are not tried again
until they change.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from simviz_core.errors import DamagedStoreError, StoreError
from simviz_core.files import CACHE_VARIABLE, default_store_folder
from simviz_core.gallery import Gallery
from simviz_core.retrieval.storing.integrity import are_sound, checksums
from simviz_core.retrieval.storing.rows import CHECKSUM, COLUMNS, StoredImage

PRECISIONS = ("float32", "float16")
"""How embeddings are stored. Half of the bytes, and scores that are off by about 1e-5."""
READ_AT_ONCE = 8192
"""Rows that are in memory twice while a table is read."""
IDS_AT_ONCE = 1000
"""Ids in one condition."""
MANY_CHUNKS = 32
"""More chunks than this slow reading down…"""
ENOUGH_ROWS = 1024
"""… unless most have as many rows: to join those would write the table anew for little."""
READING_TIME = timedelta(minutes=1)
"""Chunks that have been joined stay this long, for whoever is still reading them."""

OF_DAMAGE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
"""What the system says of a table that lacks files, or has others in their places."""
LAYOUT = 2
"""Of the tables; part of their names, so that those of an earlier version are not taken up."""


@dataclass(frozen=True)
class EmbeddingTable:
    """The embeddings of one gallery by one network.

    Attributes:
        folder: The database that the table is in.
        name: The table's name.
        precision: One of `PRECISIONS`.
    """

    folder: Path
    name: str
    precision: str = "float32"

    @property
    def is_there(self) -> bool:
        """Whether there is such a table."""
        return self._path.exists()

    @property
    def version(self) -> int:
        """Goes up with every change; 0 while there is no table."""
        if not self.is_there:
            return 0
        with self._reading():
            return int(self._open().version)

    @property
    def scan_folder(self) -> Path:
        """Where files lie that searches read in place of the table; see `read_scan`."""
        return self.folder / f"{self.name}.scan"

    @property
    def dimension(self) -> int:
        """Components of an embedding, D; 0 while there is no table."""
        if not self.is_there:
            return 0
        with self._reading():
            return int(self._open().schema.field("embedding").type.list_size)

    def images(self) -> dict[str, StoredImage]:
        """All rows without their embeddings, under their ids.

        Raises:
            StoreError: The table is damaged.
        """
        if not self.is_there:
            return {}
        with self._reading():
            rows = self._open().search().select(list(COLUMNS)).to_arrow()
            columns = [rows.column(name).to_pylist() for name in COLUMNS]
        return {row[0]: StoredImage(*row) for row in zip(*columns, strict=True)}

    def embeddings(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Read embeddings into one matrix.

        Args:
            ids: Of readable images in the table, N of them, each once.

        Returns:
            Unit embeddings, (N, D), float32, contiguous and read-only, in the order of the ids.

        Raises:
            StoreError: The table is damaged, or one of the embeddings, or it lacks an id; or it
                cannot be read now.
        """
        matrix, damaged = self.checked_embeddings(ids)
        if damaged:
            raise DamagedStoreError(
                f"{len(damaged):,} stored embeddings are damaged, the first that of {damaged[0]}; "
                "index the gallery again"
            )
        return matrix

    def checked_embeddings(
        self, ids: Sequence[str], matrix: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], list[str]]:
        """Read embeddings into one matrix, and say which are not what was stored.

        Args:
            ids: Of readable images in the table, N of them, each once.
            matrix: Where they go, (N, D), such as a file; None makes an array.

        Returns:
            Unit embeddings, (N, D), float32, contiguous and read-only, in the order of the ids;
            and the ids among them whose embedding is damaged.

        Raises:
            StoreError: The table is damaged as a whole, or lacks an id.
        """
        place = {image_id: row for row, image_id in enumerate(ids)}
        found = 0
        damaged: list[str] = []
        with self._reading():
            if matrix is None:
                matrix = np.empty((len(ids), self.dimension), dtype=np.float32)
            for names, stored, is_sound in self._batches():
                rows = [place.get(image_id, -1) for image_id in names]
                wanted = np.flatnonzero(np.array(rows) >= 0)
                matrix[[rows[row] for row in wanted]] = self._unit(stored[wanted])
                damaged += [names[row] for row in wanted if not is_sound[row]]
                found += len(wanted)
        if found != len(ids):
            raise StoreError(f"the stored embeddings lack {len(ids) - found} images; index again")
        matrix.flags.writeable = False
        return matrix, damaged

    def _unit(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored embeddings as float32; what float16 has taken from their length is put right."""
        units = stored.astype(np.float32)
        if self.precision == "float16":
            with np.errstate(over="ignore", invalid="ignore"):
                units /= np.linalg.norm(units, axis=1, keepdims=True).clip(1e-12)
        return units

    def damaged(self) -> list[str]:
        """The ids of all rows whose embedding is not what was stored.

        Raises:
            StoreError: The table is damaged as a whole.
        """
        if not self.is_there:
            return []
        with self._reading():
            return [
                names[row]
                for names, _, is_sound in self._batches()
                for row in np.flatnonzero(~is_sound)
            ]

    def _batches(self) -> Iterator[tuple[list[str], NDArray[Any], NDArray[np.bool_]]]:
        """Ids, embeddings as they are stored, and whether each is sound, a few rows at a time."""
        table, dimension = self._open(), self.dimension
        columns = ["id", "embedding", CHECKSUM]
        for batch in table.search().select(columns).to_batches(READ_AT_ONCE):
            flat = batch.column("embedding").flatten().to_numpy(zero_copy_only=False)
            stored = np.ascontiguousarray(flat.reshape(-1, dimension))
            sums = batch.column(CHECKSUM).to_numpy(zero_copy_only=False)
            yield batch.column("id").to_pylist(), stored, are_sound(stored, sums, self.precision)

    def append(self, images: Sequence[StoredImage], embeddings: NDArray[np.float32]) -> None:
        """Add rows in one step, which is done whole or not at all.

        Args:
            images: Rows whose ids are not in the table yet, N of them.
            embeddings: Unit embeddings, (N, D); zeros for unreadable images.

        Raises:
            StoreError: The disk is full, say.
        """
        rows = self._rows(images, embeddings)
        with self._writing():
            if self.is_there:
                self._open().add(rows)
            else:
                self._database().create_table(self.name, rows)

    def create(self, dimension: int) -> None:
        """Make the table without rows, for `write_fragment`.

        Args:
            dimension: Components of an embedding, D.

        Raises:
            StoreError: The disk is full, say.
        """
        empty = self._rows([], np.zeros((0, dimension), dtype=np.float32))
        with self._writing():
            self._database().create_table(self.name, empty)

    def write_fragment(
        self, images: Sequence[StoredImage], embeddings: NDArray[np.float32]
    ) -> tuple[str, ...]:
        """Write rows to files of the table, of which they are part once `append_fragments` says so.

        Several processes may do so at once, none of which need hold the lock.

        Args:
            images: As for `append`.
            embeddings: Likewise.

        Returns:
            What `append_fragments` takes.

        Raises:
            StoreError: The disk is full, say.
        """
        from lance.fragment import write_fragments

        rows = self._rows(images, embeddings)
        with self._writing():
            written = write_fragments(rows, str(self._path), mode="append")
        return tuple(json.dumps(fragment.to_json()) for fragment in written)

    def append_fragments(self, fragments: Sequence[str]) -> None:
        """Add what `write_fragment` has written, in one step, which is done whole or not at all.

        Raises:
            StoreError: A file that was written is not here, or the disk is full, say.
        """
        from lance import FragmentMetadata, LanceDataset, LanceOperation

        added = [FragmentMetadata.from_json(fragment) for fragment in fragments]
        for file in (file for fragment in added for file in fragment.files):
            if not (self._path / "data" / file.path).exists():
                raise StoreError(
                    f"embeddings that a worker has written to {self._path} are not there on this "
                    f"machine; {CACHE_VARIABLE} has to name one folder that all machines share"
                )
        with self._writing():
            LanceDataset.commit(
                str(self._path), LanceOperation.Append(added), read_version=self.version
            )

    def drop_orphans(self) -> None:
        """Delete the files of fragments that were never appended; only while the lock is held.

        Raises:
            StoreError: The folder cannot be written to.
        """
        from lance import LanceDataset

        with self._writing():
            LanceDataset(str(self._path)).cleanup_old_versions(READING_TIME, delete_unverified=True)

    def _rows(self, images: Sequence[StoredImage], embeddings: NDArray[np.float32]) -> pa.Table:
        """Rows as they are stored."""
        stored = np.ascontiguousarray(embeddings.astype(self.precision))
        columns: dict[str, Any] = {
            name: pa.array([getattr(image, name) for image in images], kind)
            for name, kind in COLUMNS.items()
        }
        vectors = pa.array(stored.ravel())
        columns["embedding"] = pa.FixedSizeListArray.from_arrays(vectors, stored.shape[1])
        columns[CHECKSUM] = pa.array(checksums(stored))
        return pa.table(columns)

    def remove(self, ids: Sequence[str]) -> None:
        """Take rows out.

        Raises:
            StoreError: The disk is full, say.
        """
        with self._writing():
            for condition in _conditions(ids):
                self._open().delete(condition)

    def relabel(self, labels: Mapping[str, str | None]) -> None:
        """Give images other labels, each under its id.

        Raises:
            StoreError: The disk is full, say.
        """
        ids_of: dict[str | None, list[str]] = {}
        for image_id, label in labels.items():
            ids_of.setdefault(label, []).append(image_id)
        with self._writing():
            for label, ids in ids_of.items():
                for condition in _conditions(ids):
                    self._open().update(where=condition, values={"label": label})

    def compact(self) -> None:
        """Join the chunks that were written one by one, once they are many.

        Raises:
            StoreError: The disk is full, say.
        """
        with self._writing():
            table = self._open()
            chunks = table.stats()["fragment_stats"]
            if chunks["num_fragments"] > MANY_CHUNKS and chunks["lengths"]["p50"] < ENOUGH_ROWS:
                table.optimize(cleanup_older_than=READING_TIME)

    def discard(self) -> None:
        """Delete the table; what is damaged can be deleted too."""
        shutil.rmtree(self._path, ignore_errors=True)
        shutil.rmtree(self.scan_folder, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing to this table.

        Raises:
            StoreError: Another one is writing to it, or the folder cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / f"{self.name}.lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise StoreError(
                "this gallery is being indexed by another process; wait until that has finished"
            ) from error
        except OSError as error:
            raise StoreError(
                f"the folder for embeddings {self.folder} cannot be written to "
                f"({error.strerror}); name another one in {CACHE_VARIABLE}"
            ) from error
        try:
            yield
        finally:
            lock.release()

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.name}.lance"

    def _database(self) -> Any:
        import lancedb  # takes a second, which commands that store nothing need not wait

        return lancedb.connect(self.folder)

    def _open(self) -> Any:
        """The table as it is on disk now."""
        return self._database().open_table(self.name)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise  # of a reading within this one
        except Exception as error:  # the panics of LanceDB's Rust have no class of their own
            if refusal := _refusal(error):
                raise StoreError(
                    f"the stored embeddings in {self._path} cannot be read now: {refusal}"
                ) from error
            raise DamagedStoreError(
                f"the stored embeddings in {self._path} are damaged; index the gallery again"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write to the table; what was made of its former state goes."""
        shutil.rmtree(self.scan_folder, ignore_errors=True)
        try:
            yield
        except (RuntimeError, OSError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0]
            raise StoreError(f"embeddings cannot be written to {self._path}: {reason}") from error


def embedding_table(
    gallery: Gallery,
    fingerprint: str,
    precision: str = "float32",
    folder: Path | None = None,
) -> EmbeddingTable:
    """The table of a gallery's embeddings by a network, whether it is there yet or not.

    Args:
        gallery: The gallery.
        fingerprint: The network's.
        precision: One of `PRECISIONS`.
        folder: The database; None takes `default_store_folder()`.

    Returns:
        The table.
    """
    place = hashlib.sha256(os.fsencode(gallery.place)).hexdigest()
    title = (
        re.sub(r"[^A-Za-z0-9]+", "-", gallery.source.resolve().name)[:40].strip("-") or "gallery"
    )
    name = f"{title}_{place[:12]}_{fingerprint[:16]}_{precision}_{LAYOUT}"
    return EmbeddingTable(folder or default_store_folder(), name, precision)


def _refusal(error: Exception) -> str:
    """Why the system keeps files from being read; "" where they are not what they should be.

    LanceDB passes the system's errors on as a number in the text.
    """
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    code = error.errno if isinstance(error, OSError) and error.errno else 0
    if found := re.search(r"\(os error (\d+)\)", str(error)):
        code = int(found[1])
    return os.strerror(code) if code and code not in OF_DAMAGE else ""


def _conditions(ids: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(ids), IDS_AT_ONCE):
        quoted = ("'" + image_id.replace("'", "''") + "'" for image_id in ids[start:][:IDS_AT_ONCE])
        yield f"id IN ({', '.join(quoted)})"
