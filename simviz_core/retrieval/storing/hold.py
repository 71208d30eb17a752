"""What keeps all but one process from writing to a table in an object store."""

from collections.abc import Callable
from typing import Any

from simviz_core.errors import StoreError
from simviz_core.retrieval.storing.bucket import Bucket

TAKEN = (
    "another process has begun to index this gallery meanwhile; what this one had stored by then "
    "is kept, and that one goes on from there"
)
_OF_OTHERS = ("incompatible transaction", "commit conflict", "already exists")


class Hold:
    """The latest state of a table that its one writer knows, from which alone it may go on.

    A process that is held up (a laptop that sleeps, a machine without network) can outlive its
    lease, and write on while the next one does. So whoever begins takes a step that conflicts with
    every other: Lance's restoring, of the latest state. A change of another process that rests on
    an earlier state is refused by Lance from then on, since each step is the conditional put of the
    next version. Files that were written before this step and not added by then can never be.

    Args:
        bucket: Where the table is, or is to be.
        name: The table's.

    Attributes:
        table: LanceDB's, at that state; None while there is no table.
    """

    def __init__(self, bucket: Bucket, name: str) -> None:
        self.table: Any = None
        self._bucket = bucket
        self._data = f"{name}.lance/data"
        self._files_before: list[str] = []

    def begin(self, table: Any) -> None:
        """Shut out all who wrote before.

        Args:
            table: LanceDB's, as it is stored now. Where another process's step comes between,
                `self.table` stays None: then try again.
        """
        files, seen = self._bucket.keys(self._data), table.version
        table.restore(seen)
        if table.version == seen + 1:
            self.table, self._files_before = table, files

    def drop_orphans(self, dataset: Any, at_version: Callable[[int], Any]) -> int:
        """Of the files that were there before this began, delete those that no version names.

        Files of a later holder, who may have begun by now, are not among them.

        Args:
            dataset: Lance's view of the table.
            at_version: Gives that of a version.

        Returns:
            How many are still there.
        """
        named = {
            file.path
            for version in dataset.versions()
            for fragment in at_version(version["version"]).get_fragments()
            for file in fragment.data_files()
        }
        orphans = [key for key in self._files_before if key.rpartition("/")[2] not in named]
        if orphans:
            self._bucket.delete(orphans)
        return len({*orphans} & {*self._bucket.keys(self._data)})

    def take_up(self, table: Any, version: int) -> None:
        """Go on from a step that this process has made.

        Args:
            table: LanceDB's, as it is stored now.
            version: That the step has made.

        Raises:
            StoreError: Another process has made the next already.
        """
        if table.version != version:
            raise StoreError(TAKEN)
        self.table = table


def is_of_others(reason: str) -> bool:
    """Whether Lance refuses a change because the state that it rests on is not the latest."""
    return any(said in reason.lower() for said in _OF_OTHERS)
