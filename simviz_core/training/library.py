"""Losses and miners of pytorch-metric-learning, by the names of their classes."""

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import numpy as np
from torch import Tensor, nn

from simviz_core.errors import SettingsError

LOSSES, MINERS = "losses", "miners"
"""The library's packages."""
OPTION = str | int | float | bool
FROM_DATA = {
    "num_classes": "classes",
    "embedding_size": "components",
    "descriptors_dim": "components",
    "l": "components",
}
"""What constructors call the number of classes, and of components of an embedding."""
_OBJECTS = (
    "distance reducer embedding_regularizer embedding_reg_weight weight_regularizer "
    "weight_reg_weight weight_init_func mat_based_loss loss losses collect_stats"
)
OBJECTS = frozenset(_OBJECTS.split())
"""Arguments that are objects of the library, or do nothing without one; left at their defaults."""
OF_TRIPLETS = "EmbeddingsAlreadyPackagedAsTriplets"


def names(package: str) -> list[str]:
    """The losses or the miners that can be used with embeddings and their classes.

    Args:
        package: `LOSSES` or `MINERS`.
    """
    return [name for name, kind in _classes(package).items() if not _why_not(name, kind)]


def described_names(package: str) -> list[str]:
    """The same with their options: "ArcFaceLoss  margin=28.6 scale=64"."""
    lines = []
    for name in names(package):
        options = _options(_classes(package)[name])
        words = [key if value is _NONE else f"{key}={value}" for key, value in options.items()]
        lines.append("  ".join([name, " ".join(words)]).rstrip())
    return lines


def check_name(package: str, name: str, others: Sequence[str] = ()) -> None:
    """Check that a loss or a miner is one that can be used.

    Args:
        package: `LOSSES` or `MINERS`.
        name: Of a class in it.
        others: Names that are no classes of the library, for the message.

    Raises:
        SettingsError: There is none of that name; or it needs more than embeddings and classes.
    """
    kinds = _classes(package)
    if name not in kinds:
        offered = ", ".join([*others, *names(package)])
        raise SettingsError(f"unknown {_word(package)} {name!r}; choose one of {offered}")
    if reason := _why_not(name, kinds[name]):
        raise SettingsError(f"{name} cannot be used: {reason}")


def options_from_text(package: str, name: str, texts: Sequence[str]) -> dict[str, OPTION]:
    """Read options as they are typed, "margin=0.3".

    Args:
        package: `LOSSES` or `MINERS`.
        name: Of a class in it.
        texts: The options.

    Returns:
        Values by name, of the kind that the class's constructor has as its default.

    Raises:
        SettingsError: There is no such class; an option is none of its own, or no such value.
    """
    check_name(package, name)
    known = _options(_classes(package)[name])
    values: dict[str, OPTION] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"{text!r} is no option of {name}; write one as margin=0.3")
        _check_known(name, key, known)
        values[key] = _value(f"{key} of {name}", value, known[key])
    return values


def built(
    package: str, name: str, options: Mapping[str, OPTION], classes: int, components: int
) -> nn.Module:
    """Build a loss or a miner.

    Args:
        package: `LOSSES` or `MINERS`.
        name: Of a class in it.
        options: Values by the names of its constructor's arguments.
        classes: How many there are to learn.
        components: Of an embedding.

    Returns:
        The object, all its tensors parameters or buffers, so that they move to a device and are
        kept with its state.

    Raises:
        SettingsError: There is no such class, or it cannot be built with these options.
    """
    check_name(package, name)
    kind = _classes(package)[name]
    known = _options(kind)
    for key in options:
        _check_known(name, key, known)
    if lacking := [
        key for key, default in known.items() if default is _NONE and key not in options
    ]:
        raise SettingsError(
            f"{name} needs {', '.join(lacking)}; give each as --{_word(package)}-option KEY=VALUE"
        )
    counts = {"classes": classes, "components": components}
    needed = [key for key, default in _arguments(kind).items() if default is _NONE]
    given = {key: counts[FROM_DATA[key]] for key in needed if key in FROM_DATA}
    try:
        made = kind(**given, **options)
    except Exception as error:  # whatever its code raises
        words = ", ".join(f"{key}={value}" for key, value in options.items()) or "its defaults"
        raise SettingsError(f"{name} cannot be built with {words}: {reason_of(error)}") from error
    for part in made.modules():
        for key, value in list(vars(part).items()):
            if isinstance(value, Tensor):
                delattr(part, key)
                part.register_buffer(key, value)
    return made


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Have the library draw its random choices from a seed.

    They come from a generator of one of its modules; there is no argument for it.
    """
    from pytorch_metric_learning.utils import common_functions

    before = common_functions.NUMPY_RANDOM
    common_functions.NUMPY_RANDOM = np.random.RandomState(seed % 2**32)
    try:
        yield
    finally:
        common_functions.NUMPY_RANDOM = before


def reason_of(error: Exception) -> str:
    """What an error of the library says, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


_NONE = inspect.Parameter.empty


def _word(package: str) -> str:
    return {LOSSES: "loss", MINERS: "miner"}[package]


def _classes(package: str) -> dict[str, type[nn.Module]]:
    """The classes of a package of the library by name: those that it can be asked for, and its
    wrappers of others."""
    from pytorch_metric_learning import losses, miners

    module, base = {
        LOSSES: (losses, losses.BaseMetricLossFunction),
        MINERS: (miners, miners.BaseMiner),
    }[package]
    found = inspect.getmembers(module, inspect.isclass)
    return {
        name: kind
        for name, kind in found
        if issubclass(kind, nn.Module)
        and not name.startswith("Base")
        and not name.endswith("Mixin")
        and (issubclass(kind, base) or _needed_objects(kind))
    }


def _arguments(kind: type[nn.Module]) -> dict[str, Any]:
    """What a constructor takes, and what it passes on to those of its bases, with defaults."""
    found: dict[str, Any] = {}
    for part in kind.__mro__:
        if part is nn.Module:
            break
        if "__init__" not in vars(part):
            continue
        parameters = list(inspect.signature(cast(Any, part).__init__).parameters.values())[1:]
        for parameter in parameters:
            is_any = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            # Whatever else a base cannot do without, the class itself gives it.
            is_asked = part is kind or parameter.default is not _NONE or parameter.name in FROM_DATA
            if not is_any and is_asked:
                found.setdefault(parameter.name, parameter.default)
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def _options(kind: type[nn.Module]) -> dict[str, Any]:
    """The arguments of a constructor that can be chosen, with their defaults."""
    return {
        key: default
        for key, default in _arguments(kind).items()
        if key not in OBJECTS and not (key in FROM_DATA and default is _NONE)
    }


def _needed_objects(kind: type[nn.Module]) -> list[str]:
    """The objects that a constructor cannot do without."""
    arguments = _arguments(kind)
    return [key for key, default in arguments.items() if default is _NONE and key in OBJECTS]


def _why_not(name: str, kind: type[nn.Module]) -> str | None:
    """Why a class cannot be used, in words; None if it can."""
    if needed := _needed_objects(kind):
        return f"it is made of another {', '.join(needed)}, which cannot be given by name"
    compute = getattr(kind, "compute_loss", None)
    if "labels_not_supported" in getattr(getattr(compute, "__code__", None), "co_names", ()):
        return "it takes no classes"
    return "it takes batches of triplets, not of classes" if name == OF_TRIPLETS else None


def _check_known(name: str, key: str, known: Mapping[str, Any]) -> None:
    if key not in known:
        offered = f"it has {', '.join(known)}" if known else "it has none"
        raise SettingsError(f"{name} has no option {key!r}; {offered}")


def _value(what: str, text: str, default: Any) -> OPTION:
    """A value of the kind that a default is of; of any kind where there is none."""
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise SettingsError(f"{what} should be true or false, not {text!r}")
        return text.lower() == "true"
    for number in (int, float):
        with suppress(ValueError):
            if math.isfinite(value := number(text)):
                return value
    if isinstance(default, int | float):
        raise SettingsError(f"{what} should be a number, not {text!r}")
    return text
