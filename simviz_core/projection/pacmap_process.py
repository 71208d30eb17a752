"""Lays points out with PaCMAP, in a process of its own that `layout` starts and may end.

Run by its path: it imports nothing of the project. What it prints tells how far it has come.
"""

import sys
from pathlib import Path

import numpy as np
from pacmap import PaCMAP


def main(folder: Path, seed: int) -> None:
    """Read `points.npy`, (N, D), and write `layout.npy`, (N, 2)."""
    points = np.load(folder / "points.npy", allow_pickle=False)
    reducer = PaCMAP(n_components=2, random_state=seed, apply_pca=False, verbose=True)
    np.save(folder / "layout.npy", reducer.fit_transform(points).astype(np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
