"""Indexing in a process of its own, which a test can kill.

The process is forked from a server that has imported everything: it starts in a fraction of the
seconds that the imports take.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from simviz_core.errors import StoreError
from simviz_core.gallery import open_gallery
from simviz_core.networks import load_network
from simviz_core.retrieval import embedding_table, indexing
from simviz_core.retrieval.storing import lease

BATCH = 4
"""Images to a batch; every batch is written at once."""


@contextmanager
def indexing_process(
    gallery: Path,
    store: Path | None,
    environment: Mapping[str, str] | None = None,
    lease_seconds: float = lease.SECONDS,
) -> Iterator[tuple[BaseProcess, Connection]]:
    """Index a gallery elsewhere.

    Args:
        gallery: The gallery's folder.
        store: The folder of the embeddings; None for what the environment names.
        environment: Variables that the process needs: its parent began before they were set.
        lease_seconds: How old it takes a dead process's lease on a bucket's table to be.

    Yields:
        The process, which is killed at the end if it has not finished by then, and a connection
        that receives 0 when indexing begins, how many images are done after each batch, and the
        report when all are, or the error that ends it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lancedb", "timm", "simviz_core.retrieval.indexing"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_index, args=(gallery, store, environment or {}, lease_seconds, sender)
    )
    with pytest.MonkeyPatch.context() as patch:
        # After a test of a page the main module is app.py, which the process would run.
        patch.setattr(sys.modules["__main__"], "__file__", None, raising=False)
        process.start()
    sender.close()
    try:
        yield process, receiver
    finally:
        process.kill()
        process.join()
        receiver.close()


def _index(
    folder: Path,
    store: Path | None,
    environment: Mapping[str, str],
    lease_seconds: float,
    connection: Connection,
) -> None:
    os.environ.update(environment)
    lease.SECONDS = lease_seconds
    torch.set_num_threads(1)
    indexing.BATCH = dict.fromkeys(indexing.BATCH, BATCH)
    indexing.SECONDS_PER_COMMIT = 0.0
    gallery, network = open_gallery(folder), load_network("efficientnet_lite0")
    table = embedding_table(gallery, network.fingerprint, folder=store)
    connection.send(0)
    try:
        report = indexing.index_gallery(
            gallery, network, table, lambda progress: connection.send(progress.done)
        )
    except StoreError as error:
        connection.send(error)
    else:
        connection.send(report)
