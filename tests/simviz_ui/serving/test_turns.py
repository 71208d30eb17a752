"""Whose turn it is: those who wait in their order, and the background last."""

from collections.abc import Callable
from queue import Queue
from threading import Event, Thread

import pytest

from simviz_ui.serving import turns
from simviz_ui.serving.turns import LONGEST_TURN, Turns


class Gone(Exception):
    """The run of a page that somebody has left."""


class User:
    """Somebody who waits for a turn in a thread, and has it until `done` is set."""

    def __init__(self, queue: Turns, name: str, order: list[str]) -> None:
        self.said: Queue[str] = Queue()
        self.done, self.is_gone = Event(), Event()

        def run() -> None:
            try:
                with queue.turn(self._wait):
                    order.append(name)
                    self.done.wait()
            except Gone:
                order.append(f"{name} left")

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def _wait(self, words: str, still: Callable[[], bool]) -> None:
        self.said.put(words)
        while still():
            if self.is_gone.is_set():
                raise Gone

    def end(self) -> None:
        self.done.set()
        self._thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LOOK_AGAIN", 0.01)


def test_those_who_wait_come_in_their_order_and_hear_for_what_they_wait() -> None:
    queue, order = Turns(), list[str]()
    with queue.background(lambda: "a gallery is being indexed, 1,200 of 20,000"):
        with queue.turn(pytest.fail):
            first = User(queue, "first", order)
            heard = first.said.get(timeout=10)
            second = User(queue, "second", order)
            assert "2 before you" in second.said.get(timeout=10)
        assert heard == (
            "Waiting for the network: 1 before you; a gallery is being indexed, 1,200 of 20,000 …"
        )
        assert "1 before you" in second.said.get(timeout=10)
        assert order == ["first"]
        first.end()
        second.end()
    assert order == ["first", "second"]


def test_whoever_has_left_keeps_nobody_waiting() -> None:
    queue, order = Turns(), list[str]()
    with queue.turn(pytest.fail):
        first = User(queue, "first", order)
        first.said.get(timeout=10)
        second = User(queue, "second", order)
        second.said.get(timeout=10)
        first.is_gone.set()
        assert "1 before you" in second.said.get(timeout=10)
    second.end()
    assert order == ["first left", "second"]


def test_between_two_steps_of_a_long_run_others_go_first() -> None:
    queue, order = Turns(), list[str]()

    def wait(words: str, still: Callable[[], bool]) -> None:
        other.done.set()
        while still():
            pass

    with queue.turn(wait) as let_others_go:
        other = User(queue, "other", order)
        other.said.get(timeout=10)
        order.append("one step")
        let_others_go()
        order.append("another")
    other.end()
    assert order == ["one step", "other", "another"]


def test_a_turn_within_ones_own_waits_for_nobody() -> None:
    queue = Turns()
    with queue.turn(pytest.fail), queue.turn(pytest.fail):
        pass


def test_a_run_that_hangs_is_waited_for_no_longer_than_a_while() -> None:
    now, order = [0.0], list[str]()
    queue = Turns(clock=lambda: now[0])
    with queue.turn(pytest.fail):
        other = User(queue, "other", order)
        other.said.get(timeout=10)
        now[0] = LONGEST_TURN
        other.end()
    assert order == ["other"]


def test_the_background_waits_for_pages_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, is_through = Turns(), Event()

    def work() -> None:
        queue.give_way()
        is_through.set()

    monkeypatch.setattr(turns, "GIVES_WAY_FOR", 1000.0)
    with queue.click():
        Thread(target=work, daemon=True).start()
        assert not is_through.wait(0.05)
    assert is_through.wait(10)
    monkeypatch.setattr(turns, "GIVES_WAY_FOR", 0.01)
    with queue.click():
        queue.give_way()
