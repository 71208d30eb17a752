"""Bits that were flipped in stored embeddings are noticed, and the rows made anew."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simviz_core.errors import StoreError
from simviz_core.gallery import open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    PRECISIONS,
    EmbeddingTable,
    StoredImage,
    embedding_table,
    index_gallery,
    load_index,
    retrieval_quality,
)
from simviz_core.retrieval.storing.integrity import are_sound, checksums

IDS = [f"{number}.png" for number in range(30)]


def units(count: int, dimension: int = 32) -> NDArray[np.float32]:
    values = np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def flip_on_disk(table: EmbeddingTable, row: NDArray[np.float32], bit: int) -> None:
    """Flip one bit of an embedding in the files of a table."""
    stored = row.astype(table.precision)
    wanted, flips = stored.tobytes(), 0
    for path in (table.folder / f"{table.name}.lance").rglob("*.lance"):
        content = bytearray(path.read_bytes())
        place = content.find(wanted)
        if place >= 0:
            content[place + bit // 8] ^= 1 << bit % 8
            path.write_bytes(content)
            flips += 1
    assert flips == 1, "the embedding lies in the files as it is"


@given(
    precision=st.sampled_from(PRECISIONS),
    row=st.integers(0, 7),
    component=st.integers(0, 31),
    bit=st.integers(0, 31),
)
def test_every_single_bit_counts(precision: str, row: int, component: int, bit: int) -> None:
    stored = units(8).astype(precision)
    sums = checksums(stored)
    assert are_sound(stored, sums, precision).all()
    words = stored.view(np.uint32 if precision == "float32" else np.uint16)
    words[row, component] ^= words.dtype.type(1 << bit % (8 * words.itemsize))
    assert np.flatnonzero(~are_sound(stored, sums, precision)).tolist() == [row]


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0, 0.5])
def test_length_and_finiteness_count_too(value: float) -> None:
    stored = units(8)
    stored[3, 0] = value
    assert np.flatnonzero(~are_sound(stored, checksums(stored), "float32")).tolist() == [3]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("bit", [0, 9, 14, 15])
def test_a_flip_on_disk_is_named(tmp_path: Path, precision: str, bit: int) -> None:
    table = EmbeddingTable(tmp_path, "table", precision)
    embeddings = units(30)
    table.append([StoredImage(i, None, 8, 8, 9, 9, None) for i in IDS], embeddings)
    assert table.damaged() == []
    flip_on_disk(table, embeddings[17], bit)
    assert table.damaged() == ["17.png"]
    with pytest.raises(StoreError, match=r"1 stored embeddings are damaged, .* of 17\.png"):
        table.embeddings(IDS)
    matrix, damaged = table.checked_embeddings(IDS)
    assert damaged == ["17.png"]
    others = [n for n in range(30) if n != 17]
    np.testing.assert_allclose(matrix[others], embeddings[others], atol=1e-3)


def test_damaged_rows_are_left_out_said_and_made_anew(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    gallery = open_gallery(small_gallery)
    table = embedding_table(gallery, network.fingerprint, folder=tmp_path / "store")
    index_gallery(gallery, network, table)
    whole = load_index(gallery, table)
    assert whole.coverage.note == ""
    flip_on_disk(table, whole.matrix[2], 30)

    part = load_index(gallery, table)
    assert [image.id for image in part.lacking] == [whole.images[2].id]
    assert part.coverage.note.startswith("rests on 5 of the gallery's 6 images (83.3%)")
    assert retrieval_quality(part).coverage == part.coverage

    report = index_gallery(gallery, network, table)
    assert report.added == (whole.images[2].id,), "reading it has taken it out of the table"
    np.testing.assert_allclose(load_index(gallery, table).matrix, whole.matrix, atol=1e-6)

    flip_on_disk(table, load_index(gallery, table).matrix[4], 3)
    report = index_gallery(gallery, network, table)
    assert (report.repaired, report.updated, report.images) == ((whole.images[4].id,), (), 6)
    assert not report.was_rebuilt
    np.testing.assert_allclose(load_index(gallery, table).matrix, whole.matrix, atol=1e-6)
