"""A cluster of two machines of one core each, on this machine; processes of it are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bucket_servers
import numpy as np
import psutil
import pytest
from gated_cluster import CHUNK, GATE
from PIL import Image

from simviz_core.cli.main import INTERRUPTED
from simviz_core.gallery import open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import (
    CACHE_VARIABLE,
    EmbeddingTable,
    embedding_table,
    index_gallery,
)
from simviz_core.retrieval.storing.bucket import STORE_VARIABLE, named_bucket

TESTS = Path(__file__).resolve().parents[2]
IMAGES = 22
UNREADABLE = 2


@dataclass(frozen=True)
class Gate:
    """Where the workers of `gated_cluster` wait."""

    folder: Path

    def open(self) -> None:
        (self.folder / "open").touch()

    def let_pass(self) -> None:
        """One worker, once."""
        (self.folder / "pass").touch()

    @property
    def waiting(self) -> set[int]:
        """The processes that wait."""
        return {int(path.name.split("_")[1]) for path in self.folder.glob("waiting_*")}

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its address, and the folder of the gate."""
    pytest.importorskip("lance", reason="requirements-scale.txt is not installed")
    utils = pytest.importorskip(
        "ray.cluster_utils", reason="requirements-scale.txt is not installed"
    )
    gate = tmp_path_factory.mktemp("gate")
    machine = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(GATE, str(gate))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")  # others' memory is no fault of ours
        machines = utils.Cluster(
            initialize_head=True, head_node_args={**machine, "include_dashboard": False}
        )
        machines.add_node(**machine)
        try:
            yield machines.address, gate
        finally:
            machines.shutdown()


@pytest.fixture
def gate(cluster: tuple[str, Path]) -> Iterator[Gate]:
    gate = Gate(cluster[1])
    yield gate
    gate.clear()


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Two classes of noise, and two files that cannot be read."""
    chance = np.random.default_rng(0)
    for number in range(IMAGES):
        path = tmp_path / "gallery" / ("one", "other")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(path)
    (tmp_path / "gallery" / "one" / "empty.jpg").write_bytes(b"")
    (tmp_path / "gallery" / "other" / "text.jpg").write_text("no picture")
    return tmp_path / "gallery"


@pytest.fixture
def table(gallery: Path, network: SimilarityNetwork, tmp_path: Path) -> EmbeddingTable:
    """Where the cluster's embeddings go."""
    return embedding_table(open_gallery(gallery), network.fingerprint, folder=tmp_path / "store")


@pytest.fixture
def expected(gallery: Path, network: SimilarityNetwork, tmp_path: Path) -> EmbeddingTable:
    """What this process makes of the gallery."""
    opened = open_gallery(gallery)
    table = embedding_table(opened, network.fingerprint, folder=tmp_path / "expected")
    index_gallery(opened, network, table)
    return table


@pytest.fixture
def index(cluster: tuple[str, Path], gallery: Path) -> Callable[..., Any]:
    """Begin to index the gallery on the cluster, whose machines are in another folder."""

    @contextmanager
    def begin() -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, TESTS / "gated_cluster.py", "index", gallery.name]
        command += ["--engine", "ray", "--address", cluster[0], "--json", "-"]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=gallery.parent,
            env={**os.environ, CACHE_VARIABLE: "store"},
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    return begin


def wait_for(state: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    """Wait for a state, as long as the process that is to bring it about lives."""
    while not state():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def wait_until_gone(processes: set[int]) -> None:
    while any(map(psutil.pid_exists, processes)):
        time.sleep(0.05)


def rows(table: EmbeddingTable) -> list[dict[str, Any]]:
    """Everything that a table holds, in the order of the ids."""
    found = table._open().search().limit(None).to_arrow().to_pylist()
    return sorted(found, key=lambda row: row["id"])


def assert_same(table: EmbeddingTable, expected: EmbeddingTable) -> None:
    """Both hold the same, row by row, whatever the order; embeddings but for rounding."""
    assert table.damaged() == []
    assert table._open().schema == expected._open().schema
    pairs = list(zip(rows(table), rows(expected), strict=True))
    assert len(pairs) == IMAGES + UNREADABLE
    for row, other in pairs:
        np.testing.assert_allclose(row.pop("embedding"), other.pop("embedding"), atol=1e-6)
        # It changes with every bit, and so with rounding.
        assert (row.pop("checksum") == 0) == (other.pop("checksum") == 0)
        assert row == other


def test_killed_workers_and_commands_cost_nothing_but_time(
    index: Callable[..., Any], gate: Gate, table: EmbeddingTable, expected: EmbeddingTable
) -> None:
    # A worker is killed, and then the command.
    with index() as process:
        wait_for(lambda: len(gate.waiting) == 2, process)
        killed = min(gate.waiting)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: len(gate.waiting - {killed}) == 2, process)
        gate.let_pass()
        wait_for(lambda: len(table.images()) == CHUNK, process)
        wait_for(lambda: len(gate.waiting - {killed}) == 2, process)
        workers = gate.waiting
        process.kill()
        _, said = process.communicate()
    assert "a worker died; its images are embedded again" in said
    wait_until_gone(workers)
    gate.clear()

    # The next one is stopped with Ctrl-C.
    with index() as process:
        gate.let_pass()
        wait_for(lambda: len(table.images()) == 2 * CHUNK, process)
        wait_for(lambda: len(gate.waiting) == 2, process)
        workers = gate.waiting
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == INTERRUPTED
    assert said.splitlines()[-1].startswith("simviz: interrupted; ")
    assert "Traceback" not in said
    wait_until_gone(workers)
    gate.clear()

    gate.open()
    with index() as process:
        out, said = process.communicate()
    assert process.returncode == 0, said
    report = json.loads(out)
    reasons = {row.id: row.error for row in expected.images().values() if row.error}
    assert (report["images"], len(reasons)) == (IMAGES, UNREADABLE)
    assert {each["path"]: each["reason"] for each in report["unreadable"]} == reasons
    assert_same(table, expected)


def test_workers_write_to_a_bucket(
    gallery: Path, expected: EmbeddingTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="requirements-scale.txt is not installed")
    with bucket_servers.moto() as address:
        place = {**bucket_servers.KEYS, "AWS_ENDPOINT_URL": address}
        for name, value in {**place, STORE_VARIABLE: "s3://tables/here"}.items():
            monkeypatch.setenv(name, value)
        command = [sys.executable, "-m", "simviz_core", "index", gallery, "--engine", "ray"]
        finished = subprocess.run(
            [*command, "--workers", "1", "--json", "-"], capture_output=True, text=True
        )
        assert json.loads(finished.stdout)["images"] == IMAGES, finished.stderr
        assert_same(replace(expected, bucket=named_bucket()), expected)
        assert not list(tmp_path.rglob(f"{expected.name}.lance"))[1:]
    for secret in list(bucket_servers.KEYS.values())[:3]:
        assert secret not in finished.stdout + finished.stderr
