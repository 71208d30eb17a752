"""Files of safetensors, alone or in several parts with an index."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from simviz_core.checkpoints.formats.stored import Damaged, StoredTensor, Unusable

INDEX_SUFFIX = ".index.json"
PART_IN_NAME = re.compile(r"-(\d{5})-of-(\d{5})\.[a-z]+$")
LARGEST_INDEX = 50_000_000
"""In bytes."""
MOST_PARTS = 1000
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
"""The kinds of floating-point numbers; the others are no weights."""


def read_safetensors(path: Path) -> dict[str, StoredTensor | Unusable]:
    """Read what a file of safetensors holds.

    Returns:
        Tensors by name, still in the file.

    Raises:
        Exception: What the library raises for a damaged file.
    """
    found: dict[str, StoredTensor | Unusable] = {}
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - it is no dictionary
            part = file.get_slice(name)
            dtype = DTYPES.get(part.get_dtype())
            if dtype is None:
                found[name] = Unusable("holds no floating-point numbers")
            else:
                found[name] = StoredTensor(tuple(part.get_shape()), dtype, _loader(path, name))
    return found


def safetensors_note(path: Path, name: str) -> str | None:
    """What a checkpoint that was read says of itself under a name; None where it says nothing."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get(name)
    except (SafetensorError, OSError):
        return None  # of another format, or of several parts


def _loader(path: Path, name: str) -> Callable[[], Tensor]:
    def load() -> Tensor:
        with safe_open(path, framework="pt") as file:
            return file.get_tensor(name)

    return load


def index_of(path: Path) -> Path | None:
    """The index of a folder that a checkpoint of several parts lies in; None where it has none.

    Raises:
        Damaged: It has several.
    """
    found = sorted(path.glob(f"*{INDEX_SUFFIX}"))
    safe = [file for file in found if "safetensors" in file.name] or found
    if len(safe) > 1:
        raise Damaged(f"it has several indexes; choose one of {', '.join(f.name for f in safe)}")
    return safe[0] if safe else None


def read_parts(index: Path, read: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """Read a checkpoint of several parts by its index.

    Args:
        index: `model.safetensors.index.json`; its parts lie in the same folder.
        read: Reads one part.

    Returns:
        The tensors of all parts by name.

    Raises:
        Damaged: The index is none, names files elsewhere, or a part or tensor is not there.
    """
    if index.stat().st_size > LARGEST_INDEX:
        raise Damaged("its index is too large")
    try:
        places = json.loads(index.read_bytes())["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged("it is no index of a checkpoint (it has no 'weight_map')") from error
    if not isinstance(places, dict) or not all(isinstance(n, str) for n in places.values()):
        raise Damaged("its index does not say which file each tensor is in")
    names = sorted(set(places.values()))
    if len(names) > MOST_PARTS:
        raise Damaged("its index names too many files")
    folder, found = index.parent.resolve(), {}
    for name in names:
        part = index.parent / name
        if Path(name).name != name or not part.resolve().is_relative_to(folder):
            raise Damaged(f"its index names a file outside its folder, {name[:80]!r}")
        if not part.is_file():
            raise Damaged(f"a part of it is not there: {name[:80]}; copy it into the same folder")
        inside = read(part)
        for tensor in (key for key, place in places.items() if place == name):
            if tensor not in inside:
                raise Damaged(f"{name[:80]} lacks {tensor[:80]!r}, which its index says it holds")
            found[tensor] = inside[tensor]
    return found
