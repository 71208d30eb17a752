"""Who runs a network now: sessions one after another, and what works in the background last.

A network takes all cores. Two sessions that run one together both wait for both; one after another
each waits for those before it alone. A session asks for a few images at a time and then stands at
the end of the queue again, so that nobody waits for all that another has asked for.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, get_ident

import streamlit as st

LONGEST_TURN = 30.0
"""Seconds after which others no longer wait for a turn: a network of the users' own may hang."""
GIVES_WAY_FOR = 1.0
"""Seconds that work in the background waits at most before each of its steps: it does end, even
where somebody is always clicking."""
LOOK_AGAIN = 0.25
"""Seconds between two looks whether somebody who waits is still there."""


Wait = Callable[[str, Callable[[], bool]], None]


@dataclass(eq=False)
class _Turn:
    thread: int
    began: float | None = None


@dataclass
class Turns:
    """The queue of a server, used from all its threads.

    Attributes:
        clock: The time in seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _queue: list[_Turn] = field(default_factory=list)
    _clicks: int = 0
    _background: list[Callable[[], str]] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)

    @contextmanager
    def turn(self, wait: Wait) -> Iterator[Callable[[], None]]:
        """Wait for one's turn, and have it within the block.

        Args:
            wait: Called while it is not, with what is waited for, in words; to call the function
                that it is given, which waits a little and returns whether the same is still to be
                said. What it raises ends the waiting.

        Yields:
            What lets the others go first and waits again, between two steps of a long run.
        """
        own = _Turn(get_ident())
        if any(turn.began is not None and turn.thread == own.thread for turn in self._queue):
            yield lambda: None  # within a turn of one's own
            return

        def stand() -> None:
            with self._changed:
                if own in self._queue:
                    self._queue.remove(own)
                own.began = None
                self._queue.append(own)
                self._changed.notify_all()
            while not self._comes(own, 0):
                words = self._words(own)
                wait(words, partial(self._still_says, own, words))

        try:
            stand()
            yield stand
        finally:
            with self._changed:
                self._queue.remove(own)
                self._changed.notify_all()

    @contextmanager
    def click(self) -> Iterator[None]:
        """Have work in the background give way within the block, in which a page is made."""
        with self._changed:
            self._clicks += 1
        try:
            yield
        finally:
            with self._changed:
                self._clicks -= 1
                self._changed.notify_all()

    @contextmanager
    def background(self, words: Callable[[], str]) -> Iterator[None]:
        """Have those who wait told, within the block, what works in the background."""
        self._background.append(words)
        try:
            yield
        finally:
            self._background.remove(words)

    def give_way(self) -> None:
        """Wait a little while pages are being made; between two steps in the background."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._clicks or self._queue), GIVES_WAY_FOR)

    def _comes(self, own: _Turn, patience: float) -> bool:
        """Whether it is one's turn, or becomes so within these seconds."""
        with self._changed:
            if self._changed.wait_for(lambda: not self._before(own), patience):
                own.began = own.began or self.clock()
                return True
            return False

    def _before(self, own: _Turn) -> list[_Turn]:
        now = self.clock()
        before = self._queue[: self._queue.index(own)]
        return [each for each in before if each.began is None or now - each.began < LONGEST_TURN]

    def _still_says(self, own: _Turn, words: str) -> bool:
        return not self._comes(own, LOOK_AGAIN) and self._words(own) == words

    def _words(self, own: _Turn) -> str:
        with self._changed:
            count = len(self._before(own))
        said = [f"{count} before you", *(words() for words in tuple(self._background))]
        return f"Waiting for the network: {'; '.join(said)} …"


TURNS = Turns()
"""Those of this process."""


@contextmanager
def network_turn() -> Iterator[Callable[[], None]]:
    """Run a network within the block; before, the page says for what it waits.

    Yields:
        What lets other sessions go first, between two steps of a long run.
    """

    def wait(words: str, still: Callable[[], bool]) -> None:
        with st.spinner(words):
            # Here Streamlit ends the run of a page that somebody has left.
            while still():
                st.session_state.get("waits")

    with TURNS.turn(wait) as stand_again:
        yield stand_again
