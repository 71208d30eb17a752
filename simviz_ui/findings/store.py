"""The findings of each browser, kept by the server under an id that only the browser knows.

The id is in the browser's localStorage: findings survive a reload, a new tab and a restart of the
server, and no other visitor sees them. What is shared is a saved file, or the link of a view.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import RLock

import streamlit as st

from simviz_core.errors import FindingsError
from simviz_core.files import write_atomically
from simviz_core.findings import Finding, findings_as_json, read_findings
from simviz_core.findings.reading import LONGEST_NOTE, MOST_BYTES, MOST_FINDINGS
from simviz_core.retrieval import default_store_folder

MOST_STEPS = 30
"""Changes that can be undone."""
MOST_LISTS = 1000
"""Lists on disk; those that were not changed for longest make room."""
MOST_IN_MEMORY = 64
_OWNER = re.compile("[0-9a-f]{32}")

Findings = tuple[Finding, ...]


class FindingStore:
    """All lists of findings, each with the changes that can be undone.

    Attributes:
        folder: Where the lists are kept, a file each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lists: dict[str, Findings] = {}
        self._before: dict[str, list[Findings]] = {}
        self._lock = RLock()

    def of(self, owner: str) -> Findings:
        """The findings of an owner, in their order.

        Args:
            owner: 32 hexadecimal digits.

        Raises:
            FindingsError: Its file is damaged.
        """
        with self._lock:
            if owner not in self._lists:
                self._lists[owner] = self._read(owner)
                self._make_room()
            return self._lists[owner]

    def can_undo(self, owner: str) -> bool:
        """Whether there is a change to undo."""
        return bool(self._before.get(owner))

    def add(self, owner: str, findings: Findings) -> int:
        """Append findings; those whose id is there already are passed over.

        Returns:
            How many were new.

        Raises:
            FindingsError: There are too many, or they cannot be written.
        """
        with self._lock:
            held = {finding.id for finding in self.of(owner)}
            new = tuple(finding for finding in findings if finding.id not in held)
            if new:
                read_findings(findings_as_json(new))  # what could not be read again is not kept
                self._change(owner, lambda before: (*before, *new))
            return len(new)

    def delete(self, owner: str, finding_id: str) -> None:
        """Delete one."""
        self._change(owner, lambda before: tuple(f for f in before if f.id != finding_id))

    def move(self, owner: str, finding_id: str, steps: int) -> None:
        """Move one up (negative) or down the list."""

        def moved(before: Findings) -> Findings:
            ids = [finding.id for finding in before]
            if finding_id not in ids:
                return before
            place = ids.index(finding_id)
            order = list(before)
            order.insert(max(0, place + steps), order.pop(place))
            return tuple(order)

        self._change(owner, moved)

    def write_note(self, owner: str, finding_id: str, note: str) -> None:
        """Put another note to one."""
        note = note[:LONGEST_NOTE]
        self._change(
            owner,
            lambda before: tuple(
                replace(finding, note=note) if finding.id == finding_id else finding
                for finding in before
            ),
        )

    def undo(self, owner: str) -> None:
        """Take the last change back; does nothing where there is none."""
        with self._lock:
            if steps := self._before.get(owner):
                findings = steps[-1]
                self._write(owner, findings)
                steps.pop()
                self._lists[owner] = findings

    def take_over(self, owner: str, former: str) -> None:
        """Move what was kept before the browser told its id to that id."""
        with self._lock:
            if findings := self._lists.pop(former, ()):
                self.add(owner, findings)
            self._before.pop(former, None)
            self._path(former).unlink(missing_ok=True)

    def _change(self, owner: str, make: Callable[[Findings], Findings]) -> None:
        with self._lock:
            before = self.of(owner)
            after = make(before)
            if after == before:
                return
            if len(after) > MOST_FINDINGS:
                raise FindingsError(
                    f"there are {len(before)} findings already, and a list has at most "
                    f"{MOST_FINDINGS}; save it and delete some"
                )
            self._write(owner, after)
            self._lists[owner] = after
            steps = self._before.setdefault(owner, [])
            steps.append(before)
            del steps[:-MOST_STEPS]

    def _path(self, owner: str) -> Path:
        if not _OWNER.fullmatch(owner):
            raise ValueError(owner)
        return self.folder / f"{owner}.json"

    def _read(self, owner: str) -> Findings:
        try:
            return tuple(read_findings(self._path(owner).read_bytes()))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise FindingsError(
                f"the findings that are kept cannot be read ({error.strerror})"
            ) from error

    def _write(self, owner: str, findings: Findings) -> None:
        content = findings_as_json(findings).encode()
        if len(content) > MOST_BYTES:
            raise FindingsError(
                f"the findings take {len(content):,} bytes, and a list has at most "
                f"{MOST_BYTES:,}; save it and delete some"
            )
        path = self._path(owner)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                self._drop_oldest()
            write_atomically(path, content)
        except OSError as error:
            raise FindingsError(f"the findings cannot be kept ({error.strerror})") from error

    def _drop_oldest(self) -> None:
        """Keep the disk from filling up with the lists of visitors who never come back."""
        kept = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) + 1 - MOST_LISTS)]:
            path.unlink(missing_ok=True)
            self._lists.pop(path.stem, None)

    def _make_room(self) -> None:
        """Forget lists that are on disk anyway; what could be undone of them stays so."""
        for owner in list(self._lists)[:-MOST_IN_MEMORY]:
            del self._lists[owner]
            self._before.pop(owner, None)


@st.cache_resource(show_spinner=False)
def finding_store() -> FindingStore:
    """The process's store of findings."""
    return FindingStore(default_store_folder() / "findings")
