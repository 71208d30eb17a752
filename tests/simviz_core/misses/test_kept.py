"""What every query finds, kept beside the index: the same again, or nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simviz_core.gallery import NO_CONDITIONS, Conditions, GalleryImage
from simviz_core.misses import kept, outcomes_key, read_outcomes, save_outcomes
from simviz_core.retrieval import EmbeddingTable, GalleryIndex, query_outcomes

COLUMNS = ("rows", "nearest", "nearest_score", "right", "right_score", "right_rank")
COLUMNS += ("average_precision", "relevant")


def index_of(labels: str, prices: tuple[int, ...]) -> GalleryIndex:
    chance = np.random.default_rng(0)
    matrix = chance.normal(size=(len(labels), 4)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    images = tuple(
        GalleryImage(f"{row}.png", Path(f"{row}.png"), label, columns={"price": price})
        for row, (label, price) in enumerate(zip(labels, prices, strict=True))
    )
    return GalleryIndex(images, matrix)


@pytest.fixture
def table(tmp_path: Path) -> EmbeddingTable:
    return EmbeddingTable(tmp_path, "some")


@pytest.mark.parametrize("conditions", [NO_CONDITIONS, Conditions(("price=1..",), ("price",))])
def test_what_is_read_is_what_was_kept(table: EmbeddingTable, conditions: Conditions) -> None:
    index = index_of("aabbab", (0, 1, 2, 3, 4, 5))
    found = query_outcomes(index, conditions=conditions)
    key = outcomes_key("content", index, conditions)
    assert read_outcomes(index, conditions, key, table) is None
    save_outcomes(found, key, table)
    again = read_outcomes(index, conditions, key, table)
    assert again is not None
    for name in COLUMNS:
        was, now = getattr(found, name), getattr(again, name)
        assert was.dtype == now.dtype
        assert was.tolist() == now.tolist()
    assert (again.searched, again.conditions) == (found.searched, conditions)
    assert again.missed == found.missed


def test_whatever_they_depend_on_is_in_the_key() -> None:
    index, where = index_of("aabb", (0, 1, 2, 3)), Conditions(("price=1..",))
    keys = [
        outcomes_key("content", index, NO_CONDITIONS),
        outcomes_key("other", index, NO_CONDITIONS),
        outcomes_key("content", index_of("abab", (0, 1, 2, 3)), NO_CONDITIONS),
        outcomes_key("content", index, where),
        outcomes_key("content", index, Conditions(("price=2..",))),
        outcomes_key("content", index, Conditions((), ("price",))),
        outcomes_key("content", index_of("aabb", (0, 1, 2, 4)), where),
    ]
    assert len(set(keys)) == len(keys)
    # A column that nothing is asked of changes nothing.
    assert keys[0] == outcomes_key("content", index_of("aabb", (0, 1, 2, 4)), NO_CONDITIONS)


def test_what_is_broken_is_nothing(table: EmbeddingTable) -> None:
    index = index_of("aabb", (0, 1, 2, 3))
    found, key = query_outcomes(index), outcomes_key("content", index, NO_CONDITIONS)
    for broken in (
        replace(found, nearest=found.nearest + 4),
        replace(found, rows=found.rows - 4),
        replace(found, nearest_score=found.nearest_score * np.nan),
    ):
        save_outcomes(broken, key, table)
        assert read_outcomes(index, NO_CONDITIONS, key, table) is None
    save_outcomes(found, key, table)
    (file,) = table.folder.glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert read_outcomes(index, NO_CONDITIONS, key, table) is None


def test_the_oldest_make_room(table: EmbeddingTable) -> None:
    index = index_of("aabb", (0, 1, 2, 3))
    found = query_outcomes(index)
    for number in range(kept.MOST_KEPT + 3):
        save_outcomes(found, f"{number:016d}", table)
    assert len(list(table.folder.glob("*.parquet"))) == kept.MOST_KEPT
