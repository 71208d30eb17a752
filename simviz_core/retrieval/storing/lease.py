"""A lease on a table in an object store: who has it writes, and others are told to wait.

It is an object that its holder writes anew every few seconds. A holder that was killed has not done
so for a while, by the store's own clock, and loses it. A lease spares work and surprises, but no
embedding depends on it: a process that was held up may believe that it still has one. What keeps it
from writing then is `Hold`.
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from simviz_core.errors import StoreError
from simviz_core.retrieval.storing.bucket import Bucket

SECONDS = 60.0
"""How old a lease is when its holder must be dead."""
RENEWED_EVERY = 10.0
"""Seconds; some renewals may fail."""


@contextmanager
def leased(bucket: Bucket, key: str) -> Iterator[None]:
    """Hold a lease.

    Args:
        bucket: Where it lies.
        key: Its name.

    Raises:
        StoreError: Another process has it, or the place cannot be written to.
    """
    holder, ended = uuid.uuid4().hex.encode(), Event()
    _take(bucket, key, holder)
    keeper = Thread(target=_keep, args=(bucket, key, holder, ended), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        try:
            if bucket.get(key) == holder:
                bucket.delete([key])
        except StoreError as error:  # it runs out by itself
            logging.getLogger(__name__).warning("%s", error)


def _take(bucket: Bucket, key: str, holder: bytes) -> None:
    # A put that was tried again may find what it has put itself.
    if bucket.put(key, holder, is_new=True) or bucket.get(key) == holder:
        return
    now = f"{key}.{holder.decode()}"
    bucket.put(now, b"")
    try:
        age = bucket.seconds_since(key, now)
    finally:
        bucket.delete([now])
    if age is not None and age < SECONDS:
        raise StoreError(
            "this gallery is being indexed by another process; wait until that has finished "
            f"({SECONDS:.0f} s if it was killed)"
        )
    bucket.put(key, holder)


def _keep(bucket: Bucket, key: str, holder: bytes, ended: Event) -> None:
    """Write it anew until its end, or until another process has taken it."""
    while not ended.wait(RENEWED_EVERY):
        with suppress(StoreError):  # the next time, perhaps
            if bucket.get(key) != holder:
                return
            bucket.put(key, holder)
