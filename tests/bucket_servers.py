"""Servers of buckets, for tests that several processes write to."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDNEVERPRINTED",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-never-printed",
    "AWS_SESSION_TOKEN": "a-token-that-is-never-printed",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server, and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def moto() -> Iterator[str]:
    """The address of a server with an empty bucket `tables`."""
    module = pytest.importorskip("moto.server", reason="moto, flask, flask-cors are not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    urlopen(Request(f"{address}/tables", method="PUT")).close()
    try:
        yield address
    finally:
        server.stop()


@contextmanager
def localbucket(folder: Path) -> Iterator[str]:
    """Another one, which deletes one by one only: what Lance deletes stays, without an error."""
    module = pytest.importorskip("localbucket", reason="localbucket is not installed")
    logging.getLogger("localbucket").setLevel(logging.ERROR)
    module.S3Handler.data_root = folder
    (folder / "tables").mkdir()
    with served(module.S3Handler) as address:
        yield address
