"""Reading weights from files of strangers without running any code of theirs."""

import mmap
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from simviz_core.errors import CheckpointError

SAFETENSORS_SUFFIX = ".safetensors"
CHECKPOINT_SUFFIXES = frozenset({".pth", ".pt", SAFETENSORS_SUFFIX})
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Under these names training programs keep the weights beside other things."""
MOST_COMPRESSED_AWAY = 100_000_000
"""By how many bytes an archive may be smaller than what is in it; torch.save compresses nothing."""


def read_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """Read the weights that a file holds, without running any code from it.

    Args:
        path: A `.safetensors` file, or a `.pth` or `.pt` file with what `torch.save` made of a
            state_dict: plain, or in a dictionary under one of `WRAPPERS`.

    Returns:
        The floating-point tensors by name, on the CPU, in the precision that they are stored in.

    Raises:
        CheckpointError: There is no such file; it is empty, damaged or no checkpoint; or it
            cannot be loaded without running code.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in CHECKPOINT_SUFFIXES:
        endings = ", ".join(sorted(CHECKPOINT_SUFFIXES))
        raise CheckpointError(f"{path} is no checkpoint; its name should end in {endings}")
    try:
        if not path.is_file():
            raise CheckpointError(f"there is no file {path}")
        if path.stat().st_size == 0:
            raise CheckpointError(f"{path} is empty (0 bytes); copy the checkpoint again")
        content = load_file(path) if suffix == SAFETENSORS_SUFFIX else _load_pickled(path)
    except CheckpointError:
        raise
    except PermissionError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # A damaged or hostile file can raise anything.
        raise CheckpointError(_refusal(error, path)) from error
    return _tensors(content, path)


def _load_pickled(path: Path) -> object:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        # A small file that unpacks to a huge one would fill the memory.
        if unpacked > path.stat().st_size + MOST_COMPRESSED_AWAY:
            raise CheckpointError(
                f"{path} would unpack to {unpacked / 1e6:,.0f} MB; save it with torch.save, which "
                "does not compress"
            )
    with warnings.catch_warnings():
        # What torch.load warns of, it then refuses; the refusal is what the user hears.
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def _refusal(error: Exception, path: Path) -> str:
    """Why a file cannot be loaded, and what to do."""
    reason = str(error)
    if "TorchScript" in reason:
        return (
            f"{path} is a TorchScript program, which could run code when loaded; save its "
            "state_dict() instead"
        )
    if blocked := re.search(r"GLOBAL ([\w.]{1,200})", reason):
        if blocked[1].startswith("torch.storage."):
            return (
                f"{path} was written by pickle, which could run code when loaded; save the "
                "state_dict() with torch.save instead"
            )
        if _mentions(path, b"torch.nn.modules"):
            return (
                f"{path} holds a pickled nn.Module ({blocked[1]}), which could run code when "
                "loaded; save its state_dict() instead"
            )
        return (
            f"{path} holds a pickled {blocked[1]}, which could run code when loaded; save only "
            "the network's state_dict()"
        )
    if isinstance(error, pickle.UnpicklingError):
        return f"{path} is no checkpoint that torch.save wrote; choose another file"
    first = reason.split(". ")[0].partition("\n")[0][:200] or type(error).__name__
    return f"{path} is damaged or no checkpoint ({first}); copy it again, or choose another file"


def _mentions(path: Path, words: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(words) >= 0


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    """The tensors of a state_dict, or of the one that a dictionary wraps."""
    for _ in WRAPPERS:
        if isinstance(content, Mapping):
            wrapped = (content[name] for name in WRAPPERS if name in content)
            content = next((inner for inner in wrapped if isinstance(inner, Mapping)), content)
    named = content.items() if isinstance(content, Mapping) else ()
    tensors = {name: value for name, value in named if isinstance(name, str) and _is_plain(value)}
    if not tensors:
        raise CheckpointError(
            f"{path} holds no weights by name; save the network's state_dict(), plain or in a "
            f"dictionary under {' or '.join(map(repr, WRAPPERS))}"
        )
    return tensors


def _is_plain(value: object) -> bool:
    """Whether this is a tensor of numbers that can be copied: not sparse, not without storage."""
    return (
        isinstance(value, Tensor)
        and value.is_floating_point()
        and value.layout is torch.strided
        and value.device.type == "cpu"
    )
