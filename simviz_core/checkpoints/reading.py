"""Reading weights from files of strangers without running any code of theirs."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from simviz_core.checkpoints.formats.inert import NamesCode
from simviz_core.checkpoints.formats.judging import (
    ARCHIVE,
    INDEX,
    SAFETENSORS,
    is_plainly_weights,
    kind_of,
)
from simviz_core.checkpoints.formats.safetensors_files import (
    INDEX_SUFFIX,
    PART_IN_NAME,
    index_of,
    read_parts,
    read_safetensors,
)
from simviz_core.checkpoints.formats.stored import Damaged, StoredTensor
from simviz_core.checkpoints.formats.torch_files import read_archive, read_pickles
from simviz_core.checkpoints.parts import Contents, Part, find_parts, is_of_optimiser, rank
from simviz_core.errors import CheckpointError
from simviz_core.images import IMAGE_SUFFIXES

SAFETENSORS_SUFFIX = ".safetensors"
CHECKPOINT_SUFFIXES = frozenset({".pth", ".pt", ".ckpt", ".bin", ".pkl", SAFETENSORS_SUFFIX})
"""Usual endings. Any other may do, too: files are judged by their content."""
_USUAL_NAME = re.compile(
    r"\.(pth|pt|ckpt|bin|pkl|safetensors)(\.tar)?([-_.]\d+)?$|\.(safetensors|bin)\.index\.json$",
    re.IGNORECASE,
)
MOST_TIMES, MOST_BYTES_BEYOND = 4, 100_000_000
"""What a file's tensors may be larger than it: some share their numbers, some are compressed."""
NONE_BY_NAME = (
    "{} holds no weights by name; save the network's state_dict(), plain or in a dictionary under "
    "'state_dict' or 'model'"
)


def is_checkpoint_name(name: str) -> bool:
    """Whether a file's name is one that checkpoints usually have, "model.pth.tar-60", say."""
    return _USUAL_NAME.search(name) is not None and PART_IN_NAME.search(name) is None


def looks_like_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint by its usual name, or, under any other, by its first bytes.

    Args:
        path: A file. It is not read further than that, and an archive no further than its index.

    Returns:
        False for one part of several, for a file that cannot be opened, and for one with an
        image's ending, of which folders have very many.
    """
    if PART_IN_NAME.search(path.name) is not None or path.suffix.lower() in IMAGE_SUFFIXES:
        return False
    if is_checkpoint_name(path.name):
        return True
    try:
        return is_plainly_weights(path)
    except OSError:
        return False


def open_checkpoint(path: Path | str) -> Contents:
    """Read what a checkpoint holds, without running any code from it.

    Args:
        path: A file of safetensors, or of what `torch.save` or pickle made, whatever its ending;
            or, of a checkpoint in several parts, their index or folder.

    Returns:
        Its dictionaries of tensors; their numbers are still in the file.

    Raises:
        CheckpointError: There is no such file; it is empty, damaged or no checkpoint; or it
            names something that could run code when loaded.
    """
    path = Path(path)
    try:
        found = find_parts(_content(path))
    except CheckpointError:
        raise
    except PermissionError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # A damaged or hostile file can raise anything.
        raise CheckpointError(_refusal(error, path)) from error
    if not any(part.tensors for part in found.parts):
        raise CheckpointError(_without_weights(found, path))
    return found


def read_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """Read the weights that a file holds, without running any code from it.

    Args:
        path: As for `open_checkpoint`.

    Returns:
        The floating-point tensors by name, on the CPU, in the precision that they are stored in;
        of several dictionaries of them, those of the first by `parts.rank`.

    Raises:
        CheckpointError: As for `open_checkpoint`.
    """
    parts = [part for part in open_checkpoint(path).parts if part.tensors]
    several = [part for part in parts if len(part.tensors) > 1 and not is_of_optimiser(part.name)]
    named = [part for part in several if part.name and rank(part.name) < rank("other")]
    chosen = min(named or several or parts, key=lambda part: rank(part.name))
    return load_tensors(chosen.tensors, path)


def load_tensors(tensors: Mapping[str, StoredTensor], path: Path | str) -> dict[str, Tensor]:
    """Read the numbers of tensors.

    Args:
        tensors: Of a checkpoint, by name.
        path: The checkpoint's, for messages.

    Returns:
        The tensors, on the CPU.

    Raises:
        CheckpointError: The file is damaged, or was changed since it was opened; or its tensors
            lie over one another so often that they are far larger than it.
    """
    claimed = sum(tensor.numel() * tensor.dtype.itemsize for tensor in tensors.values())
    if claimed > MOST_TIMES * _size(Path(path)) + MOST_BYTES_BEYOND:
        raise CheckpointError(
            f"{path} claims {claimed / 1e6:,.0f} MB of weights, far more than it holds; save the "
            "network's state_dict() anew"
        )
    try:
        return {name: tensor.load() for name, tensor in tensors.items()}
    except Exception as error:  # as above
        raise CheckpointError(_refusal(error, Path(path))) from error


def _size(path: Path) -> int:
    """The bytes of a checkpoint, of all its parts where it has several."""
    if path.is_file() and not path.name.endswith(INDEX_SUFFIX):
        return path.stat().st_size
    folder = path if path.is_dir() else path.parent
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def refuse_unusable(part: Part, path: Path | str, name: str | None = None) -> CheckpointError:
    """The error for weights of a kind that cannot be used; the first of a part, or one by name."""
    name = next(iter(part.unusable)) if name is None else name
    unusable = part.unusable[name]
    return CheckpointError(
        f"{path} holds weights that cannot be used: {name[:80]} {unusable.reason}; save the "
        "network's state_dict() as plain floating-point tensors"
    )


def _content(path: Path) -> object:
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty (0 bytes); copy the checkpoint again")
    if (part := PART_IN_NAME.search(path.name)) and part[2] != "00001":
        raise CheckpointError(
            f"{path} is part {int(part[1])} of {int(part[2])} of a checkpoint; choose their "
            "index (….index.json), or the folder"
        )
    return _file(path)


def _folder(path: Path) -> object:
    index = index_of(path)
    if index is not None:
        return read_parts(index, _part_of_several)
    files = [file for file in sorted(path.iterdir()) if is_checkpoint_name(file.name)]
    files = [file for file in files if file.is_file()]
    safe = [file for file in files if file.suffix == SAFETENSORS_SUFFIX]
    if len(safe) == 1 or len(files) == 1:
        return _file((safe or files)[0])
    found = f"{len(files)} checkpoints" if files else "no checkpoint"
    raise CheckpointError(
        f"there is no file {path}; it is a folder with {found} and no index of parts "
        "(….index.json); choose a file"
    )


def _part_of_several(path: Path) -> Mapping[str, object]:
    found = find_parts(_file(path)).parts
    if not found:
        raise Damaged(f"its part {path.name} holds no weights by name")
    return {**found[0].tensors, **found[0].unusable}


def _file(path: Path) -> object:
    kind, words = kind_of(path)
    if kind == SAFETENSORS:
        return read_safetensors(path)
    if kind == ARCHIVE:
        return read_archive(path)
    if kind == INDEX:
        return read_parts(path, _part_of_several)
    if kind is None:
        raise CheckpointError(f"{path} {words}")
    return read_pickles(lambda: path.open("rb"), path.stat().st_size)


def _refusal(error: Exception, path: Path) -> str:
    """Why a file cannot be loaded, and what to do."""
    if isinstance(error, NamesCode):
        return (
            f"{path} holds a pickled {error}, which could run code when loaded; nothing of it was "
            "run; save only the network's state_dict(), or do not trust whoever made it"
        )
    first = str(error).partition("\n")[0][:200] or type(error).__name__
    return f"{path} is damaged or no checkpoint ({first}); copy it again, or choose another file"


def _without_weights(found: Contents, path: Path) -> str:
    """Why a file without any weights by name cannot be used, and what to do."""
    if found.modules:
        return (
            f"{path} holds a pickled nn.Module ({found.modules[0][:100]}), which could run code "
            "when loaded; save its state_dict() instead"
        )
    for part in found.parts:
        if (
            any("but int" not in unusable.reason for unusable in part.unusable.values())
            or len(part.unusable) > 1
        ):
            return str(refuse_unusable(part, path))
    if found.arrays:
        return (
            f"{path} holds NumPy arrays instead of tensors; save them with torch.save as "
            "{name: torch.from_numpy(array)}"
        )
    return NONE_BY_NAME.format(path)
