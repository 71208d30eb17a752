"""Networks that are programs: a TorchScript file, an exported program, a Python function.

Loading one runs code, so it is off unless whoever runs SimViz allows that very name: on the command
line with --allow-code, for the pages in the environment variable `SIMVIZ_NETWORKS`. A name that
only a link or a text field gave is never enough.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.sources.base import NamedSource

FILE, FUNCTION = "file:", "python:"
"""What the names begin with: `file:/models/mine.pt2`, `python:package.module:function`."""
ALLOWED_VARIABLE = "SIMVIZ_NETWORKS"
"""The environment variable that names the programs that may be loaded, one a line or parted by
semicolons."""
_allowed: ContextVar[tuple[str, ...]] = ContextVar("allowed", default=())


class Program(nn.Module):
    """A loaded program; it is in evaluation mode, or was saved so, and stays in it."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program

    def train(self, mode: bool = True) -> "Program":
        """Leave the program as it is: exported ones have no modes."""
        return self

    def forward(self, pixels: Tensor) -> Any:
        """What the program makes of pixels."""
        return self.program(pixels)


def is_program_name(name: str) -> bool:
    """Whether a name stands for a program."""
    return name.startswith((FILE, FUNCTION))


def allowed_programs() -> tuple[str, ...]:
    """The names that may be loaded."""
    return (*_allowed.get(), *programs_in(os.environ.get(ALLOWED_VARIABLE, "")))


def programs_in(text: str) -> list[str]:
    """The names in a list of them, parted by semicolons or lines, as `ALLOWED_VARIABLE` has it."""
    return [name.strip() for name in text.replace("\n", ";").split(";") if name.strip()]


@contextmanager
def allowing(name: str) -> Iterator[None]:
    """Allow one program, for whoever runs the command that names it."""
    token = _allowed.set((*_allowed.get(), name))
    try:
        yield
    finally:
        _allowed.reset(token)


def find_program(name: str) -> NamedSource:
    """A program as a source of a network, with ImageNet's preprocessing, at 224 pixels.

    Nothing is loaded yet.

    Raises:
        NetworkError: It is not allowed.
    """
    if name not in allowed_programs():
        raise NetworkError(
            f"{name} would run code when loaded, so it is off; allow it with --allow-code on the "
            f"command line, or for the pages by naming it in {ALLOWED_VARIABLE}; a state_dict "
            "needs no such permission"
        )

    def build(pretrained: bool, asked: tuple[int, int]) -> nn.Module:
        if name.startswith(FILE):
            return _load_file(Path(name.removeprefix(FILE)))
        return _call(name.removeprefix(FUNCTION))

    title = name.removeprefix(FILE).removeprefix(FUNCTION)
    return NamedSource(name, title, Preprocessing(), (224, 224), build)


def _load_file(path: Path) -> nn.Module:
    """Load a TorchScript (.pt, .pth, .ts) or exported (.pt2) program."""
    if not path.is_file():
        raise NetworkError(f"there is no file {path}")
    try:
        if path.suffix.lower() == ".pt2":
            return Program(torch.export.load(path).module())
        return Program(torch.jit.load(path, map_location="cpu"))
    except Exception as error:  # whatever the file holds
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise NetworkError(
            f"{path} is neither a TorchScript file nor, by its ending .pt2, an exported program "
            f"({reason})"
        ) from error


def _call(entry: str) -> nn.Module:
    """Call `package.module:function`, which returns the network."""
    module, _, function = entry.partition(":")
    if not module or not function:
        raise SettingsError(f"{FUNCTION}{entry} should be {FUNCTION}package.module:function")
    try:
        network = getattr(importlib.import_module(module), function)()
    except Exception as error:  # it is the user's own code
        reason = " ".join(str(error).split())[:200]
        raise NetworkError(f"{FUNCTION}{entry} failed: {type(error).__name__}: {reason}") from error
    if not isinstance(network, nn.Module):
        raise NetworkError(
            f"{FUNCTION}{entry} returned {type(network).__name__}; it should return an nn.Module "
            "whose output is its embedding"
        )
    return network
