"""What is computed from an index once, kept for all sessions, and let go of with the index."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import streamlit as st

from simviz_core.retrieval import GalleryIndex

Value = TypeVar("Value")


@dataclass
class _Box:
    lock: Any = field(default_factory=RLock)
    values: list[Any] = field(default_factory=list)


def kept_with(index: GalleryIndex, name: str, make: Callable[[], Value]) -> Value:
    """What has that name of an index; made where nobody has asked for it before.

    Whoever asks while it is being made for another session waits for that. What `make` shows on a
    page may end the run; then whoever waits makes it again.

    Args:
        index: The embeddings.
        name: What it is; the same name always stands for the same kind of value.
        make: Computes it.
    """
    kept, lock = _kept()
    with lock:
        box = kept.setdefault(index, {}).setdefault(name, _Box())
    with box.lock:
        if not box.values:
            box.values.append(make())
    value: Value = box.values[0]
    return value


def keep_alike(index: GalleryIndex, other: GalleryIndex) -> None:
    """Have what is kept of an index kept of another one of the same embeddings, too."""
    kept, lock = _kept()
    with lock:
        kept[other] = kept.setdefault(index, {})


@st.cache_resource(show_spinner=False)
def _kept() -> "tuple[WeakKeyDictionary[GalleryIndex, dict[str, _Box]], Lock]":
    return WeakKeyDictionary(), Lock()
