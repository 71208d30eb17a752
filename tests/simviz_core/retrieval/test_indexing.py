import copy
import importlib.util
import os
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch
from interrupted_indexing import BATCH, indexing_process
from PIL import Image
from torch import Tensor

from simviz_core.errors import CheckpointError, GalleryError, NetworkError, StoreError
from simviz_core.gallery import Gallery, GalleryImage, open_gallery
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork, load_network
from simviz_core.networks.engines.choosing import ENGINE_VARIABLE
from simviz_core.retrieval import (
    PRECISIONS,
    EmbeddingTable,
    IndexProgress,
    IndexReport,
    StoredImage,
    embedding_table,
    index_each,
    index_gallery,
    index_together,
    indexing,
    plan_index,
    storing,
)

Index = Callable[..., IndexReport]
IDS = [f"{label}/view_{number}.png" for label in ("chairs", "lamps") for number in (1, 2, 10)]
UNREADABLE = {
    "chairs/empty.jpg": (b"", "0 bytes"),
    "chairs/text.jpg": (b"not a picture at all", "is not an image"),
    "lamps/cut.png": (None, "damaged or incomplete"),
}
"""Files that cannot be read, and why; None stands for half of a picture."""


@pytest.fixture
def index(small_gallery: Path, network: SimilarityNetwork, tmp_path: Path) -> Index:
    """Index a gallery, by default the small one, in a folder of this test."""

    def run(source: Path = small_gallery, folder: str = "store", **options: object) -> IndexReport:
        gallery = open_gallery(source)
        table = embedding_table(gallery, network.fingerprint, folder=tmp_path / folder)
        return index_gallery(gallery, network, table, **options)

    return run


@pytest.fixture
def table(small_gallery: Path, network: SimilarityNetwork, tmp_path: Path) -> EmbeddingTable:
    """The table of the small gallery in that folder."""
    return embedding_table(
        open_gallery(small_gallery), network.fingerprint, folder=tmp_path / "store"
    )


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were opened."""
    opened: list[str] = []

    def spy(image: GalleryImage, name: str) -> object:
        opened.append(name)
        return load_image(image.path, name=name, value_ranges=image.value_ranges)

    monkeypatch.setattr(GalleryImage, "load", spy)
    return opened


def noise(path: Path, seed: int, size: tuple[int, int] = (64, 48)) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def spoil(gallery: Path) -> None:
    for name, (content, _) in UNREADABLE.items():
        whole = (gallery / "lamps" / "view_1.png").read_bytes()
        (gallery / name).write_bytes(whole[: len(whole) // 2] if content is None else content)


def contents(table: EmbeddingTable) -> tuple[dict[str, StoredImage], dict[str, bytes]]:
    """Everything that a table holds, bit for bit."""
    images = table.images()
    matrix = table.embeddings(list(images))
    return images, {image_id: row.tobytes() for image_id, row in zip(images, matrix, strict=True)}


def assert_same(table: EmbeddingTable, other: EmbeddingTable) -> None:
    """The same rows, and the same embeddings but for rounding: batches may differ."""
    images = table.images()
    assert images == other.images()
    difference = table.embeddings(list(images)) - other.embeddings(list(images))
    assert np.abs(difference).max() < 1e-6


def test_the_first_run_embeds_everything(
    index: Index, table: EmbeddingTable, small_gallery: Path, network: SimilarityNetwork
) -> None:
    report = index()
    assert report == IndexReport(
        images=6,
        added=tuple(IDS),
        updated=(),
        removed=(),
        relabelled=(),
        unreadable=(),
        passed_over=("chairs/notes.txt", "lamps/notes.txt"),
        seconds=report.seconds,
    )
    assert report.seconds > 0
    for image_id, row in table.images().items():
        state = (small_gallery / image_id).stat()
        assert row == StoredImage(
            image_id, image_id.split("/")[0], 64, 48, state.st_size, state.st_mtime_ns, None
        )
    pictures = [load_image(small_gallery / image_id).pixels for image_id in IDS]
    expected = network.decompose(pictures).unit_embedding
    np.testing.assert_allclose(table.embeddings(IDS), expected, atol=1e-6)


def test_a_second_run_does_nothing(
    index: Index, table: EmbeddingTable, read_files: list[str]
) -> None:
    first = index()
    version = table.version
    read_files.clear()
    progress: list[IndexProgress] = []
    report = index(on_progress=progress.append)
    assert report == replace(first, added=(), seconds=report.seconds)
    assert (table.version, read_files, progress) == (version, [], [])


def test_a_changed_gallery_is_brought_up_to_date_and_the_report_names_all(
    index: Index, table: EmbeddingTable, small_gallery: Path, tmp_path: Path, read_files: list[str]
) -> None:
    index()
    read_files.clear()
    noise(small_gallery / "lamps" / "view_3.png", seed=7)
    noise(small_gallery / "Stühle & 'mehr'" / "it's 1.png", seed=8)
    noise(small_gallery / "chairs" / "view_2.png", seed=9, size=(80, 60))
    (small_gallery / "chairs" / "view_10.png").unlink()
    (small_gallery / "lamps" / "view_1.png").rename(small_gallery / "chairs" / "moved.png")
    shutil.copy(small_gallery / "chairs" / "moved.png", small_gallery / "lamps" / "view_1.png")
    spoil(small_gallery)
    (small_gallery / "table.csv").write_text("path\n")
    report = index()
    assert report.images == 8
    assert report.added == (
        "chairs/moved.png",
        "lamps/view_3.png",
        "Stühle & 'mehr'/it's 1.png",
    )
    assert report.updated == ("chairs/view_2.png", "lamps/view_1.png")
    assert report.removed == ("chairs/view_10.png",)
    assert report.passed_over == ("chairs/notes.txt", "lamps/notes.txt", "table.csv")
    unreadable = dict(report.unreadable)
    assert set(unreadable) == set(UNREADABLE)
    for name, (_, reason) in UNREADABLE.items():
        assert name in unreadable[name]
        assert reason in unreadable[name]
    assert set(read_files) == {*report.added, *report.updated, *unreadable}
    index(folder="another")
    assert_same(table, replace(table, folder=tmp_path / "another"))


@pytest.mark.parametrize("keep", ["size", "time"])
def test_a_file_has_changed_if_its_size_or_its_time_has(
    keep: str, index: Index, table: EmbeddingTable, small_gallery: Path
) -> None:
    index()
    file = small_gallery / "chairs" / "view_1.png"
    state = file.stat()
    if keep == "size":
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    else:
        noise(file, seed=5, size=(30, 20))
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    plan = plan_index(open_gallery(small_gallery), table)
    assert [image.id for image in plan.changed] == ["chairs/view_1.png"]
    report = index()
    assert (report.updated, report.added) == (("chairs/view_1.png",), ())
    assert plan_index(open_gallery(small_gallery), table).is_empty


def test_other_labels_need_no_new_embeddings(
    index: Index,
    small_gallery: Path,
    network: SimilarityNetwork,
    tmp_path: Path,
    read_files: list[str],
) -> None:
    manifest = small_gallery / "list.csv"
    manifest.write_text("path,label\n" + "".join(f"{image_id},a\n" for image_id in IDS))
    index(manifest)
    table = embedding_table(open_gallery(manifest), network.fingerprint, folder=tmp_path / "store")
    _, embeddings = contents(table)
    labels = ["it's", "it's", None, "Stühle", "a", None]
    lines = (f"{i},{label or ''}\n" for i, label in zip(IDS, labels, strict=True))
    manifest.write_text("path,label\n" + "".join(lines))
    read_files.clear()
    report = index(manifest)
    assert report.relabelled == tuple(i for i in IDS if i != IDS[4])
    assert (report.added, report.updated, report.removed, read_files) == ((), (), (), [])
    images, after = contents(table)
    assert {image_id: row.label for image_id, row in images.items()} == dict(
        zip(IDS, labels, strict=True)
    )
    assert after == embeddings


def test_unreadable_files_are_tried_again_only_when_they_have_changed(
    index: Index, small_gallery: Path, read_files: list[str]
) -> None:
    spoil(small_gallery)
    first = index()
    assert first.images == 6
    read_files.clear()
    again = index()
    assert again.unreadable == first.unreadable
    assert (again.images, again.added, read_files) == (6, (), [])
    noise(small_gallery / "chairs" / "empty.jpg", seed=5)
    (small_gallery / "chairs" / "text.jpg").write_bytes(b"another text")
    mended = index()
    assert sorted(read_files) == ["chairs/empty.jpg", "chairs/text.jpg"]
    assert (mended.images, mended.updated) == (7, ("chairs/empty.jpg",))
    assert {name for name, _ in mended.unreadable} == {"chairs/text.jpg", "lamps/cut.png"}
    (small_gallery / "lamps" / "cut.png").unlink()
    gone = index()
    assert gone.removed == ("lamps/cut.png",)
    assert [name for name, _ in gone.unreadable] == ["chairs/text.jpg"]


def test_a_readable_file_may_become_unreadable(
    index: Index, table: EmbeddingTable, small_gallery: Path
) -> None:
    index()
    (small_gallery / "chairs" / "view_1.png").write_bytes(b"text")
    report = index()
    assert (report.images, report.updated) == (5, ())
    assert [name for name, _ in report.unreadable] == ["chairs/view_1.png"]
    assert not table.embeddings(["chairs/view_1.png"]).any()


def test_files_that_vanish_while_indexing_are_reported(
    small_gallery: Path, network: SimilarityNetwork, table: EmbeddingTable
) -> None:
    gallery = open_gallery(small_gallery)
    (small_gallery / "chairs" / "view_1.png").unlink()
    shutil.rmtree(small_gallery / "lamps")
    report = index_gallery(gallery, network, table)
    assert report.images == 2
    assert dict(report.unreadable) == {
        image_id: f"there is no file {image_id}" for image_id in (IDS[0], *IDS[3:])
    }
    report = index_gallery(open_gallery(small_gallery), network, table)
    assert report.removed == (IDS[0], *IDS[3:])
    assert report.unreadable == ()


def test_a_manifest_may_name_what_is_not_there_yet(index: Index, small_gallery: Path) -> None:
    manifest = small_gallery / "list.csv"
    manifest.write_text("path\nchairs/view_1.png\nlater.png\na\0b.png\n")
    report = index(manifest)
    assert report.images == 1
    assert [name for name, _ in report.unreadable] == ["later.png"]
    assert [name for name, _ in report.left_out] == ["a\0b.png"]
    noise(small_gallery / "later.png", seed=5)
    report = index(manifest)
    assert (report.images, report.updated) == (2, ("later.png",))


def test_sizes_are_those_of_the_upright_original(
    index: Index, table: EmbeddingTable, small_gallery: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.effect_noise((90, 40), 50).convert("RGB")
    turned.save(small_gallery / "chairs" / "turned.jpg", exif=exif)
    index()
    row = table.images()["chairs/turned.jpg"]
    assert (row.width, row.height) == (40, 90)


@pytest.mark.parametrize("seconds_per_commit", [0.0, 100.0])
def test_whole_batches_may_be_unreadable(
    seconds_per_commit: float,
    index: Index,
    table: EmbeddingTable,
    small_gallery: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How long an embedding is, is not known before the first image could be read."""
    monkeypatch.setattr(indexing, "BATCH", {"cpu": 2})
    monkeypatch.setattr(indexing, "SECONDS_PER_COMMIT", seconds_per_commit)
    wrong = [f"a/{number}.jpg" for number in range(4)] + [f"z/{number}.jpg" for number in range(3)]
    for name in wrong:
        (small_gallery / name).parent.mkdir(exist_ok=True)
        (small_gallery / name).write_bytes(b"text")
    for _ in range(2):
        report = index()
        assert report.images == 6
        assert sorted(name for name, _ in report.unreadable) == wrong
    assert set(table.images()) == {*IDS, *wrong}
    assert plan_index(open_gallery(small_gallery), table).is_empty
    assert np.linalg.norm(table.embeddings(IDS), axis=1) == pytest.approx(np.ones(6))


def test_no_readable_image_at_all_is_an_error_until_there_is_one(
    index: Index, small_gallery: Path
) -> None:
    for image_id in IDS:
        (small_gallery / image_id).write_bytes(b"text")
    for _ in range(2):
        with pytest.raises(GalleryError, match=r"no image of .* can be read; chairs/view_1\.png: "):
            index()
    noise(small_gallery / IDS[1], seed=5)
    report = index()
    assert (report.images, len(report.unreadable)) == (1, 5)
    (small_gallery / IDS[1]).write_bytes(b"text again")
    for _ in range(2):
        with pytest.raises(GalleryError, match="can be read"):
            index()


def test_progress_goes_up_to_the_total(
    index: Index, small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", {"cpu": 4})
    spoil(small_gallery)
    seen: list[IndexProgress] = []
    index(on_progress=seen.append)
    assert [progress.done for progress in seen] == [4, 8, 9]
    assert {progress.total for progress in seen} == {9}
    assert all(progress.rate > 0 for progress in seen)
    assert [progress.seconds_left > 0 for progress in seen] == [True, True, False]


def test_cancelling_keeps_what_is_done(
    index: Index,
    table: EmbeddingTable,
    small_gallery: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_files: list[str],
) -> None:
    monkeypatch.setattr(indexing, "BATCH", {"cpu": 2})
    done: list[int] = []
    report = index(
        on_progress=lambda progress: done.append(progress.done), is_cancelled=lambda: bool(done)
    )
    assert (report.was_cancelled, report.images, report.added) == (True, 2, tuple(IDS[:2]))
    assert list(table.images()) == IDS[:2]
    read_files.clear()
    report = index()
    assert (report.was_cancelled, report.images, report.added) == (False, 6, tuple(IDS[2:]))
    assert sorted(read_files) == sorted(IDS[2:])
    index(folder="another")
    assert contents(table) == contents(replace(table, folder=tmp_path / "another"))


def test_openvino_is_given_batches_together(
    small_gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("openvino") is None:  # imported as SimViz does, which tells nobody
        pytest.skip("OpenVINO is not installed")
    monkeypatch.delenv(ENGINE_VARIABLE)
    monkeypatch.setattr(indexing, "BATCH", {"cpu": 1})
    network = load_network("efficientnet_lite0")
    assert network.engine_in_use.is_openvino
    spoil(small_gallery)
    gallery = open_gallery(small_gallery)
    tables = {}
    for at_once in (1, 2):
        monkeypatch.setattr(indexing, "RUNS_AT_ONCE", at_once)
        tables[at_once] = embedding_table(
            gallery, network.fingerprint, folder=tmp_path / f"{at_once}"
        )
        index_gallery(gallery, network, tables[at_once])
    assert contents(tables[1]) == contents(tables[2])

    # What is begun when somebody cancels is finished and kept.
    table = embedding_table(gallery, network.fingerprint, folder=tmp_path / "cancelled")
    done: list[int] = []
    report = index_gallery(
        gallery, network, table, lambda progress: done.append(progress.done), lambda: bool(done)
    )
    assert (report.was_cancelled, done) == (True, [1, 2])

    # What fails in a thread is said, and what was embedded before it can be gone on from.
    def fail(self: SimilarityNetwork, pixels: Tensor) -> Tensor:
        raise NetworkError("not finite")

    with monkeypatch.context() as failing:
        failing.setattr(SimilarityNetwork, "unit_embeddings", fail)
        with pytest.raises(NetworkError, match="not finite"):
            index_gallery(gallery, network, table)
    index_gallery(gallery, network, table)
    assert contents(table) == contents(tables[1])


def test_cancelling_at_once_does_nothing(index: Index, table: EmbeddingTable) -> None:
    report = index(is_cancelled=lambda: True)
    assert (report.was_cancelled, report.images, report.added) == (True, 0, ())
    assert table.version == 0
    assert index().images == 6


@pytest.mark.parametrize("pattern", ["data/*.lance", "_versions/*.manifest"])
def test_damaged_embeddings_are_made_anew(
    pattern: str, index: Index, table: EmbeddingTable, tmp_path: Path
) -> None:
    index()
    before = contents(table)
    for file in (table.folder / f"{table.name}.lance").glob(pattern):
        file.write_bytes(file.read_bytes()[:-200])
    report = index()
    assert report.was_rebuilt
    assert report.added == tuple(IDS)
    assert contents(table) == before
    assert not index().was_rebuilt


def test_many_chunks_are_joined(
    index: Index, table: EmbeddingTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", {"cpu": 2})
    index(folder="another")
    monkeypatch.setattr(indexing, "SECONDS_PER_COMMIT", 0.0)
    monkeypatch.setattr(storing.table, "MANY_CHUNKS", 2)
    index()
    data = table.folder / f"{table.name}.lance" / "data"
    assert len(list(data.glob("*.lance"))) == 4, (
        "three chunks, and the one that they were joined in"
    )
    assert contents(table) == contents(replace(table, folder=tmp_path / "another"))


def test_a_gallery_that_is_being_indexed_is_left_alone(
    index: Index, table: EmbeddingTable, read_files: list[str]
) -> None:
    with table.locked(), pytest.raises(StoreError, match="another process"):
        index()
    assert (table.version, read_files) == (0, [])
    assert index().images == 6


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_can_be_searched(
    precision: str, small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    gallery = open_gallery(small_gallery)
    table = embedding_table(gallery, network.fingerprint, precision, tmp_path)
    assert index_gallery(gallery, network, table).images == 6
    scores = table.embeddings(IDS) @ table.embeddings(IDS).T
    assert np.diag(scores) == pytest.approx(np.ones(6), abs=1e-6)


def left_behind(table: EmbeddingTable) -> dict[str, bytes]:
    """The embeddings that a killed process has written; it may have been about to begin."""
    try:
        return contents(table)[1] if table.version else {}
    except StoreError:
        return {}


def received(connection: Connection, count: int | None = None) -> list[object]:
    """What a process sends: that many messages, or all until it ends."""
    messages: list[object] = []
    while count is None or len(messages) < count:
        assert connection.poll(60), "the process has stopped without a word"
        try:
            messages.append(connection.recv())
        except EOFError:
            return messages
    return messages


def test_killed_five_times_the_table_is_as_if_it_had_not_been(
    demo_rooms: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    for number in range(13):
        shutil.copytree(demo_rooms / f"hotel_{number:02d}", tmp_path / "rooms" / str(number))
    gallery = open_gallery(tmp_path / "rooms")
    table, whole = (
        embedding_table(gallery, network.fingerprint, folder=tmp_path / folder)
        for folder in ("killed", "whole")
    )
    with indexing_process(gallery.source, whole.folder) as (_, connection):
        *_, uninterrupted = received(connection)
    assert isinstance(uninterrupted, IndexReport)
    seconds_per_batch = uninterrupted.seconds * BATCH / len(gallery.images)

    chance = random.Random(0)
    done: dict[str, bytes] = {}
    for _ in range(5):
        with indexing_process(gallery.source, table.folder) as (process, connection):
            batches = chance.randrange(2)
            received(connection, 1 + batches)
            time.sleep(chance.uniform(0, 2) * seconds_per_batch)
            process.kill()
            process.join()
        before, done = done, left_behind(table)
        assert done.items() >= before.items(), "what was written stays"
        assert len(done) % BATCH == 0, "batches are there whole or not at all"
        # The last batch that was reported may not have been written.
        assert len(done) >= len(before) + BATCH * (batches - 1)
    assert 0 < len(done) < len(gallery.images)

    with indexing_process(gallery.source, table.folder) as (_, connection):
        *counts, report = received(connection)
    assert isinstance(report, IndexReport)
    assert counts[-1] == len(gallery.images) - len(done), "finished batches are not done again"
    assert set(report.added) == set(gallery.by_id) - set(done)
    assert (report.images, report.unreadable, report.was_rebuilt) == (78, (), False)
    assert contents(table) == contents(whole)
    assert list(table.images()) == [image.id for image in gallery.images]


POOLINGS_TOGETHER = ("max", "rmac")


def tables_together(
    gallery: Gallery, network: SimilarityNetwork, folder: Path
) -> list[tuple[SimilarityNetwork, EmbeddingTable]]:
    networks = [network, *map(network.with_pooling, POOLINGS_TOGETHER)]
    return [(each, embedding_table(gallery, each.fingerprint, folder=folder)) for each in networks]


def test_several_poolings_cost_one_run(
    small_gallery: Path,
    network: SimilarityNetwork,
    tmp_path: Path,
    read_files: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gallery = open_gallery(small_gallery)
    runs = []
    plain = SimilarityNetwork.run_trunk

    def counted(self: SimilarityNetwork, pixels: Tensor) -> Tensor:
        runs.append(len(pixels))
        return plain(self, pixels)

    monkeypatch.setattr(SimilarityNetwork, "run_trunk", counted)
    targets = tables_together(gallery, network, tmp_path / "together")
    reports = index_together(gallery, targets)
    assert (sum(runs), sorted(read_files)) == (6, sorted(IDS))
    assert [report.added for report in reports] == [tuple(IDS)] * 3
    for each, together in targets:
        alone = embedding_table(gallery, each.fingerprint, folder=tmp_path / "alone")
        index_gallery(gallery, each, alone)
        assert_same(together, alone)


def test_what_a_table_has_is_not_written_again(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    """One table is complete, one lacks an image, one is empty: each gets what it lacks."""
    gallery = open_gallery(small_gallery)
    targets = tables_together(gallery, network, tmp_path)
    index_gallery(gallery, *targets[0])
    index_gallery(gallery, *targets[1])
    targets[1][1].remove([IDS[2]])
    before = contents(targets[0][1])
    reports = index_together(gallery, targets)
    assert [report.added for report in reports] == [(), (IDS[2],), tuple(IDS)]
    assert contents(targets[0][1]) == before
    assert all(list(table.images()) for _, table in targets)


def test_unreadable_files_are_named_for_each(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    spoil(small_gallery)
    gallery = open_gallery(small_gallery)
    reports = index_together(gallery, tables_together(gallery, network, tmp_path))
    assert all([name for name, _ in r.unreadable] == sorted(UNREADABLE) for r in reports)


def test_a_cancelled_run_goes_on_for_all(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(indexing.BATCH, "cpu", 2)
    gallery = open_gallery(small_gallery)
    targets = tables_together(gallery, network, tmp_path / "together")
    done: list[IndexProgress] = []
    reports = index_together(gallery, targets, done.append, lambda: len(done) == 1)
    assert all(report.was_cancelled and len(report.added) == 2 for report in reports)
    index_together(gallery, targets)
    for each, together in targets:
        alone = embedding_table(gallery, each.fingerprint, folder=tmp_path / "alone")
        index_gallery(gallery, each, alone)
        assert contents(together) == contents(alone)


def trained(network: SimilarityNetwork, factor: float) -> SimilarityNetwork:
    """The network with other weights, as another checkpoint of a run has them."""
    trunk = copy.deepcopy(network.trunk)
    with torch.no_grad():
        next(trunk.parameters()).mul_(factor)
    return replace(network, trunk=trunk, engine=None)


def test_several_checkpoints_cost_one_reading(
    small_gallery: Path,
    network: SimilarityNetwork,
    tmp_path: Path,
    read_files: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gallery = open_gallery(small_gallery)
    networks = [network, trained(network, 0.5), trained(network, 0.8)]

    def targets(folder: str) -> list[Callable[[], indexing.Target]]:
        tables = [
            embedding_table(gallery, n.fingerprint, folder=tmp_path / folder) for n in networks
        ]
        return [partial(lambda *pair: pair, *pair) for pair in zip(networks, tables, strict=True)]

    reports = index_each(gallery, targets("together"))
    assert sorted(read_files) == sorted(IDS)
    assert [report.added for report in reports] == [tuple(IDS)] * 3
    for (each, together), load in zip(
        (load() for load in targets("together")), targets("alone"), strict=True
    ):
        index_gallery(gallery, *load())
        assert contents(together) == contents(load()[1]), each.fingerprint

    def refuse(*_: object) -> None:
        raise AssertionError("a network with a complete table was run")

    networks[1].trunk.register_forward_pre_hook(refuse)
    networks.append(trained(network, 0.9))
    reports = index_each(gallery, targets("together"))
    assert [len(report.added) for report in reports] == [0, 0, 0, 6]

    read_files.clear()
    del networks[1]
    monkeypatch.setattr(indexing, "TOGETHER_BYTES", 2 * network.weights_bytes)
    index_each(gallery, targets("two at a time"))
    assert sorted(read_files) == sorted(2 * IDS)


def test_a_network_that_fails_does_not_keep_others_from_being_indexed(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    gallery = open_gallery(small_gallery)
    networks = [network, trained(network, float("nan")), trained(network, 0.5)]

    def load(network: SimilarityNetwork) -> indexing.Target:
        return network, embedding_table(gallery, network.fingerprint, folder=tmp_path)

    def refused() -> indexing.Target:
        raise CheckpointError("it does not fit")

    first, failed, missing, last = index_each(
        gallery,
        [*(partial(load, each) for each in networks[:2]), refused, partial(load, networks[2])],
    )
    assert (first.images, last.images) == (6, 6)
    assert isinstance(failed, NetworkError)
    assert str(missing) == "it does not fit"


def test_other_networks_are_not_run_together(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    gallery = open_gallery(small_gallery)
    other = replace(network, size=320)
    targets = [
        (n, embedding_table(gallery, n.fingerprint, folder=tmp_path)) for n in (network, other)
    ]
    with pytest.raises(ValueError, match="need one input"):
        index_together(gallery, targets)


def test_a_complete_index_needs_no_lock(
    small_gallery: Path, network: SimilarityNetwork, table: EmbeddingTable
) -> None:
    """Another process may hold it, or its folder be read-only: there is nothing to write."""
    gallery = open_gallery(small_gallery)
    index_gallery(gallery, network, table)
    with table.locked():
        report = index_gallery(gallery, network, table)
        assert (report.images, report.added) == (6, ())
        noise(small_gallery / "lamps" / "new.png", seed=7)
        with pytest.raises(StoreError, match="another process"):
            index_gallery(open_gallery(small_gallery), network, table)
