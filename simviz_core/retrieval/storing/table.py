"""Stored embeddings: one LanceDB table for each gallery and network, in a folder or in a bucket.

A table holds one row per image file, written in chunks that are there whole or not at all, so
that a process that is killed loses at most the chunk that it was working on. Files that could not
be read have a row too, with the reason and an embedding of zeros, so that they are not tried again
until they change.

In a folder a lock keeps all but one process from writing. There is none for an object store that
holds whatever happens, and it need not be: see `Hold`.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simviz_core.errors import DamagedStoreError, SimVizError, StoreError
from simviz_core.files import CACHE_VARIABLE, default_store_folder
from simviz_core.gallery import Gallery
from simviz_core.retrieval.storing.bucket import STORE_VARIABLE, Bucket, named_bucket
from simviz_core.retrieval.storing.folder import Folder
from simviz_core.retrieval.storing.hold import TAKEN, Hold, is_of_others
from simviz_core.retrieval.storing.integrity import are_sound, checksums
from simviz_core.retrieval.storing.lease import leased
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
NEIGHBOURS = "neighbours"
"""LanceDB's index of neighbours in a table."""
REFINED = 10
"""Times as many rows as are wanted are taken from that index, and scored by their embeddings."""
LAYOUT = 2
"""Of the tables; part of their names, so that those of an earlier version are not taken up."""
OF_WRITING = (RuntimeError, OSError, pa.ArrowException)
"""What LanceDB raises where a folder cannot be written to."""

NearestRows = Callable[[NDArray[np.float32], int, int, str], list[int]]
"""Finds rows by an index of neighbours, see `EmbeddingTable.open_neighbours`."""


@dataclass(frozen=True)
class EmbeddingTable:
    """The embeddings of one gallery by one network.

    Attributes:
        folder: Where what is made of the table is kept, on this machine; the table, too, unless
            a bucket is named.
        name: The table's name.
        precision: One of `PRECISIONS`.
        bucket: Where the table is.
        hold: Of this process, while it alone may write to the bucket's table.
    """

    folder: Path
    name: str
    precision: str = "float32"
    bucket: Bucket | None = None
    hold: Hold | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> Folder | Bucket:
        """Where the table is."""
        return self.bucket or Folder(self.folder)

    @property
    def is_there(self) -> bool:
        """Whether there is such a table."""
        return self.place.has(self.name)

    @property
    def version(self) -> int:
        """Goes up with every change; 0 while there is no table."""
        if not self.is_there:
            return 0
        with self._reading():
            return int(self._open().version)

    @property
    def state(self) -> str:
        """What tells this state of the table from any other, also of one that was made anew.

        Raises:
            StoreError: The table is damaged, or cannot be read now.
        """
        if self.bucket is None:
            return str(self.version)
        with self._reading():
            dataset = self._dataset()
            made_by = dataset.read_transaction(dataset.version)
            return f"{dataset.version} {made_by.uuid if made_by else ''}"

    @property
    def scan_folder(self) -> Path:
        """Where files lie that searches read in place of the table; see `read_scan`."""
        return self.folder / f"{self.name}.scan"

    @property
    def neighbours_file(self) -> Path:
        """What is kept of the index of neighbours; see `choose_probes`."""
        return self.folder / f"{self.name}.neighbours.json"

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
            if (table := self._own()) is not None:
                table.add(rows)
            else:
                self._create(rows)

    def create(self, dimension: int) -> None:
        """Make the table without rows, for `write_fragment`.

        Args:
            dimension: Components of an embedding, D.

        Raises:
            StoreError: The disk is full, say.
        """
        empty = self._rows([], np.zeros((0, dimension), dtype=np.float32))
        with self._writing():
            self._create(empty)

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
            options = self.place.options
            written = write_fragments(rows, self._address, mode="append", storage_options=options)
        return tuple(json.dumps(fragment.to_json()) for fragment in written)

    def append_fragments(self, fragments: Sequence[str]) -> None:
        """Add what `write_fragment` has written, in one step, which is done whole or not at all.

        Raises:
            StoreError: A file that was written is not here, or the disk is full, say.
        """
        from lance import FragmentMetadata, LanceOperation

        added = [FragmentMetadata.from_json(fragment) for fragment in fragments]
        for file in (file for fragment in added for file in fragment.files):
            if not self.place.has(self.name, f"data/{file.path}"):
                raise StoreError(
                    f"embeddings that a worker has written to {self._address} are not there on "
                    f"this machine; {CACHE_VARIABLE} has to name one folder that all machines "
                    f"share, or {STORE_VARIABLE} one bucket"
                )
        with self._writing():
            self._commit(LanceOperation.Append(added))

    def drop_orphans(self) -> int:
        """Delete the files of fragments that were never appended; only while the lock is held.

        Returns:
            How many files that are of no use are left, since the place does not delete them.

        Raises:
            StoreError: The place cannot be written to.
        """
        with self._writing():
            dataset = self._dataset()
            # Lance would take those of a later holder for orphans, too: it may have begun by now.
            done = dataset.cleanup_old_versions(
                self.place.reading_time, delete_unverified=self.hold is None
            )
            left = self.hold.drop_orphans(dataset, self._dataset) if self.hold else 0
        return int(done.failed_deletes) + left

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
                self._own().delete(condition)

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
                    self._own().update(where=condition, values={"label": label})

    def compact(self) -> None:
        """Join the chunks that were written one by one, once they are many.

        Raises:
            StoreError: The disk is full, say.
        """
        with self._writing():
            table = self._own()
            chunks = table.stats()["fragment_stats"]
            if chunks["num_fragments"] > MANY_CHUNKS and chunks["lengths"]["p50"] < ENOUGH_ROWS:
                table.optimize(cleanup_older_than=self.place.reading_time)

    def index_neighbours(self) -> None:
        """Add an index that finds most of the nearest embeddings, in place of another.

        Raises:
            StoreError: The disk is full, say.
        """
        from lancedb.index import IvfRq

        with self._writing():
            how = IvfRq(distance_type="dot")
            self._own().create_index("embedding", config=how, name=NEIGHBOURS)

    def drop_neighbours(self) -> None:
        """Take the index of neighbours out.

        Raises:
            StoreError: The folder cannot be written to.
        """
        with self._writing():
            self.neighbours_file.unlink(missing_ok=True)
            self._own().drop_index(NEIGHBOURS)

    def open_neighbours(self) -> tuple[dict[str, int], NearestRows]:
        """The index of neighbours of this state of the table, ready to be asked.

        Returns:
            The number of the row of each id, and what finds such numbers: for a unit vector (D,),
            how many rows are wanted, in how many parts of the index they are looked for, and a
            condition on `_rowid`, "" for none, it gives those that it finds nearest.

        Raises:
            StoreError: The table is damaged; the search raises it, too.
        """
        with self._reading():
            table = self._open()
            rows = table.search().with_row_id(True).select(["id"]).to_arrow()
            numbers = dict(zip(rows["id"].to_pylist(), rows["_rowid"].to_pylist(), strict=True))

        def nearest(unit: NDArray[np.float32], count: int, probes: int, where: str) -> list[int]:
            with self._reading():
                asked = table.search(unit, vector_column_name="embedding").distance_type("dot")
                asked = asked.nprobes(probes).refine_factor(REFINED)
                asked = asked.where(where, prefilter=True) if where else asked
                found = asked.limit(count).with_row_id(True).select(["_distance"]).to_arrow()
                numbers: list[int] = found["_rowid"].to_pylist()
                return numbers

        return numbers, nearest

    def discard(self) -> None:
        """Throw all rows away; what is damaged can be thrown away too.

        Raises:
            StoreError: The table is in a bucket, and so damaged that it cannot be opened.
        """
        if self.bucket is None:
            Folder(self.folder).discard(self.name)
            shutil.rmtree(self.scan_folder, ignore_errors=True)
            with suppress(OSError):
                self.neighbours_file.unlink()
            return
        from lance import LanceOperation

        # Its versions go on, by which a process that was held up finds out; see `Hold`.
        with self._writing():
            self._commit(LanceOperation.Overwrite(self._own().schema, []), max_retries=0)

    @contextmanager
    def locked(self) -> Iterator["EmbeddingTable"]:
        """Keep other processes from writing to this table.

        Yields:
            The table, to be written to.

        Raises:
            SettingsError: The bucket's endpoint is not for several writers.
            StoreError: Another process is writing to it, or the place cannot be written to.
        """
        if self.bucket is None:
            with Folder(self.folder).locked(self.name):
                yield self
            return
        self.bucket.require()
        with leased(self.bucket, f"{self.name}.lock"):
            hold = Hold(self.bucket, self.name)
            with self._writing():
                while hold.table is None and self.is_there:
                    hold.begin(self._openable())
            yield replace(self, hold=hold)

    def _openable(self) -> Any:
        """The table as it is stored now.

        Raises:
            StoreError: It cannot be opened, so that no step can be taken on top of it.
        """
        try:
            with self._reading():
                return self._open()
        except DamagedStoreError as error:
            raise StoreError(
                f"{self._address} is so damaged that it cannot be opened; delete it while nobody "
                "indexes this gallery, and index again"
            ) from error

    @property
    def _address(self) -> str:
        return self.place.of_table(self.name)

    def _database(self) -> Any:
        import lancedb  # takes a second, which commands that store nothing need not wait

        return lancedb.connect(self.place.address, storage_options=self.place.options)

    def _dataset(self, version: int | None = None) -> Any:
        """Lance's view of the table, now or at a version."""
        from lance import LanceDataset

        return LanceDataset(self._address, version, storage_options=self.place.options)

    def _open(self) -> Any:
        """The table as it is stored now."""
        return self._database().open_table(self.name)

    def _own(self) -> Any:
        """The table as a writer has to see it; None while there is none.

        Raises:
            StoreError: Another process has made it since this one holds it.
        """
        if self.hold and self.hold.table is not None:
            return self.hold.table
        if self.hold and self.is_there:
            raise StoreError(TAKEN)
        return self._open() if self.is_there else None

    def _create(self, rows: pa.Table) -> None:
        table = self._database().create_table(self.name, rows)
        if self.hold:
            self.hold.table = table

    def _commit(self, step: Any, max_retries: int = 20) -> None:
        """Take a step of Lance's; without retries, only from the latest state."""
        from lance import LanceDataset

        committed = LanceDataset.commit(
            self._address,
            step,
            read_version=self._own().version,
            storage_options=self.place.options,
            max_retries=max_retries,
        )
        if self.hold:
            self.hold.take_up(self._open(), committed.version)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except SimVizError:
            raise  # of a reading within this one, say
        except Exception as error:  # the panics of LanceDB's Rust have no class of their own
            if refusal := self.place.trouble(error):
                raise StoreError(
                    f"the stored embeddings in {self._address} cannot be read now: {refusal}"
                ) from error
            raise DamagedStoreError(
                f"the stored embeddings in {self._address} are damaged; index the gallery again"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write to the table; what was made of its former state goes."""
        shutil.rmtree(self.scan_folder, ignore_errors=True)
        try:
            yield
        except SimVizError:
            raise
        except Exception as error:  # as in `_reading`
            if self.bucket is None and not isinstance(error, OF_WRITING):
                raise
            reason = str(error).splitlines()[0]
            if self.bucket and is_of_others(reason):
                raise StoreError(TAKEN) from error
            if self.bucket:
                reason = self.bucket.trouble(error) or reason
            raise StoreError(
                f"embeddings cannot be written to {self._address}: {reason}"
            ) from error


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
        folder: The database; None takes the bucket that `SIMVIZ_STORE` names, with all that is
            made of the table in `default_store_folder()`, or else that folder for both.

    Returns:
        The table.

    Raises:
        SettingsError: `SIMVIZ_STORE` names no bucket.
    """
    place = hashlib.sha256(os.fsencode(gallery.place)).hexdigest()
    title = (
        re.sub(r"[^A-Za-z0-9]+", "-", gallery.source.resolve().name)[:40].strip("-") or "gallery"
    )
    name = f"{title}_{place[:12]}_{fingerprint[:16]}_{precision}_{LAYOUT}"
    bucket = named_bucket() if folder is None else None
    folder = folder or default_store_folder()
    if bucket:  # else the table is there before anything is made of it
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    return EmbeddingTable(folder, name, precision, bucket)


def _conditions(ids: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(ids), IDS_AT_ONCE):
        quoted = ("'" + image_id.replace("'", "''") + "'" for image_id in ids[start:][:IDS_AT_ONCE])
        yield f"id IN ({', '.join(quoted)})"
