import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from simviz_core.errors import StoreError
from simviz_core.gallery import Gallery, GalleryImage, open_gallery
from simviz_core.retrieval import (
    CACHE_VARIABLE,
    PRECISIONS,
    EmbeddingTable,
    StoredImage,
    default_store_folder,
    embedding_table,
    storing,
)

ODD_IDS = [
    "plain.png",
    "it's/'quoted'.png",
    'double "quotes".png',
    "back\\slash.png",
    "percent %_.png",
    "Stühle/日本 🛏.png",
    "new\nline.png",
    "'; DROP TABLE x; --.png",
    "",
]


def units(count: int, dimension: int = 16, seed: int = 0) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def rows(ids: list[str]) -> list[StoredImage]:
    return [
        StoredImage(
            image_id, f"class {n % 3}" if n % 4 else None, 640 + n, 480, 10_000_000_000, n, None
        )
        for n, image_id in enumerate(ids)
    ]


def numbered(count: int, start: int = 0) -> list[str]:
    return [f"view_{number}.png" for number in range(start, start + count)]


@pytest.fixture
def table(tmp_path: Path) -> EmbeddingTable:
    return EmbeddingTable(tmp_path / "new" / "folder", "table")


@pytest.fixture
def filled(table: EmbeddingTable) -> EmbeddingTable:
    """Forty rows in four chunks, some of them removed and relabelled."""
    for chunk in range(4):
        ids = numbered(10, start=10 * chunk)
        table.append(rows(ids), units(10, seed=chunk))
    table.remove(["view_3.png"])
    table.relabel({"view_4.png": "other"})
    return table


def test_no_table_is_no_error(table: EmbeddingTable) -> None:
    assert (table.version, table.dimension, table.images()) == (0, 0, {})
    assert not table.folder.exists(), "asking leaves no trace"
    table.discard()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_is_put_in_comes_out(precision: str, tmp_path: Path) -> None:
    table = EmbeddingTable(tmp_path, "table", precision)
    images, embeddings = rows(numbered(50)), units(50, 1280)
    table.append(images[:20], embeddings[:20])
    table.append(images[20:], embeddings[20:])
    assert list(table.images().values()) == images
    assert table.dimension == 1280
    found = table.embeddings([image.id for image in images])
    if precision == "float32":
        np.testing.assert_array_equal(found, embeddings)
    else:
        # Half precision keeps 11 bits; lengths are made 1 again.
        np.testing.assert_allclose(found, embeddings, rtol=2**-11 + 1e-4, atol=1e-7)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(found @ found.T, embeddings @ embeddings.T, atol=5e-5)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_matrix_is_in_the_order_asked_for_contiguous_and_read_only(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing.table, "READ_AT_ONCE", 7)
    table = EmbeddingTable(tmp_path, "table", precision)
    embeddings = units(40)
    for start in (0, 13, 25):
        part = slice(start, {0: 13, 13: 25, 25: 40}[start])
        table.append(rows(numbered(40))[part], embeddings[part])
    order = np.random.default_rng(0).permutation(40)[:30]
    matrix = table.embeddings([f"view_{number}.png" for number in order])
    np.testing.assert_allclose(matrix, embeddings[order], atol=1e-3)
    assert (matrix.dtype, matrix.shape) == (np.float32, (30, 16))
    assert matrix.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1
    assert table.embeddings([]).shape == (0, 16)


def test_unreadable_files_have_a_row_without_an_embedding(table: EmbeddingTable) -> None:
    image = StoredImage("a.png", None, 0, 0, -1, 0, "there is no file a.png")
    table.append([image], np.zeros((1, 4), np.float32))
    assert table.images() == {"a.png": image}
    np.testing.assert_array_equal(table.embeddings(["a.png"]), np.zeros((1, 4)))


def test_half_precision_leaves_zeros_zero(tmp_path: Path) -> None:
    table = EmbeddingTable(tmp_path, "table", "float16")
    table.append(rows(["a.png"]), np.zeros((1, 4), np.float32))
    np.testing.assert_array_equal(table.embeddings(["a.png"]), np.zeros((1, 4)))


def test_the_version_goes_up_with_every_change(table: EmbeddingTable) -> None:
    versions = [table.version]

    def has_risen() -> bool:
        versions.append(table.version)
        return versions[-1] > versions[-2]

    table.append(rows(numbered(3)), units(3))
    assert has_risen()
    table.append(rows(numbered(3, 3)), units(3))
    assert has_risen()
    table.relabel({"view_1.png": "other"})
    assert has_risen()
    table.remove(["view_1.png"])
    assert has_risen()
    table.images(), table.embeddings(["view_2.png"])
    assert not has_risen()


def test_ids_and_labels_may_hold_anything(table: EmbeddingTable) -> None:
    embeddings = units(len(ODD_IDS))
    table.append(rows(ODD_IDS), embeddings)
    assert list(table.images()) == ODD_IDS
    np.testing.assert_array_equal(table.embeddings(ODD_IDS[::-1]), embeddings[::-1])
    labels = dict(zip(ODD_IDS, [*ODD_IDS[1:], None], strict=True))
    table.relabel(labels)
    assert {image_id: row.label for image_id, row in table.images().items()} == labels
    kept = ODD_IDS[4:]
    table.remove(ODD_IDS[:4])
    assert set(table.images()) == set(kept)
    np.testing.assert_array_equal(table.embeddings(kept), embeddings[4:])


def test_relabelling_changes_nothing_else(filled: EmbeddingTable) -> None:
    before, ids = filled.images(), ["view_7.png", "view_11.png", "view_12.png"]
    embeddings = filled.embeddings(ids)
    labels = {"view_7.png": None, "view_11.png": "it's new", "view_12.png": "it's new"}
    filled.relabel(labels)
    changed = {i: replace(before[i], label=label) for i, label in labels.items()}
    assert filled.images() == before | changed
    np.testing.assert_array_equal(filled.embeddings(ids), embeddings)


def test_many_ids_at_once(table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing.table, "IDS_AT_ONCE", 100)
    ids = numbered(450)
    table.append(rows(ids), units(450, 4))
    table.relabel(dict.fromkeys(ids[:250], "other"))
    assert sum(row.label == "other" for row in table.images().values()) == 250
    table.remove(ids[:350])
    assert list(table.images()) == ids[350:]
    table.remove(ids[350:])
    assert table.images() == {}
    assert table.dimension == 4


def test_what_is_not_there_is_not_removed(filled: EmbeddingTable) -> None:
    before = filled.images()
    filled.remove(["nothing.png", "view_3.png"])
    filled.relabel({"nothing.png": "x"})
    filled.remove([])
    filled.relabel({})
    assert filled.images() == before


def test_an_id_that_is_missing_is_an_error(filled: EmbeddingTable) -> None:
    with pytest.raises(StoreError, match="lack 2 images; index again"):
        filled.embeddings(["view_1.png", "view_3.png", "nothing.png"])


def test_joining_many_chunks_keeps_what_they_hold(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = storing.table.MANY_CHUNKS + 3
    embeddings = units(count)
    for number in range(count):
        table.append(rows([f"{number}.png"]), embeddings[number : number + 1])
    before, version = table.images(), table.version
    with monkeypatch.context() as patch:
        patch.setattr(storing.table, "ENOUGH_ROWS", 1)
        table.compact()
    assert table.version == version, "chunks that are long enough stay"
    table.compact()
    assert table.version > version
    assert table.images() == before
    np.testing.assert_array_equal(table.embeddings(list(before)), embeddings)
    version = table.version
    table.compact()
    assert table.version == version, "there is nothing left to join"


def spoil(table: EmbeddingTable, pattern: str, keep: float | None) -> None:
    """Cut files off, or delete them, as a full disk or a careless hand would."""
    files = list((table.folder / "table.lance").glob(pattern))
    assert files
    for file in files:
        if keep is None:
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[: int(keep * file.stat().st_size)])


@pytest.mark.parametrize("pattern", ["data/*.lance", "_versions/*.manifest"])
@pytest.mark.parametrize("keep", [None, 0.0, 0.1, 0.5, 0.95])
def test_damage_is_named_and_can_be_thrown_away(
    pattern: str, keep: float | None, filled: EmbeddingTable
) -> None:
    spoil(filled, pattern, keep)
    with pytest.raises(StoreError, match="damaged; index the gallery again"):
        filled.embeddings(["view_1.png"])
    with pytest.raises(StoreError, match="damaged; index the gallery again"):
        filled.images()
    filled.discard()
    assert (filled.version, filled.images()) == (0, {})
    filled.append(rows(["a.png"]), units(1))
    assert list(filled.images()) == ["a.png"]


def test_a_list_of_chunks_that_is_cut_off_anywhere_is_damage(table: EmbeddingTable) -> None:
    """LanceDB panics at some lengths, which is no error of any class that it documents."""
    table.append(rows(["a.png"]), units(1))
    (manifest,) = (table.folder / "table.lance" / "_versions").glob("*.manifest")
    content = manifest.read_bytes()
    for length in range(0, len(content), 2):
        manifest.write_bytes(content[:length])
        with pytest.raises(StoreError, match="damaged"):
            assert table.version


def test_a_table_without_anything_in_it_is_damaged(table: EmbeddingTable) -> None:
    """A process was killed before it had written the first chunk."""
    (table.folder / "table.lance" / "data").mkdir(parents=True)
    for ask in (table.images, lambda: table.version, lambda: table.dimension):
        with pytest.raises(StoreError, match="damaged"):
            ask()


def test_a_table_that_is_being_written_can_be_read(filled: EmbeddingTable) -> None:
    other = EmbeddingTable(filled.folder, filled.name)
    with filled.locked():
        filled.append(rows(numbered(5, start=40)), units(5))
        assert len(other.images()) == 44
        assert other.embeddings(["view_44.png"]).shape == (1, 16)


@pytest.fixture
def locked_elsewhere(table: EmbeddingTable) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the table's lock, until it is told to end."""
    table.folder.mkdir(parents=True)
    program = (
        "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(table.folder / f"{table.name}.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.kill()


def test_only_one_process_writes(
    table: EmbeddingTable, locked_elsewhere: subprocess.Popen[bytes]
) -> None:
    with pytest.raises(StoreError, match="indexed by another process"), table.locked():
        pass
    with EmbeddingTable(table.folder, "another").locked():
        pass
    locked_elsewhere.kill()
    locked_elsewhere.wait()
    with table.locked():  # what is killed leaves no lock behind
        pass


def test_a_lock_is_given_back_after_an_error(table: EmbeddingTable) -> None:
    with pytest.raises(KeyError), table.locked():
        raise KeyError
    with table.locked(), pytest.raises(StoreError, match="another process"), table.locked():
        pass


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        table = EmbeddingTable(folder, "table")
        assert table.version == 0
        with pytest.raises(StoreError, match=f"cannot be written to .*{CACHE_VARIABLE}"):
            table.locked().__enter__()
        with pytest.raises(StoreError, match="cannot be written"):
            table.append(rows(["a.png"]), units(1))


@pytest.mark.parametrize("name", ["with space", "#1 100%", "a?b=c", "Stühle", "it's", "a:b"])
def test_the_folder_may_be_called_anything(name: str, tmp_path: Path) -> None:
    table = EmbeddingTable(tmp_path / name, "table")
    with table.locked():
        table.append(rows(["a.png"]), units(1))
    assert (tmp_path / name / "table.lance").is_dir()
    assert list(table.images()) == ["a.png"]


def test_each_gallery_network_and_precision_has_a_table(tmp_path: Path) -> None:
    def name(source: Path, fingerprint: str = "f" * 64, precision: str = "float32") -> str:
        gallery = Gallery(source, (GalleryImage("a.png", source / "a.png", None),))
        return embedding_table(gallery, fingerprint, precision, tmp_path).name

    sources = ["one/images", "two/images", "one/images.csv", "one/Bilder & mehr", "one/日本", "one"]
    names = {name(tmp_path / source) for source in sources}
    names |= {name(tmp_path / "one", "0" * 64), name(tmp_path / "one", precision="float16")}
    assert len(names) == len(sources) + 2
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-B") for name in names)
    assert len(name(tmp_path / ("x" * 200))) < 150
    assert name(tmp_path / "one" / ".." / "one") == name(tmp_path / "one")
    assert name(Path("/"))


def test_a_link_to_a_gallery_is_that_gallery(small_gallery: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(small_gallery)
    tables = [
        embedding_table(open_gallery(place), "f" * 64)
        for place in (small_gallery, tmp_path / "link")
    ]
    assert tables[0] == tables[1]


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mine"))
    assert default_store_folder() == tmp_path / "mine"
    gallery = Gallery(tmp_path, (GalleryImage("a.png", tmp_path / "a.png", None),))
    assert embedding_table(gallery, "f" * 64).folder == tmp_path / "mine"
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    if sys.platform == "linux":
        assert default_store_folder() == tmp_path / "users" / "simviz"
