"""What goes before a cluster, and what comes from its workers; no cluster is begun."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simviz_core.distributed import embedder
from simviz_core.distributed.worker import Order, Written
from simviz_core.errors import ClusterError, StoreError
from simviz_core.gallery import open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import EmbeddingTable, StoredImage

SETTINGS = NetworkSettings("efficientnet_lite0", "own", 224)


@pytest.fixture
def table(tmp_path: Path) -> EmbeddingTable:
    """A table of three components, without rows."""
    pytest.importorskip("lance", reason="requirements-scale.txt is not installed")
    table = EmbeddingTable(tmp_path / "tables", "some")
    table.create(3)
    return table


def rows(*names: str) -> tuple[list[StoredImage], np.ndarray]:
    images = [StoredImage(name, None, 1, 1, 1, 1, None) for name in names]
    return images, np.eye(len(names), 3, dtype=np.float32)


def test_what_was_written_is_part_of_the_table_once_it_is_appended(table: EmbeddingTable) -> None:
    first, second = table.write_fragment(*rows("a", "b")), table.write_fragment(*rows("c"))
    lost = table.write_fragment(*rows("d"))
    assert (table.images(), table.dimension) == ({}, 3)
    table.append_fragments([*first, *second])
    assert set(table.images()) == {"a", "b", "c"}
    assert table.damaged() == []
    files = len(list((table.folder / "some.lance" / "data").iterdir()))
    table.drop_orphans()
    assert len(list((table.folder / "some.lance" / "data").iterdir())) == files - 1
    assert set(table.images()) == {"a", "b", "c"}
    with pytest.raises(StoreError, match="one folder that all machines share"):
        table.append_fragments(lost)
    assert set(table.images()) == {"a", "b", "c"}


def test_a_worker_that_lacks_the_gallery_is_no_reason_to_call_images_unreadable(
    small_gallery: Path,
) -> None:
    image = open_gallery(small_gallery).images[0]
    row = StoredImage(image.id, image.label, 0, 0, -1, 0, "there is no file")
    with pytest.raises(ClusterError, match=r"a worker does not find .*the gallery at the same pl"):
        embedder._require_same_files([Written((row,), ())], {image.id: image})
    image.path.unlink()
    embedder._require_same_files([Written((row,), ())], {image.id: image})


def test_a_worker_with_another_network_is_refused(
    network: SimilarityNetwork, table: EmbeddingTable
) -> None:
    names = (("average", network.fingerprint), ("max", network.with_pooling("max").fingerprint))
    order = Order(SETTINGS, False, names, (table, table))
    assert [made.fingerprint for made in order.load()] == [fingerprint for _, fingerprint in names]
    with pytest.raises(ClusterError, match="other weights or settings"):
        replace(order, networks=(("average", "0" * 64),)).load()


@pytest.mark.parametrize(
    ("images", "length"), [(1, 128), (300, 128), (300_000, 256), (10_000_000, 2048)]
)
def test_a_gallery_is_cut_into_whole_batches(images: int, length: int, small_gallery: Path) -> None:
    image = replace(open_gallery(small_gallery).images[0], columns={"camera": "a"})
    todo = [image] * min(images, 3 * length)
    assert embedder._chunk_length(images) == length
    chunks = embedder._chunks(todo, [set(), {image.id}])
    assert sum(len(chunk.images) for chunk in chunks) == len(todo)
    assert chunks[0].wanted == (frozenset(), {image.id})
    assert chunks[0].images[0].columns == {}, "workers have no use for them"
