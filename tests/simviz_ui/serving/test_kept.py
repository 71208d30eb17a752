"""What sessions share in memory stays within its bound, and goes when nobody uses it."""

from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simviz_ui.choices import uploads
from simviz_ui.serving.kept import OF_EACH_KIND, UNUSED_FOR, Kept, kept
from simviz_ui.serving.uploads import Filled, UploadStore


@given(sizes=st.lists(st.integers(0, 60), max_size=40))
def test_the_bound_holds_but_for_the_last_of_a_kind(sizes: list[int]) -> None:
    store = Kept(limit=100)
    for number, size in enumerate(sizes):
        store.keep(("picture", number), "x", size)
        held = [place for place in range(number + 1) if store.find(("picture", place))]
        assert store.size == sum(sizes[place] for place in held)
        assert store.size <= 100 or held == [number - 1, number]
        assert set(range(max(0, number + 1 - OF_EACH_KIND), number + 1)) <= set(held)


def test_what_was_not_used_for_longest_makes_room() -> None:
    store = Kept(limit=3)
    for name in "abc":
        store.keep(("picture", name), name, 1)
    assert store.find(("picture", "a"))
    store.keep(("network", "large"), "large", 1)
    assert store.find(("picture", "b")) is None
    assert store.find(("picture", "a"))


def test_two_of_a_kind_stay_however_large() -> None:
    store = Kept(limit=3)
    for name in "abc":
        store.keep(("network", name), name, 10)
    assert [store.find(("network", name)) for name in "abc"] == [None, "b", "c"]


def test_a_value_is_made_once_for_all_who_ask_meanwhile() -> None:
    store, may_end, made, found = Kept(), Event(), list[int](), list[int]()

    def make() -> int:
        may_end.wait(10)
        made.append(1)
        return len(made)

    def ask() -> None:
        found.append(store.get(("picture", 1), make, lambda value: 1))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    may_end.set()
    for thread in threads:
        thread.join()
    assert (made, found) == ([1], [1, 1, 1, 1])


def test_what_cannot_be_made_is_not_kept() -> None:
    store = Kept()
    with pytest.raises(ZeroDivisionError):
        store.get(("picture", 1), lambda: 1 // 0, lambda value: 1)
    assert store.get(("picture", 1), lambda: 5, lambda value: 1) == 5


def test_what_nobody_uses_goes() -> None:
    now = [0.0]
    store = Kept(clock=lambda: now[0])
    for name in "ab":
        store.keep(("picture", name), name, 1)
    now[0] = UNUSED_FOR
    store.find(("picture", "a"))
    now[0] += 1
    store.let_go_of_the_old()
    assert [store.find(("picture", name)) for name in "ab"] == ["a", None]
    assert store.size == 1


def test_memory_of_a_closed_sessions_uploads_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = UploadStore(parent=tmp_path)

    def fill(folder: Path) -> Filled:
        (folder / "photo.jpg").write_bytes(b"photo")
        return Filled(folder / "photo.jpg")

    mine, shared = (store.add("image", name, name * 64, fill) for name in "ab")
    for session, upload in (("one", mine), ("one", shared), ("two", shared)):
        store.use(session, upload.id, "image", upload.id)
    kept.clear()
    for upload in (mine, shared):
        kept().keep(("picture", upload.path, upload.title), "pixels", 100)
    kept().keep(("picture", tmp_path / "gallery.jpg"), "pixels", 100)
    uploads._stopped((store, "one"))
    assert kept().find(("picture", mine.path, mine.title)) is None
    assert kept().size == 200
    assert store.find("image", mine.id), "its link still opens it"
    kept.clear()
    store.close()
