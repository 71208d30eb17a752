"""Converted trunks on disk, so that each is converted once and not at every start.

A file holds no code: the graph is read by OpenVINO, the rest are numbers. One that is damaged is as
good as none, and those that were not used for longest make room for others.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from simviz_core.files import default_store_folder, write_atomically
from simviz_core.networks.engines.program import TrunkProgram

KEPT_BYTES = 4_000_000_000
"""Of all files together."""
DIGEST = "digest"


def read_program(key: str) -> TrunkProgram | None:
    """The program that was kept under a key; None where there is none, or it is damaged."""
    path = _path(key)
    try:
        tensors = load(path.read_bytes())
        kept = tensors.pop(DIGEST)
    except (OSError, SafetensorError, KeyError):
        return None
    if not torch.equal(kept, _digest(tensors)):
        return None
    with suppress(OSError):
        os.utime(path)  # it was used
    return TrunkProgram(tensors["graph"].numpy().tobytes(), tensors["weights"].numpy().tobytes())


def keep_program(key: str, program: TrunkProgram) -> None:
    """Keep a program under a key, as far as the disk allows."""
    tensors = {"graph": _as_tensor(program.graph), "weights": _as_tensor(program.weights)}
    path = _path(key)
    with suppress(OSError, Timeout):  # who else writes it just now writes the same
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.parent / "lock", timeout=0):
            write_atomically(path, save(tensors | {DIGEST: _digest(tensors)}))
            _make_room(path)


def _make_room(newest: Path) -> None:
    """Remove the files that were not used for longest, beyond `KEPT_BYTES`."""
    files = [(path, path.stat()) for path in newest.parent.glob("*.safetensors")]
    total = sum(state.st_size for _, state in files)
    for path, state in sorted(files, key=lambda file: file[1].st_mtime_ns):
        if total > KEPT_BYTES and path != newest:
            path.unlink()
            total -= state.st_size


def _path(key: str) -> Path:
    return default_store_folder() / "engines" / f"{key}.safetensors"


def _digest(tensors: dict[str, Tensor]) -> Tensor:
    digest = hashlib.sha256()
    for name, values in sorted(tensors.items()):
        digest.update(f"{name} {tuple(values.shape)};".encode())
        digest.update(values.numpy().data)
    return _as_tensor(digest.digest())


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)
