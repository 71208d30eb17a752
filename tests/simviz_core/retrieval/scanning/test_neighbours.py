"""The approximate index: what it finds is measured, and it goes with the state it was made of."""

from pathlib import Path

import numpy as np
import pytest

from simviz_core.errors import DamagedStoreError, StoreError
from simviz_core.retrieval import EmbeddingTable, StoredImage
from simviz_core.retrieval.scanning import (
    CodesScan,
    NeighbourScan,
    Recall,
    approximate_index,
    choose_probes,
    neighbours,
    read_scan,
)

COUNT, DIMENSION = 20_000, 128
IDS = [f"{number}.png" for number in range(COUNT)]
ASKED = np.arange(7, COUNT, COUNT // 20)
EVERYTHING = np.ones(COUNT, dtype=bool)
SAME = slice(3100, 3300)
"""Rows with one embedding; those from 4050 to 4100 have none at all."""


def unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=-1, keepdims=True)).astype(np.float32)


def clusters(size: int, noise: float) -> np.ndarray:
    """Embeddings in clusters of a size; noise is relative to the distance of their centres."""
    chance = np.random.default_rng(0)
    centres = np.repeat(chance.normal(size=(COUNT // size, DIMENSION)), size, 0)
    return unit(centres + noise * chance.normal(size=(COUNT, DIMENSION)))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingTable:
    """Embeddings in clusters, some of them equal and some zero, and a file that has none."""
    table = EmbeddingTable(tmp_path_factory.mktemp("store"), "table")
    values = clusters(200, 0.9)
    values[SAME] = values[SAME.start]
    values[4050:4100] = 0
    unread = StoredImage("unread.png", None, 0, 0, 9, 9, "it is empty")
    for part in np.array_split(np.arange(COUNT), 3):
        table.append([StoredImage(IDS[row], None, 8, 8, 9, 9, None) for row in part], values[part])
        if part[0] == 0:
            table.append([unread], np.zeros((1, DIMENSION), np.float32))
    table.index_neighbours()
    return table


@pytest.fixture(scope="module")
def exact(table: EmbeddingTable) -> CodesScan:
    scan, _ = read_scan(table, IDS, from_disk=True)
    assert isinstance(scan, CodesScan)
    return scan


def parts_of(matrix: np.ndarray, share: float = 0.7) -> list[np.ndarray]:
    """Parts of the embeddings that are asked, as short as what a small region contributes."""
    mask = np.random.default_rng(1).random((len(ASKED), DIMENSION)) < share
    return list((matrix[ASKED] * mask * 0.01).astype(np.float32))


@pytest.fixture(scope="module")
def regions(exact: CodesScan) -> list[np.ndarray]:
    return parts_of(exact.matrix)


@pytest.fixture(scope="module")
def recall(table: EmbeddingTable, exact: CodesScan, regions: list[np.ndarray]) -> Recall:
    return choose_probes(table, exact, IDS, ASKED, regions)


def slow_recall(scan: NeighbourScan, vectors: list[np.ndarray]) -> float:
    """The share of the 100 best, by sorting the scores of all rows, the query's own left out."""
    shares = []
    for vector, own in zip(vectors, ASKED, strict=True):
        others = np.arange(COUNT) != own
        scores = scan.exact.matrix.astype(np.float64) @ vector.astype(np.float64)
        best = np.argsort(-np.where(others, scores, -np.inf), kind="stable")[:100]
        found, _, by = scan.best(vector, 100, others)
        assert by.recall == scan.recall
        # Of equal scores any may be found.
        shares.append(np.mean(scores[found] >= scores[best[-1]] - 1e-7))
    return float(np.mean(shares))


def test_what_is_said_of_an_index_is_what_it_finds(
    table: EmbeddingTable, exact: CodesScan, regions: list[np.ndarray], recall: Recall
) -> None:
    kinds = list(exact.matrix[ASKED]), regions
    scan = NeighbourScan(exact, table, IDS, recall)
    assert [slow_recall(scan, vectors) for vectors in kinds] == pytest.approx(
        [recall.whole, recall.regions], abs=1e-6
    )
    assert min(recall.whole, recall.regions) >= neighbours.LEAST_FOUND
    for probes in (each for each in neighbours.PROBES if each < recall.probes):
        fewer = NeighbourScan(exact, table, IDS, Recall(probes, 0, 0, 1))
        assert min(slow_recall(fewer, vectors) for vectors in kinds) < neighbours.LEAST_FOUND
    kept = approximate_index(table)
    assert kept is not None
    assert kept.is_current
    assert kept.recall == recall
    assert f"{recall.whole:.4f} for whole images and {recall.regions:.4f} for r" in recall.words


def test_scores_are_exact_and_in_order(
    table: EmbeddingTable, exact: CodesScan, recall: Recall
) -> None:
    scan = NeighbourScan(exact, table, IDS, recall)
    for row in (*ASKED[:5], SAME.start):
        query = exact.matrix[row] * np.float32(0.3)
        found, scores, _ = scan.best(query, 50, EVERYTHING)
        np.testing.assert_array_equal(scores, exact.scores(found, query))
        order = np.lexsort((found, -scores))
        assert order.tolist() == list(range(50)), "equal ones in the gallery's order"


@pytest.mark.parametrize(
    ("left_out", "note"),
    [
        (np.arange(90), ""),
        (np.arange(3000), "measured without leaving images out"),
        (np.arange(0, 1500, 3), "measured without leaving images out"),
        (np.arange(0, 15_000), "most images are left out"),
        (np.arange(0, 9000, 2), "the images that are left out lie in too many places"),
    ],
)
def test_what_is_left_out_is_not_found(
    table: EmbeddingTable, exact: CodesScan, recall: Recall, left_out: np.ndarray, note: str
) -> None:
    scan, allowed = NeighbourScan(exact, table, IDS, recall), EVERYTHING.copy()
    allowed[left_out] = False
    query = exact.matrix[16_000]
    found, scores, by = scan.best(query, 12, allowed)
    assert len(found) == 12
    assert allowed[found].all()
    assert by.note == note
    best, best_scores = exact.best(query, 12, allowed)
    assert np.mean(scores >= best_scores[-1]) >= 0.9
    if by.recall is None:
        assert found.tolist() == best.tolist()


def test_what_it_cannot_answer_is_answered_exactly(
    table: EmbeddingTable, exact: CodesScan, recall: Recall, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = NeighbourScan(exact, table, IDS, recall)
    zeros, query = np.zeros(DIMENSION, np.float32), exact.matrix[40]
    for vector, count, said in ((zeros, 5, "no direction"), (query, 101, "for the 100 best")):
        found, _, by = scan.best(vector, count, EVERYTHING)
        assert found.tolist() == exact.best(vector, count, EVERYTHING)[0].tolist()
        assert said in by.sentence
        assert by.sentence.startswith("Exact, 8-bit codes read from disk; not approximate, since ")
    monkeypatch.setattr(scan, "_nearest", lambda *_: [])
    assert "finds 0 images only" in scan.best(query, 5, EVERYTHING)[2].note


def test_an_index_that_is_damaged_is_not_used_again(
    table: EmbeddingTable, exact: CodesScan, recall: Recall, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, kept = NeighbourScan(exact, table, IDS, recall), table.neighbours_file.read_bytes()

    def fail(*_: object) -> list[int]:
        raise DamagedStoreError("damaged")

    monkeypatch.setattr(scan, "_nearest", fail)
    found, _, by = scan.best(exact.matrix[40], 5, EVERYTHING)
    assert found.tolist() == exact.best(exact.matrix[40], 5, EVERYTHING)[0].tolist()
    assert "`index --approximate` makes it anew" in by.note
    assert approximate_index(table) is None
    table.neighbours_file.write_bytes(kept)


@pytest.mark.parametrize("text", ["", "[]", '{"state": "1"}', '{"state": "0", "probes": 4}'])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    table = EmbeddingTable(tmp_path, "table")
    table.neighbours_file.write_text(text)
    assert approximate_index(table) is None


def test_an_index_that_finds_enough_for_whole_images_alone_is_not_kept(tmp_path: Path) -> None:
    table, values = EmbeddingTable(tmp_path, "table"), clusters(200, 0.9)
    table.append([StoredImage(name, None, 8, 8, 9, 9, None) for name in IDS], values)
    table.index_neighbours()
    exact, _ = read_scan(table, IDS, from_disk=True)
    with pytest.raises(
        StoreError, match=r"finds (1\.|0\.9[89]).* whole images and 0\.[1-9][0-7].* regions"
    ):
        choose_probes(table, exact, IDS, ASKED, parts_of(values, 0.2))
    assert approximate_index(table) is None


def test_an_index_goes_with_the_state_of_the_table(tmp_path: Path) -> None:
    table, ids = EmbeddingTable(tmp_path, "table"), IDS[:300]
    images = [StoredImage(name, None, 8, 8, 9, 9, None) for name in ids]
    table.append(images, clusters(200, 0.9)[:300])
    table.index_neighbours()
    exact, _ = read_scan(table, ids, from_disk=True)
    choose_probes(table, exact, ids, np.arange(9), list(exact.matrix[:9]))
    kept = approximate_index(table)
    assert kept is not None
    assert kept.is_current
    table.remove([ids[5]])
    kept = approximate_index(table)
    assert kept is not None
    assert not kept.is_current
    table.discard()
    assert approximate_index(table) is None
