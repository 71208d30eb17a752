"""What a table in a bucket costs, beside the same table in a local folder.

    SIMVIZ_STORE=s3://BUCKET/PREFIX AWS_… python -m benchmarks.bucket [--rows 2000] [--rounds 5]

Rows are random unit vectors of 1,280 components, written in eight chunks as indexing writes them.
Both places take turns; what is printed is the median of the bucket's times, and of its ratios to
the folder's within a round. The table is deleted again.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.timing import median_ratio, take_turns
from simviz_core.retrieval import EmbeddingTable, StoredImage
from simviz_core.retrieval.scanning import read_scan
from simviz_core.retrieval.storing.bucket import STORE_VARIABLE, named_bucket

DIMENSION, CHUNKS = 1280, 8
SHOWN = 100
"""Matches of a search."""


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=2000)
    options.add_argument("--rounds", type=int, default=5)
    asked = options.parse_args()
    if (bucket := named_bucket()) is None:
        raise SystemExit(f"{STORE_VARIABLE} names no bucket")
    values = np.random.default_rng(0).normal(size=(asked.rows, DIMENSION)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    ids = [f"view_{number}.png" for number in range(asked.rows)]
    rows = [StoredImage(image_id, None, 8, 8, 9, 9, None) for image_id in ids]
    everything = np.ones(asked.rows, dtype=bool)

    with tempfile.TemporaryDirectory() as folder:
        local = EmbeddingTable(Path(folder), "benchmark")
        remote = replace(local, name=f"benchmark-{Path(folder).name}", bucket=bucket)
        places = {"bucket": remote, "folder": local}

        def write(table: EmbeddingTable) -> None:
            with table.locked() as locked:
                if locked.version:
                    locked.remove(ids)
                for part in np.array_split(np.arange(asked.rows), CHUNKS):
                    locked.append([rows[row] for row in part], values[part])

        for table in places.values():
            write(table)  # the first time makes the table, and asks the endpoint what it can do
        scans = {name: read_scan(table, ids)[0] for name, table in places.items()}
        steps: dict[str, Callable[[str], object]] = {
            f"removing all and appending {asked.rows:,} rows": lambda name: write(places[name]),
            "reading all embeddings": lambda name: read_scan(places[name], ids),
            "a search once they are read": lambda name: scans[name].best(
                values[0], SHOWN, everything
            ),
            "finding out that nothing has changed": lambda name: places[name].version,
        }
        for title, step in steps.items():
            times = take_turns({name: partial(step, name) for name in places}, asked.rounds)
            median = statistics.median(times["bucket"])
            ratio = median_ratio(times, "bucket", "folder")
            print(f"{title}: {median * 1000:.1f} ms, {ratio:.2f} ×", flush=True)
        with remote.locked():
            bucket.delete(bucket.keys(f"{remote.name}.lance"))


if __name__ == "__main__":
    main()
