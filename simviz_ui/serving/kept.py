"""What sessions share in memory, within one bound: networks, feature maps, pictures, listings.

What is small whatever is asked for (fingerprints, readings, lists of names) is left to Streamlit's
caches; an index is held by the sessions that use it (`retrieval/panel.py`).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock
from typing import Any, TypeVar

import streamlit as st

from simviz_core.configuration import KEPT_VARIABLE
from simviz_core.errors import SettingsError
from simviz_core.retrieval.scanning.memory import size_of_variable

Value = TypeVar("Value")
KEPT = 1_500_000_000
"""Feature maps and pictures of 3,000 images, say, and ten networks."""
UNUSED_FOR = 3600.0
"""Seconds after which what nobody uses goes, however much room there is."""
OF_EACH_KIND = 2
"""As many of a kind stay however large they are: a page needs them together."""

Key = tuple[Hashable, ...]
"""The kind, and what tells one of the kind from the others."""


@dataclass
class _Held:
    value: Any
    size: int
    used_at: float


class Kept:
    """Values of all sessions, those that were not used for longest making room."""

    def __init__(self, limit: float = KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing.

        Args:
            limit: Of all of them together, in bytes.
            clock: The time in seconds.
        """
        self.limit = limit
        self.size = 0
        self._clock = clock
        self._held: OrderedDict[Key, _Held] = OrderedDict()
        self._making: dict[Key, Any] = {}
        self._lock = Lock()

    def get(
        self,
        key: Key,
        make: Callable[[], Value],
        size_of: Callable[[Value], int],
        spinner: str = "",
    ) -> Value:
        """What has that key; made where it is not kept, once, however many ask for it.

        Args:
            key: The kind first.
            make: Makes it; what it raises goes on from here, and nothing is kept.
            size_of: Bytes that a value takes.
            spinner: What the page says meanwhile, if anything.
        """
        found = self.find(key)
        if found is not None:
            return found
        with self._lock:
            own = self._making.setdefault(key, RLock())
        try:
            with own:  # whoever comes second waits, and finds it there
                found = self.find(key)
                if found is not None:
                    return found
                with st.spinner(spinner, show_time=True) if spinner else nullcontext():
                    made = make()
                    # Before what the page shows may end the run.
                    self.keep(key, made, size_of(made))
                return made
        finally:
            with self._lock:
                self._making.pop(key, None)

    def find(self, key: Key) -> Any | None:
        """What has that key; None where it is not kept."""
        with self._lock:
            held = self._held.get(key)
            if held is None:
                return None
            held.used_at = self._clock()
            self._held.move_to_end(key)
            return held.value

    def keep(self, key: Key, value: object, size: int) -> None:
        """Keep a value of that size; let go of others for room, and of what is old anyway."""
        self.let_go_of_the_old()
        with self._lock:
            self._drop(key)
            self._held[key] = _Held(value, size, self._clock())
            self.size += size
            self._make_room()

    def let_go(self, is_meant: Callable[[Key], bool]) -> None:
        """Let go of what is meant."""
        with self._lock:
            for key in [key for key in self._held if is_meant(key)]:
                self._drop(key)

    def let_go_of_kind(self, *kinds: str) -> None:
        """Let go of all of some kinds."""
        self.let_go(lambda key: key[0] in kinds)

    def let_go_of_files(self, folder: Path) -> None:
        """Let go of what was read from a folder."""
        self.let_go(lambda key: any(_lies_in(part, folder) for part in key))

    def let_go_of_the_old(self) -> None:
        """Let go of what nobody has used for long."""
        oldest = self._clock() - UNUSED_FOR
        with self._lock:
            # In the order of their last use: the first is the oldest.
            while self._held and next(iter(self._held.values())).used_at < oldest:
                self._drop(next(iter(self._held)))

    def _make_room(self) -> None:
        later: dict[Hashable, int] = {}
        for key in reversed(list(self._held)):
            later[key[0]] = later.get(key[0], 0) + 1
        for key in list(self._held):
            if self.size <= self.limit:
                return
            if later[key[0]] > OF_EACH_KIND:
                later[key[0]] -= 1
                self._drop(key)

    def _drop(self, key: Key) -> None:
        held = self._held.pop(key, None)
        self.size -= held.size if held else 0


def _lies_in(part: object, folder: Path) -> bool:
    return isinstance(part, Path) and part.is_relative_to(folder)


@st.cache_resource(show_spinner=False)
def kept() -> Kept:
    """What this server keeps."""
    try:
        asked = size_of_variable(KEPT_VARIABLE)
    except SettingsError:
        asked = None  # the pages say that a setting is wrong
    return Kept(KEPT if asked is None else asked)
