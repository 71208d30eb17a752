"""`index --engine ray` in a process of its own, whose workers wait at a gate for a test.

A worker begins a chunk once the test has opened the gate, or has laid down a pass for it. What a
test kills is therefore in a state that the test knows, however slow the machine is.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from simviz_core.cli.main import main
from simviz_core.distributed import cluster, embedder
from simviz_core.distributed.worker import Chunk, Worker, Written
from simviz_core.retrieval import indexing

GATE = "SIMVIZ_TEST_GATE"
"""The environment variable with the gate's folder."""
CHUNK = 4
"""Images of a chunk; what was written of each is appended at once."""


class GatedWorker(Worker):
    """A worker that waits at the gate, where its process leaves its number."""

    def embed(self, chunk: Chunk) -> tuple[Written, ...]:
        """Embed one chunk when it may."""
        gate = Path(os.environ[GATE])
        waiting = gate / f"waiting_{os.getpid()}"
        waiting.touch()
        while not (gate / "open").exists():
            with suppress(FileNotFoundError):
                (gate / "pass").unlink()
                break
            time.sleep(0.02)
        waiting.unlink()
        return super().embed(chunk)


if __name__ == "__main__":
    from gated_cluster import GatedWorker  # by a name that workers find, too

    embedder.SHORTEST_CHUNK = CHUNK
    indexing.SECONDS_PER_COMMIT = 0.0
    cluster.Worker = GatedWorker
    sys.exit(main(sys.argv[1:]))
