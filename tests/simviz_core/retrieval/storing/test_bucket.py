"""Tables in a bucket: on two servers that may be written to by many, and on some that fail."""

import logging
import pickle
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

import bucket_servers
import numpy as np
import pytest
from bucket_servers import KEYS, served
from interrupted_indexing import BATCH, indexing_process
from numpy.typing import NDArray

from simviz_core.configuration import wrong_settings
from simviz_core.errors import DamagedStoreError, SettingsError, SimVizError, StoreError
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    CACHE_VARIABLE,
    EmbeddingTable,
    IndexReport,
    StoredImage,
    embedding_table,
    index_gallery,
    load_index,
)
from simviz_core.retrieval.scanning import MEMORY_VARIABLE, CodesScan, read_scan
from simviz_core.retrieval.storing import bucket as bucket_module
from simviz_core.retrieval.storing import lease
from simviz_core.retrieval.storing.bucket import STORE_VARIABLE, Bucket
from simviz_core.retrieval.storing.hold import TAKEN

pytest.importorskip("obstore", reason="requirements-scale.txt is not installed")
pytest.importorskip("lance", reason="requirements-scale.txt is not installed")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with bucket_servers.moto() as address:
        yield address


@pytest.fixture(scope="module")
def localbucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with bucket_servers.localbucket(tmp_path_factory.mktemp("localbucket")) as address:
        yield address


@pytest.fixture(params=["moto", "localbucket"])
def endpoint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of each of them, set up in the environment."""
    address: str = request.getfixturevalue(request.param)
    use(monkeypatch, address)
    if request.param == "localbucket":
        monkeypatch.delenv("AWS_SESSION_TOKEN")  # it would be in the address of what is deleted
    return address


def use(monkeypatch: pytest.MonkeyPatch, address: str) -> dict[str, str]:
    """Have an endpoint used, with the keys; returns the environment's variables."""
    variables = {**KEYS, "AWS_ENDPOINT_URL": address}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def table(endpoint: str, tmp_path: Path) -> EmbeddingTable:
    return EmbeddingTable(tmp_path, "table", "float32", Bucket("tables", f"some/{tmp_path.name}"))


def rows(*numbers: int) -> list[StoredImage]:
    return [StoredImage(f"view_{n}.png", "a", 640, 480, 10, n, None) for n in numbers]


def units(*numbers: int) -> NDArray[np.float32]:
    values = np.array([np.random.default_rng(n).normal(size=16) for n in numbers], np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def count(table: EmbeddingTable) -> int:
    """Rows of a table; of its `images` some might be twice there."""
    return int(table._open().count_rows())


def test_a_table_in_a_bucket_is_as_one_in_a_folder(table: EmbeddingTable, tmp_path: Path) -> None:
    def fill(unlocked: EmbeddingTable) -> None:
        assert not unlocked.is_there
        assert (unlocked.version, unlocked.images(), unlocked.dimension) == (0, {}, 0)
        with unlocked.locked() as locked:
            locked.append(rows(1, 2, 3), units(1, 2, 3))
            locked.append(rows(4), units(4))
            locked.relabel({"view_2.png": "it's"})
            locked.remove(["view_1.png"])
        with unlocked.locked() as locked:
            locked.append(rows(5), units(5))
            locked.compact()

    local = EmbeddingTable(tmp_path / "local", "table")
    fill(local)
    fill(table)
    assert table.images() == local.images()
    ids = sorted(local.images())
    np.testing.assert_array_equal(table.embeddings(ids), local.embeddings(ids))
    assert table.dimension == local.dimension
    assert table.damaged() == []
    assert table.bucket
    assert not table.bucket.keys("table.lock"), "the lease is given back"
    assert not [path for path in tmp_path.rglob("*.lance") if local.folder not in path.parents]


def test_while_one_process_writes_others_are_told_to_wait(table: EmbeddingTable) -> None:
    with (
        table.locked(),
        pytest.raises(StoreError, match="being indexed by another process; wait"),
        table.locked(),
    ):
        pass
    with table.locked() as locked:
        locked.append(rows(1), units(1))


def test_a_lease_is_kept_for_as_long_as_its_holder_lives(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, renewed = table.bucket, threading.Event()
    assert bucket
    put = Bucket.put

    def watched(self: Bucket, key: str, content: bytes, is_new: bool = False) -> bool:
        done = put(self, key, content, is_new)
        if threading.current_thread().name == "lease":
            renewed.set()
        return done

    monkeypatch.setattr(Bucket, "put", watched)
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.05)
    with table.locked():
        assert renewed.wait(30)


def test_who_was_held_up_and_lost_the_lease_can_change_nothing(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 0.0)  # every holder seems to be dead
    with table.locked() as first:
        first.append(rows(1, 2), units(1, 2))
        fragment = first.write_fragment(rows(3), units(3))
        with table.locked() as second:
            being_written = second.write_fragment(rows(5), units(5))
            first.drop_orphans()
            late: list[Callable[[], None]] = [
                lambda: first.append(rows(9), units(9)),
                lambda: first.append_fragments(fragment),
                lambda: first.remove(["view_1.png"]),
                lambda: first.relabel({"view_1.png": "b"}),
                first.discard,
            ]
            for change in late:
                with pytest.raises(StoreError, match="another process has begun"):
                    change()
            second.append(rows(4), units(4))
            second.append_fragments(being_written)
            second.append(rows(6), units(6))
    assert count(table) == len(table.embeddings(list(table.images()))) == 5
    assert {row.label for row in table.images().values()} == {"a"}


def test_of_two_who_make_a_table_one_does(
    table: EmbeddingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 0.0)
    with table.locked() as first, table.locked() as second:
        first.append(rows(1), units(1))
        fragment = second.write_fragment(rows(1), units(1))
        late: list[Callable[[], None]] = [
            lambda: second.append(rows(1), units(1)),
            lambda: second.append_fragments(fragment),
            lambda: second.create(16),
        ]
        for change in late:
            with pytest.raises(StoreError, match="another process has begun"):
                change()
    assert count(table) == 1


def test_what_a_killed_process_has_left_is_deleted_or_counted(
    table: EmbeddingTable, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = table.bucket
    assert bucket
    data = f"{table.name}.lance/data"
    bucket.put(f"{data}/0123.lance", b"of a process that was killed before there was a table")
    with table.locked() as locked:
        locked.append(rows(1), units(1))
        locked.write_fragment(rows(2), units(2))
    assert len(bucket.keys(data)) == 3
    with table.locked() as locked:
        later = locked.write_fragment(rows(3), units(3))
        assert locked.drop_orphans() == 0
        locked.append_fragments(later)
    assert len(bucket.keys(data)) == 2
    assert sorted(table.images()) == ["view_1.png", "view_3.png"]
    # Of what Lance deletes itself, earlier states, it is counted what a store keeps.
    monkeypatch.setattr(Bucket, "reading_time", timedelta(0))
    with table.locked() as locked:
        assert (locked.drop_orphans() > 0) == ("localbucket" in request.node.callspec.id)
    assert table.embeddings(["view_3.png"]).shape == (1, 16)


def test_damaged_rows_are_thrown_away_and_made_anew(table: EmbeddingTable) -> None:
    bucket = table.bucket
    assert bucket
    with table.locked() as locked:
        locked.append(rows(1, 2), units(1, 2))
    bucket.delete(bucket.keys(f"{table.name}.lance/data"))
    with pytest.raises(DamagedStoreError, match="index the gallery again"):
        table.embeddings(["view_1.png"])
    with table.locked() as locked:
        locked.discard()
        assert locked.images() == {}
        locked.append(rows(3), units(3))
    assert list(table.images()) == ["view_3.png"]


def test_a_table_that_cannot_be_opened_is_not_replaced(table: EmbeddingTable) -> None:
    # A process that was held up could not be told from those that write to the new one.
    bucket = table.bucket
    assert bucket
    with table.locked() as locked:
        locked.append(rows(1), units(1))
    for key in bucket.keys(f"{table.name}.lance/_versions"):
        bucket.put(key, b"no list of chunks")
    with pytest.raises(StoreError, match=r"delete it while nobody indexes"), table.locked():
        pass


def test_files_that_are_searched_lie_here_and_follow_changes_elsewhere(
    table: EmbeddingTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, "1")
    elsewhere = EmbeddingTable(tmp_path / "another machine", table.name, bucket=table.bucket)
    with elsewhere.locked() as locked:
        locked.append(rows(1, 2), units(1, 2))
    for numbers in ((1, 2), (2, 1)):  # then both are made again, the other way round
        scan, _ = read_scan(table, ["view_1.png", "view_2.png"])
        assert isinstance(scan, CodesScan)
        assert table.scan_folder.is_relative_to(tmp_path)
        np.testing.assert_allclose(scan.matrix, units(*numbers), atol=1e-6)
        with elsewhere.locked() as locked:
            locked.discard()
            locked.append(rows(1, 2), units(2, 1))


class Forgetful(BaseHTTPRequestHandler):
    """A store of objects that does not look at `If-None-Match`."""

    objects: ClassVar[dict[str, bytes]] = {}
    puts: ClassVar[list[str]] = []

    def do_PUT(self) -> None:
        self.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.puts.append(self.headers["If-None-Match"])
        self._answer(200)

    def do_GET(self) -> None:
        if "list-type" in self.path:
            self._answer(200, b"<ListBucketResult><Name>tables</Name></ListBucketResult>")
        else:
            self._answer(200, self.objects[self.path])

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall(r"<Key>(.*?)</Key>", asked)
        for key in keys:
            del self.objects[f"/tables/{key}"]
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _answer(self, code: int, content: bytes = b"") -> None:
        self.send_response(code)
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def test_a_store_that_lets_several_writers_win_is_refused_once_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = EmbeddingTable(tmp_path, "table", bucket=Bucket("tables", ""))
    with served(Forgetful) as address:
        use(monkeypatch, address)
        for _ in range(2):
            with pytest.raises(SettingsError, match="several writers"), table.locked():
                pass
        monkeypatch.setenv(STORE_VARIABLE, "s3://tables")
        assert "several writers" in wrong_settings()[0]
    assert Forgetful.puts == ["*"] * bucket_module.WRITERS
    assert Forgetful.objects == {}, "what was tried with is deleted"


class Refusing(BaseHTTPRequestHandler):
    """A store that refuses a key, as Amazon's does."""

    def do_GET(self) -> None:
        content = b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def said(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What reading, writing and the start of a server say of a store: one sentence."""
    monkeypatch.setenv(STORE_VARIABLE, store)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    (start,) = wrong_settings()
    (tmp_path / "gallery" / "a").mkdir(parents=True)
    shutil.copy(next(Path("demo/rooms/images/hotel_00").iterdir()), tmp_path / "gallery" / "a")
    gallery = open_gallery(tmp_path / "gallery")
    reading, writing = (error_of(step, gallery) for step in (read, write))
    assert reading == writing
    assert reading in start
    assert "\n" not in start
    return reading


def read(gallery: Gallery) -> None:
    embedding_table(gallery, "f" * 64).images()


def write(gallery: Gallery) -> None:
    with embedding_table(gallery, "f" * 64).locked():
        pass


def error_of(step: Callable[[Gallery], None], gallery: Gallery) -> str:
    with pytest.raises(SimVizError) as caught:
        step(gallery)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_a_wrong_key_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Refusing) as address:
        use(monkeypatch, address)
        text = said("s3://tables/here", tmp_path, monkeypatch)
    assert "refuses the key in AWS_ACCESS_KEY_ID" in text
    assert "403 SignatureDoesNotMatch" in text
    assert not [value for value in list(KEYS.values())[:3] if value in text]


def test_a_bucket_that_is_not_there_is_told(
    moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, moto)
    assert f"{moto} has no bucket nothing; make it" in said(
        "s3://nothing/here", tmp_path, monkeypatch
    )


def test_an_endpoint_that_is_away_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:1")
    assert "http://127.0.0.1:1 cannot be reached; is it up" in said(
        "s3://tables", tmp_path, monkeypatch
    )


def test_an_endpoint_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "SECONDS_TO_ANSWER", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "does not answer in time" in said("s3://tables", tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        (STORE_VARIABLE, "/data/tables", "expected s3://BUCKET"),
        (STORE_VARIABLE, "s3://tables/../other", "expected s3://BUCKET"),
        (STORE_VARIABLE, "s3://AKIDNEVERPRINTED:a-secret@tables/x", "with the key in AWS_ACCESS"),
        ("AWS_ENDPOINT_URL", "store.example", "expected https://HOST:PORT"),
        ("AWS_ENDPOINT_URL", "https://me:a-secret@store.example", "has a key in it"),
        ("AWS_ALLOW_HTTP", "no", "unencrypted; expected https://"),
    ],
)
def test_addresses_that_are_none_are_refused_without_repeating_keys(
    variable: str, value: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, "http://127.0.0.1:1")
    monkeypatch.setenv(STORE_VARIABLE, "s3://tables")
    monkeypatch.setenv(variable, value)
    text = said(bucket_variable(variable, value), tmp_path, monkeypatch)
    assert expected in text
    assert "a-secret" not in text + "".join(wrong_settings())


def bucket_variable(variable: str, value: str) -> str:
    return value if variable == STORE_VARIABLE else "s3://tables"


def test_keys_are_in_nothing_that_is_kept_handed_on_or_printed(
    table: EmbeddingTable, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), table.locked() as locked:
        locked.append(rows(1), units(1))
        locked.drop_orphans()
        with pytest.raises(StoreError) as caught, table.locked():
            pass
        handed_on = pickle.dumps(EmbeddingTable(table.folder, table.name, bucket=table.bucket))
    out, err = capfd.readouterr()
    assert table.bucket
    stored = b"".join(table.bucket.get(key) or b"" for key in table.bucket.keys(""))
    everything = f"{table!r}{locked!r}{caplog.text}{out}{err}{caught.value!r}".encode()
    for secret in list(KEYS.values())[:3]:
        assert secret.encode() not in everything + handed_on + stored


@pytest.fixture
def gallery(demo_rooms: Path, tmp_path: Path) -> Gallery:
    """Three hotels of the demo."""
    for number in range(3):
        shutil.copytree(demo_rooms / f"hotel_{number:02d}", tmp_path / "rooms" / str(number))
    return open_gallery(tmp_path / "rooms")


def ended(connection: Connection) -> Any:
    """The last message of a process."""
    message: Any = None
    while True:
        assert connection.poll(60), "the process has stopped without a word"
        try:
            message = connection.recv()
        except EOFError:
            return message


def test_two_processes_at_once_and_one_killed_leave_a_complete_table_without_duplicates(
    moto: str,
    gallery: Gallery,
    network: SimilarityNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = {STORE_VARIABLE: f"s3://tables/{tmp_path.name}", CACHE_VARIABLE: str(tmp_path / "here")}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    place |= use(monkeypatch, moto)
    table = embedding_table(gallery, network.fingerprint)
    assert table.bucket

    # A process is killed once it has stored something.
    with indexing_process(gallery.source, None, place) as (process, connection):
        while (message := connection.recv()) < 2 * BATCH:
            assert isinstance(message, int)
        process.kill()
        process.join()
    before = set(table.images())
    assert 0 < len(before) < len(gallery.images)
    with pytest.raises(StoreError, match=r"60 s if it was killed"):
        index_gallery(gallery, network, table)

    # Two go on from there, each of which takes the other for dead.
    both = (indexing_process(gallery.source, None, place, lease_seconds=0.0) for _ in range(2))
    with next(both) as (_, one), next(both) as (_, other):
        ends = [ended(one), ended(other)]
    reports = [end for end in ends if isinstance(end, IndexReport)]
    assert reports
    assert all(isinstance(end, IndexReport) or str(end) == TAKEN for end in ends)
    assert count(table) == len(table.images()) == len(gallery.images)
    assert not before & {image_id for report in reports for image_id in report.added}

    # What all of them have left is deleted when there is something to do again, and found is the
    # same as of embeddings in a folder.
    monkeypatch.setattr(lease, "SECONDS", 0.0)
    changed = gallery.images[0].path
    shutil.copy(gallery.images[1].path, changed)
    report = index_gallery(open_gallery(gallery.source), network, table)
    assert (report.updated, report.undeleted) == ((gallery.images[0].id,), 0)
    local = embedding_table(gallery, network.fingerprint, folder=tmp_path / "local")
    index_gallery(gallery, network, local)
    opened = open_gallery(gallery.source)
    np.testing.assert_allclose(
        load_index(opened, table).matrix, load_index(opened, local).matrix, atol=1e-6
    )
    assert table.bucket.keys(f"{table.name}.lock") == []
