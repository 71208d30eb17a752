"""Codes and embeddings beside a table: when they are used, and that they never outlive it."""

from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from simviz_core.errors import SettingsError, StoreError
from simviz_core.retrieval import PRECISIONS, EmbeddingTable, StoredImage
from simviz_core.retrieval.scanning import (
    MEMORY_VARIABLE,
    CodesScan,
    ProductScan,
    memory,
    read_scan,
    reading,
)

IDS = [f"view_{number}.png" for number in range(60)]
EVERYTHING = np.ones(len(IDS), dtype=bool)


def row_of(image_id: str) -> StoredImage:
    return StoredImage(image_id, None, 8, 8, 9, 9, None)


@pytest.fixture(params=PRECISIONS)
def table(tmp_path: Path, request: pytest.FixtureRequest) -> EmbeddingTable:
    table = EmbeddingTable(tmp_path, "table", request.param)
    values = np.random.default_rng(0).normal(size=(len(IDS), 32)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    table.append([row_of(image_id) for image_id in IDS], values)
    return table


@pytest.mark.parametrize(("limit", "is_mapped"), [("7KB", False), ("1", True)])
def test_a_limit_on_memory_changes_nothing_that_is_found(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch, limit: str, is_mapped: bool
) -> None:
    plain, _ = read_scan(table, IDS)
    assert isinstance(plain, ProductScan)
    monkeypatch.setenv(MEMORY_VARIABLE, limit)
    for _ in range(2):  # when the files are made, and when they are there
        scan, damaged = read_scan(table, IDS)
        assert isinstance(scan, CodesScan)
        assert damaged == []
        assert isinstance(scan.matrix, np.memmap)
        assert isinstance(scan.codes.codes, np.memmap) == is_mapped
        np.testing.assert_array_equal(scan.matrix, plain.matrix)
        for query in plain.matrix[:5]:
            expected, found = plain.best(query, 9, EVERYTHING), scan.best(query, 9, EVERYTHING)
            for one, other in zip(expected, found, strict=True):
                np.testing.assert_array_equal(one, other)


def test_many_embeddings_are_scanned_by_codes(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CODES_FROM", 4 * 32 * len(IDS))
    assert isinstance(read_scan(table, IDS)[0], CodesScan)
    assert isinstance(read_scan(table, IDS[1:])[0], ProductScan)


def test_files_go_with_the_state_of_the_table_that_they_were_made_of(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, "1KB")
    first, _ = read_scan(table, IDS)
    other, _ = read_scan(table, IDS[::-1])
    np.testing.assert_array_equal(other.matrix, first.matrix[::-1])
    new = np.zeros((1, 32), np.float32)
    new[0, 3] = 1
    table.append([row_of("new.png")], new)
    assert not table.scan_folder.exists()
    scan, _ = read_scan(table, ["new.png", *IDS])
    np.testing.assert_array_equal(scan.matrix[0], new[0])
    np.testing.assert_array_equal(scan.matrix[1:], first.matrix)
    table.discard()
    assert not table.scan_folder.exists()


@pytest.mark.parametrize("name", [reading.CODES, reading.ROWS, reading.CONTENT])
def test_damaged_files_are_made_anew(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, "1KB")
    before, _ = read_scan(table, IDS)
    assert isinstance(before, CodesScan)
    codes = np.array(before.codes.codes)
    path = table.scan_folder / name
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    after, _ = read_scan(table, IDS)
    assert isinstance(after, CodesScan)
    np.testing.assert_array_equal(after.codes.codes, codes)


def test_files_that_cannot_be_written_are_an_error(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, "1KB")
    table.scan_folder.with_suffix(".scan.new").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be written beside the table.* need 0\.0 GB"):
        read_scan(table, IDS)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", None),
        ("1000", 1000),
        ("500MB", 500_000_000),
        ("2.5 gb", 2_500_000_000),
        ("1GiB", 1 << 30),
        ("2K", 2000),
    ],
)
def test_a_limit_is_read(monkeypatch: pytest.MonkeyPatch, text: str, size: int | None) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, text)
    assert memory.memory_limit() == size


@pytest.mark.parametrize("text", ["much", "-1GB", "1 parsec"])
def test_a_limit_that_is_no_size_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, text)
    with pytest.raises(SettingsError, match="SIMVIZ_MEMORY is a size such as 500MB"):
        memory.memory_limit()


def test_a_folder_that_cannot_be_written_to_serves_what_it_has(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: FileLock, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(memory, "CODES_FROM", 1)
    with monkeypatch.context() as locked:
        locked.setattr(FileLock, "acquire", refused)
        scan, damaged = read_scan(table, IDS)  # all in memory: no files are there yet
        assert isinstance(scan, ProductScan)
        assert damaged == []
        locked.setenv(MEMORY_VARIABLE, "1KB")
        with pytest.raises(StoreError, match="Permission denied"):
            read_scan(table, IDS)
    plain = scan.matrix
    read_scan(table, IDS)
    monkeypatch.setattr(FileLock, "acquire", refused)
    scan, damaged = read_scan(table, IDS)
    assert isinstance(scan, CodesScan)
    assert damaged == []
    np.testing.assert_array_equal(scan.matrix, plain)
