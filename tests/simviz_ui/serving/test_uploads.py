"""The server's store of uploads: what it holds, for how long, and what it leaves behind."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from simviz_core.errors import SimVizError
from simviz_ui.serving.uploads import (
    GIGABYTES_VARIABLE,
    HOURS_VARIABLE,
    IS_UPLOAD,
    Filled,
    Upload,
    UploadLimits,
    UploadStore,
    digest_of,
    lies_in_uploads,
    limits_of_operator,
)

GALLERY = "gallery"


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[UploadStore]:
    """A store with room for three files of 100 bytes, each held for an hour."""
    store = UploadStore(UploadLimits(size=300, age=3600), tmp_path, clock=clock)
    yield store
    store.close()


def add(store: UploadStore, title: str, content: bytes | None = None) -> Upload:
    """Hold a file of 100 bytes, or of that content."""
    content = title.encode().ljust(100) if content is None else content

    def fill(folder: Path) -> Filled:
        (folder / "file").write_bytes(content)
        return Filled(folder / "file", (("notes", "text"),), "cp932")

    return store.add(GALLERY, title, digest_of(content), fill)


def held(store: UploadStore, *uploads: Upload) -> list[bool]:
    return [store.holds(upload.kind, upload.id) for upload in uploads]


def test_an_upload_is_had_by_an_id_that_its_content_yields(store: UploadStore) -> None:
    upload = add(store, "rooms.zip")
    assert IS_UPLOAD.fullmatch(upload.id)
    assert upload.id == f"rooms.zip (upload {digest_of(b'rooms.zip'.ljust(100))[:16]})"
    assert upload.title == "rooms.zip"
    assert (upload.left_out, upload.names_read_as) == ((("notes", "text"),), "cp932")
    assert store.find(GALLERY, upload.id) == upload
    assert store.find("checkpoint", upload.id) is None
    assert store.of_path(upload.path) == upload
    assert store.of_path(store.folder) is None


def test_the_same_content_is_held_once_and_other_content_beside_it(store: UploadStore) -> None:
    first = add(store, "rooms.zip")
    assert add(store, "rooms.zip") is first
    other = add(store, "rooms.zip", b"other")
    assert other.id != first.id
    assert held(store, first, other) == [True, True]
    assert len(list(store.folder.iterdir())) == 2


def test_what_was_not_used_for_longest_makes_room(store: UploadStore, clock: Clock) -> None:
    first, second, third = (add(store, name) for name in "abc")
    clock.now += 1
    store.find(GALLERY, first.id)
    fourth = add(store, "d")
    assert held(store, first, second, third, fourth) == [True, False, True, True]
    assert not second.folder.exists()
    assert "made room for newer uploads" in store.why_gone(GALLERY, second.id)


def test_what_a_session_uses_is_not_let_go_of(store: UploadStore, clock: Clock) -> None:
    first, second, third = (add(store, name) for name in "abc")
    store.use("mine", "gallery", GALLERY, first.id)
    clock.now += 7200
    fourth = add(store, "d")
    assert held(store, first, second, third, fourth) == [True, False, False, True]
    store.use("mine", "gallery", GALLERY, fourth.id)  # and the first no more
    clock.now += 7200
    assert store.find(GALLERY, first.id) is None
    store.stop_using("mine")
    clock.now += 3599  # counted from when it was used last
    assert store.find(GALLERY, fourth.id) is not None


def test_where_everything_is_used_there_is_no_room(store: UploadStore) -> None:
    uploads = [add(store, name) for name in "abc"]
    for number, upload in enumerate(uploads[:2]):
        store.use(f"session {number}", "gallery", GALLERY, upload.id)
    with pytest.raises(SimVizError, match="no room for large beside the uploads that are being"):
        add(store, "large", bytes(150))
    assert held(store, *uploads) == [True, True, True]
    assert len(list(store.folder.iterdir())) == 3


def test_what_belongs_to_an_upload_counts_and_goes_with_it(store: UploadStore) -> None:
    first = add(store, "a")
    (first.folder / "embeddings").mkdir()
    (first.folder / "embeddings" / "table").write_bytes(bytes(150))
    second = add(store, "b")
    assert held(store, first, second) == [False, True]
    assert not first.folder.exists()


def test_what_is_larger_than_all_may_be_is_refused(store: UploadStore) -> None:
    first = add(store, "a")
    with pytest.raises(SimVizError, match="more than all uploads together may"):
        add(store, "large", bytes(301))
    assert held(store, first) == [True]
    assert list(store.folder.iterdir()) == [first.folder]


def test_what_nobody_uses_is_let_go_of_after_a_while(store: UploadStore, clock: Clock) -> None:
    upload = add(store, "a")
    clock.now += 3601
    assert store.find(GALLERY, upload.id) is None
    assert not upload.folder.exists()
    assert "nobody used it for 1 hours" in store.why_gone(GALLERY, upload.id)
    assert "upload it again" in store.why_gone(GALLERY, upload.id)
    assert held(store, add(store, "a")) == [True]


def test_an_upload_that_was_never_held_is_told_apart(store: UploadStore) -> None:
    message = store.why_gone(GALLERY, "x.zip (upload 0123456789abcdef)")
    assert "uploads do not outlive the server" in message


def test_files_that_somebody_deleted_are_noticed(store: UploadStore) -> None:
    upload = add(store, "a")
    upload.path.unlink()
    assert store.find(GALLERY, upload.id) is None
    assert "gone from the disk" in store.why_gone(GALLERY, upload.id)


def test_what_cannot_be_filled_leaves_nothing(store: UploadStore) -> None:
    def fill(folder: Path) -> Filled:
        (folder / "half").write_bytes(b"half")
        raise SimVizError("damaged")

    with pytest.raises(SimVizError, match="damaged"):
        store.add(GALLERY, "a", digest_of(b""), fill)
    assert not list(store.folder.iterdir())


def test_writers_are_stopped_before_a_folder_goes(tmp_path: Path) -> None:
    stopped: list[bool] = []
    store = UploadStore(
        UploadLimits(size=150), tmp_path, lambda folder: stopped.append(folder.exists())
    )
    add(store, "a")
    add(store, "b")
    assert stopped == [True]
    store.close()


@pytest.mark.parametrize("titles", ["aaaa", "abcd"])
def test_threads_may_add_at_once(tmp_path: Path, titles: str) -> None:
    store = UploadStore(UploadLimits(size=250), tmp_path)
    together = threading.Barrier(len(titles))
    found: list[Upload] = []

    def work(title: str) -> None:
        content = title.encode().ljust(100)

        def fill(folder: Path) -> Filled:
            together.wait()  # all have begun before any is held
            (folder / "file").write_bytes(content)
            return Filled(folder / "file")

        found.append(store.add(GALLERY, title, digest_of(content), fill))

    threads = [threading.Thread(target=work, args=(title,)) for title in titles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    remaining = {upload.folder for upload in found if store.holds(GALLERY, upload.id)}
    assert len(remaining) == min(2, len(set(titles)))
    assert set(store.folder.iterdir()) == remaining
    store.close()


def test_threads_may_look_and_add_at_once(tmp_path: Path) -> None:
    store = UploadStore(UploadLimits(size=350), tmp_path)
    failed: list[Exception] = []

    def work(name: str) -> None:
        try:
            for number in range(60):
                upload = add(store, f"{name}{number % 4}")
                store.use(name, "gallery", GALLERY, upload.id)
                used = store.find(GALLERY, upload.id)
                # The other one may have been quicker between the two lines before.
                assert used is None or used.path.read_bytes()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(list(store.folder.iterdir())) <= 3
    store.close()


def test_nothing_is_left_when_the_server_ends(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from simviz_ui.serving.uploads import *\n"
        "store = UploadStore(parent=Path(sys.argv[1]))\n"
        "fill = lambda f: Filled(Path((f / 'a').write_bytes(b'a') and f / 'a'))\n"
        "store.add('gallery', 'a', '0' * 64, fill)\n"
        "print(len(list(store.folder.rglob('a'))))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "1"
    assert not list(tmp_path.iterdir())


def test_what_a_killed_server_left_goes_at_the_next_start(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from simviz_ui.serving.uploads import *\n"
        "store = UploadStore(parent=Path(sys.argv[1]))\n"
        "(store.folder / 'a').write_bytes(b'a')\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, check=False)
    (left,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (left / "a").is_file()
    living = UploadStore(parent=tmp_path)
    assert not left.exists()
    second = UploadStore(parent=tmp_path)
    assert living.folder.is_dir()
    living.close()
    second.close()
    assert not list(tmp_path.iterdir())


def test_paths_into_uploads_are_known_however_they_are_written(
    store: UploadStore, tmp_path: Path
) -> None:
    upload = add(store, "a")
    (tmp_path / "link").symlink_to(upload.folder)
    assert lies_in_uploads(upload.path)
    assert lies_in_uploads(tmp_path / "link" / "file")
    assert lies_in_uploads(tmp_path / "other" / ".." / store.folder.name)
    assert not lies_in_uploads(tmp_path)


def test_limits_that_the_operator_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GIGABYTES_VARIABLE, "0.5")
    monkeypatch.setenv(HOURS_VARIABLE, "2")
    assert limits_of_operator() == UploadLimits(0.5e9, 7200)
    for wrong in ("much", "0", "-1", "inf", "nan"):
        monkeypatch.setenv(GIGABYTES_VARIABLE, wrong)
        assert limits_of_operator() == UploadLimits(age=7200)


def test_digests_keep_files_apart() -> None:
    assert digest_of(b"ab", b"c") != digest_of(b"a", b"bc")
    assert digest_of(b"a", b"b") != digest_of(b"b", b"a")


@pytest.mark.parametrize("name", ["hotel_00/view_0.jpg", "a.png (upload 12)", "", "(upload )"])
def test_other_names_are_no_uploads(name: str) -> None:
    assert not IS_UPLOAD.fullmatch(name)
