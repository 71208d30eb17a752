"""An index on disk that finds most of the best rows: approximate, and how far is measured.

LanceDB keeps it with the table: rows in parts, one bit a component, and the best candidates scored
by their embeddings. How many parts are searched is decided when it is made, by what whole images
and regions of the gallery find.
"""

import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import DamagedStoreError, StoreError
from simviz_core.files import write_atomically
from simviz_core.retrieval.scanning.scan import (
    APPROXIMATE,
    MEASURED_AT,
    AllowedRows,
    ExactScan,
    FoundBy,
    Recall,
    Rows,
    Vector,
)
from simviz_core.retrieval.storing.table import EmbeddingTable

PROBES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Parts of an index that are tried, the fewest first."""
LEAST_FOUND = 0.98
"""Share of the best that whole images and regions must find, each on average."""
MOST_LEFT_OUT = 0.5
"""Share of the rows that conditions may leave out; the best of fewer lie further apart."""
MOST_RUNS = 1000
"""Runs of rows that conditions may leave out; to say more takes longer than to scan all."""


class NeighbourScan:
    """Finds the best rows by an index, and by an exact scan where that cannot answer.

    Attributes:
        exact: The exact scan.
        recall: What the index was measured to find.
    """

    def __init__(
        self, exact: ExactScan, table: EmbeddingTable, ids: Sequence[str], recall: Recall
    ) -> None:
        """Open the index of a table.

        Args:
            exact: Of rows of the table, N of them; scores what is found.
            table: The table.
            ids: Of the N rows.
            recall: What the index was measured to find, and how it is asked.

        Raises:
            StoreError: The table is damaged, or lacks an id.
        """
        self.exact, self.recall, self._table = exact, recall, table
        number_of, self._nearest = table.open_neighbours()
        self._numbers = np.array(sorted(number_of.values()), dtype=np.int64)
        if not number_of.keys() >= set(ids):
            raise StoreError("the stored embeddings have changed while they were read; try again")
        own = np.array([number_of[image_id] for image_id in ids], dtype=np.int64)
        self._place = np.searchsorted(self._numbers, own)
        self._row = np.full(len(self._numbers), -1)
        self._row[self._place] = np.arange(len(ids))

    def best(
        self, vector: Vector, count: int, allowed: AllowedRows
    ) -> tuple[Rows, Vector, FoundBy]:
        """Most of the rows with the highest scores.

        Args:
            vector: (D,), float32, of any length.
            count: How many to return, at most.
            allowed: Which rows may be found, (N,).

        Returns:
            The rows, best first, equal scores in the order of the rows; their scores, which are
            exact; and what found them.
        """
        found = self._found(vector, count, allowed)
        if isinstance(found, str):
            return *self.exact.best(vector, count, allowed), FoundBy(self.exact.tier, note=found)
        rows, note = found
        scores = self.exact.scores(rows, vector)
        order = np.argsort(-scores, kind="stable")[:count]
        return rows[order], scores[order], FoundBy(APPROXIMATE, self.recall, note)

    def _found(self, vector: Vector, count: int, allowed: AllowedRows) -> tuple[Rows, str] | str:
        """Rows in their order, and what the recall does not say; or why there are none."""
        length = float(np.linalg.norm(vector.astype(np.float64)))
        if length == 0:
            return "the query has no direction"
        if count > MEASURED_AT:
            return f"the index was measured for the {MEASURED_AT} best"
        left_out = np.ones(len(self._numbers), dtype=bool)
        left_out[self._place] = ~allowed
        gone, probes, where, note = int(left_out.sum()), self.recall.probes, "", ""
        wanted = MEASURED_AT + gone  # what is left out is found, too, and passed over
        if gone > MEASURED_AT:
            if gone > MOST_LEFT_OUT * len(left_out):
                return "most images are left out"
            runs = _runs(left_out)
            if len(runs) > MOST_RUNS:
                return "the images that are left out lie in too many places"
            wanted, where = MEASURED_AT, _condition(self._numbers, runs)
            probes = math.ceil(probes * len(left_out) / (len(left_out) - gone))
            note = "measured without leaving images out"
        unit = (vector / length).astype(np.float32)
        try:
            numbers = self._nearest(unit, min(wanted, len(left_out)), probes, where)
        except DamagedStoreError:
            with suppress(OSError):
                self._table.neighbours_file.unlink()
            return "the index is damaged: `index --approximate` makes it anew"
        except StoreError as error:
            return f"the index cannot be read: {error}"
        places = np.searchsorted(self._numbers, np.array(numbers, dtype=np.int64))
        rows = np.sort(self._row[places[~left_out[places]]])
        if len(rows) < min(count, int(allowed.sum())):
            return f"the index finds {len(rows):,} images only"
        return rows, note


def _runs(marked: AllowedRows) -> NDArray[np.int64]:
    """The first and the last place of each run of marked rows, (R, 2)."""
    edges = np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1], 1)


def _condition(numbers: NDArray[np.int64], runs: NDArray[np.int64]) -> str:
    """That a row is in none of the runs, for LanceDB."""
    ends = numbers[runs]
    single = ends[:, 0] == ends[:, 1]
    parts = [f"_rowid BETWEEN {first} AND {last}" for first, last in ends[~single]]
    if single.any():
        parts.append(f"_rowid IN ({', '.join(map(str, ends[single, 0]))})")
    return f"NOT ({' OR '.join(parts)})"


@dataclass(frozen=True)
class ApproximateIndex:
    """What is kept of the approximate index of a table.

    Attributes:
        recall: What it was measured to find.
        is_current: Whether the table is as it was then; an index of another state is not used.
    """

    recall: Recall
    is_current: bool


def approximate_index(table: EmbeddingTable) -> ApproximateIndex | None:
    """What is kept of the approximate index of a table; None where it has none."""
    try:
        kept = json.loads(table.neighbours_file.read_text())
        state = kept.pop("state")
        return ApproximateIndex(Recall(**kept), state == table.state)
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None


def _keep(table: EmbeddingTable, recall: Recall) -> None:
    kept = {"state": table.state, **asdict(recall)}
    try:
        write_atomically(table.neighbours_file, json.dumps(kept).encode())
    except OSError as error:
        raise StoreError(f"{table.neighbours_file} cannot be written: {error.strerror}") from error


def choose_probes(
    table: EmbeddingTable,
    exact: ExactScan,
    ids: Sequence[str],
    rows: Rows,
    regions: Sequence[Vector],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Recall:
    """Measure the index of a table, and keep beside it how it is to be asked.

    Args:
        table: The table, after `EmbeddingTable.index_neighbours`.
        exact: Scans its embeddings.
        ids: Of the scan's rows, N of them.
        rows: Of the images that are asked, Q of them, each without itself among what it may find.
        regions: The vector of a region of each of these.
        on_progress: Called with the searches done and those that there are at most.

    Returns:
        What it finds with the fewest probes that find enough for both kinds. A row that is as
        similar as the last of the best counts as one of these.

    Raises:
        StoreError: It finds less than that with any, and is not kept; or the disk is full, say.
    """
    everything = np.arange(len(ids))
    asked = [
        (vector, everything != row)
        for vectors in (exact.matrix[rows], regions)
        for row, vector in zip(rows, vectors, strict=True)
    ]
    done, total = 0, len(asked) * (1 + len(PROBES))
    least: list[np.float32] = []
    for vector, allowed in asked:
        least.append(exact.best(vector, MEASURED_AT, allowed)[1][-1])
        on_progress(done := done + 1, total)
    scan = NeighbourScan(exact, table, ids, Recall(0, 0, 0, len(rows)))
    before = None
    for probes in PROBES:
        scan.recall = Recall(probes, 0, 0, len(rows))
        shares = []
        for (vector, allowed), last in zip(asked, least, strict=True):
            _, scores, by = scan.best(vector, MEASURED_AT, allowed)
            shares.append(float((scores >= last).mean()) if by.recall else 0.0)
            on_progress(done := done + 1, total)
        halves = shares[: len(rows)], shares[len(rows) :]
        whole, of_regions = (round(sum(half) / len(half), 6) for half in halves)
        if min(whole, of_regions) >= LEAST_FOUND:
            recall = Recall(probes, whole, of_regions, len(rows))
            _keep(table, recall)
            on_progress(total, total)
            return recall
        if (whole, of_regions) == before:
            break  # all parts were looked into
        before = whole, of_regions
    table.drop_neighbours()
    raise StoreError(
        f"looking into {probes} parts, the index finds {whole:.4f} of the {MEASURED_AT} best "
        f"for whole images and {of_regions:.4f} for regions, where {LEAST_FOUND} is asked of both; "
        "it is not kept, and this gallery is searched exactly"
    )
