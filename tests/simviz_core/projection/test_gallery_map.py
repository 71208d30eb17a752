"""The map of a gallery, and how it is kept."""

from pathlib import Path

import numpy as np
import pytest

from simviz_core.errors import ProjectionError, SettingsError
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.projection import (
    content_of,
    grouping,
    groupings,
    make_map,
    read_map,
    save_map,
)
from simviz_core.retrieval import (
    EmbeddingTable,
    GalleryIndex,
    embedding_table,
    retrieval_quality,
)


@pytest.fixture
def table(rooms: Gallery, network: SimilarityNetwork, tmp_path: Path) -> EmbeddingTable:
    return embedding_table(rooms, network.fingerprint, folder=tmp_path)


def test_a_map_is_kept_for_these_embeddings_alone(
    rooms_index: GalleryIndex, table: EmbeddingTable
) -> None:
    found, content = make_map(rooms_index), content_of(rooms_index)
    assert read_map(rooms_index, content, table) is None
    save_map(found, content, table)
    kept = read_map(rooms_index, content, table)
    assert kept is not None
    np.testing.assert_array_equal(kept.points, found.points)
    assert (kept.method, kept.kept, kept.caution) == (found.method, found.kept, found.caution)
    assert "not to be read" in kept.caution
    assert f"{found.kept.share:.0%}" in kept.caution
    assert read_map(rooms_index, content, table, seed=1) is None
    matrix = rooms_index.matrix.copy()
    matrix[0, 0] += 1e-6
    other = GalleryIndex(rooms_index.images, matrix)
    assert read_map(other, content_of(other), table) is None
    (file,) = table.folder.glob("*_map_0.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert read_map(rooms_index, content, table) is None


def test_one_image_has_no_map(rooms_index: GalleryIndex) -> None:
    alone = rooms_index.part(np.arange(len(rooms_index.images)) == 0)
    with pytest.raises(ProjectionError, match="two images"):
        make_map(alone)


def test_points_are_grouped_by_class_and_by_hit(rooms_index: GalleryIndex) -> None:
    quality = retrieval_quality(rooms_index)
    assert groupings(rooms_index, True) == ["class", "hit"]
    by_class = grouping(rooms_index, "class", quality)
    labels = [by_class.values[code] for code in by_class.codes]
    assert labels == [image.label for image in rooms_index.images]
    by_hit = grouping(rooms_index, "hit", quality)
    assert (by_hit.codes == 0).sum() == quality.is_hit.sum()
    with pytest.raises(SettingsError, match="by class, hit"):
        grouping(rooms_index, "camera", quality)
