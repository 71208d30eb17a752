"""What keeps all but one process from writing to a table in an object store."""

from collections.abc import Sequence
from typing import Any

from simviz_core.errors import StoreError

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

    Attributes:
        table: LanceDB's, at that state; None while there is no table.
        files_before: Those of fragments that were there before this began.
    """

    def __init__(self) -> None:
        self.table: Any = None
        self.files_before: Sequence[str] = ()

    def fence(self, table: Any, files: Sequence[str]) -> None:
        """Begin: shut out all who wrote before.

        Args:
            table: LanceDB's, as it is stored now. Where another process's step comes between,
                `self.table` stays None: then try again.
            files: Those of fragments, listed before this.
        """
        seen = table.version
        table.restore(seen)
        if table.version == seen + 1:
            self.table, self.files_before = table, files

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
