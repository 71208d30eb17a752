"""What is computed from an index once, kept for all sessions, and let go of with the index."""

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import streamlit as st

from simviz_core.retrieval import GalleryIndex

Value = TypeVar("Value")


def kept_with(index: GalleryIndex, name: str, make: Callable[[], Value]) -> Value:
    """What has that name of an index; made where nobody has asked for it before.

    Args:
        index: The embeddings.
        name: What it is; the same name always stands for the same kind of value.
        make: Computes it.
    """
    kept = _kept().setdefault(index, {})
    if name not in kept:
        kept[name] = make()
    value: Value = kept[name]
    return value


def keep_alike(index: GalleryIndex, other: GalleryIndex) -> None:
    """Have what is kept of an index kept of another one of the same embeddings, too."""
    _kept()[other] = _kept().setdefault(index, {})


@st.cache_resource(show_spinner=False)
def _kept() -> "WeakKeyDictionary[GalleryIndex, dict[str, Any]]":
    return WeakKeyDictionary()
