"""Faults of the machine: each one is said in words, and nothing that was indexed is lost."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from simviz_core.errors import GalleryError, StoreError
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    EmbeddingTable,
    embedding_table,
    index_gallery,
    load_index,
    plan_index,
)


@pytest.fixture
def indexed(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> tuple[Gallery, EmbeddingTable]:
    """The small gallery, and its table."""
    gallery = open_gallery(small_gallery)
    table = embedding_table(gallery, network.fingerprint, folder=tmp_path / "store")
    index_gallery(gallery, network, table)
    return gallery, table


@contextmanager
def no_more_files() -> Iterator[None]:
    """Nothing can be opened, as with too many files open already."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())), before[1])
    )
    try:
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for number in taken:
            os.close(number)


def test_a_gallery_that_is_away_keeps_its_index(
    indexed: tuple[Gallery, EmbeddingTable], network: SimilarityNetwork
) -> None:
    gallery, table = indexed
    ids = [image.id for image in gallery.images]
    version, before = table.version, table.embeddings(ids)
    away = gallery.source.rename(gallery.source.with_name("away"))
    report = index_gallery(gallery, network, table)
    assert (report.images, report.absent, report.unreadable) == (6, tuple(ids), ())
    np.testing.assert_array_equal(load_index(gallery, table).matrix, before)
    with pytest.raises(GalleryError, match="does not exist"):
        open_gallery(gallery.source)

    away.rename(gallery.source)
    report = index_gallery(gallery, network, table)
    assert (report.images, report.absent, report.added, report.updated) == (6, (), (), ())
    assert table.version == version


def test_one_file_that_is_away_keeps_its_row_and_a_listing_without_it_removes_it(
    indexed: tuple[Gallery, EmbeddingTable], network: SimilarityNetwork
) -> None:
    gallery, table = indexed
    first = gallery.images[0]
    first.path.unlink()
    assert plan_index(gallery, table).is_empty
    assert index_gallery(gallery, network, table).absent == (first.id,)
    # What is damaged besides has to be made anew, and cannot be.
    assert [i.id for i in plan_index(gallery, table, {first.id}).changed] == [first.id]
    report = index_gallery(open_gallery(gallery.source), network, table)
    assert (report.absent, report.removed) == ((), (first.id,))


def test_a_table_that_cannot_be_opened_now_is_not_thrown_away(
    indexed: tuple[Gallery, EmbeddingTable], network: SimilarityNetwork
) -> None:
    gallery, table = indexed
    ids = [image.id for image in gallery.images]
    before = table.embeddings(ids)
    with no_more_files(), pytest.raises(StoreError, match="Too many open files"):
        index_gallery(gallery, network, table)
    np.testing.assert_array_equal(table.embeddings(ids), before)
    assert not index_gallery(gallery, network, table).was_rebuilt


def test_a_full_disk_is_one_line_and_what_was_there_is_kept(
    indexed: tuple[Gallery, EmbeddingTable], tmp_path: Path
) -> None:
    """No file may grow beyond some bytes, which stops a write as a full disk does."""
    gallery, table = indexed
    ids = [image.id for image in gallery.images]
    before = table.embeddings(ids)
    new = gallery.source / "chairs" / "view_11.png"
    new.write_bytes(gallery.images[0].path.read_bytes())
    limited = (
        "import resource, runpy, sys;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400));"
        "sys.argv = ['simviz', *sys.argv[1:]];"
        "runpy.run_module('simviz_core', run_name='__main__')"
    )
    words = [sys.executable, "-c", limited, "index", str(gallery.source)]
    environment = os.environ | {"SIMVIZ_CACHE": str(table.folder)}
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "simviz: embeddings cannot be written" in ended.stderr.splitlines()[-1]
    np.testing.assert_array_equal(table.embeddings(ids), before)
