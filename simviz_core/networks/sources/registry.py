"""Networks by name from the libraries that build them: `timm/…`, `torchvision/…` and others.

A name is the library's, a slash, and the name there, with a tag where there are several sets of
weights: `timm/resnet50.a1_in1k`, `torchvision/resnet50.IMAGENET1K_V1`. Libraries are imported when
one of their networks is asked for, or when a list of them is.
"""

import fnmatch
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from torch import nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks.preprocessing import INTERPOLATIONS, Preprocessing

SECONDS_TO_ANSWER = 10


@dataclass(frozen=True)
class NamedSource:
    """What a library says of a network, before it is built.

    Attributes:
        name: Its name in SimViz, "timm/resnet50.a1_in1k".
        title: As it is shown, "timm resnet50.a1_in1k".
        preprocessing: How it expects its pixels.
        size: Height and width of the images that it was trained on, in pixels.
        build: Makes the network, without its classifier; its output is its embedding. The
            arguments say whether to load the pretrained weights, and for images of which height
            and width.
    """

    name: str
    title: str
    preprocessing: Preprocessing
    size: tuple[int, int]
    build: Callable[[bool, tuple[int, int]], nn.Module]


@dataclass(frozen=True)
class Library:
    """A library of networks.

    Attributes:
        find: Looks a network up by its name there.
        names: Lists them; None where there is no list.
    """

    find: Callable[[str], NamedSource]
    names: Callable[[], list[str]] | None


def _libraries() -> dict[str, Library]:
    from simviz_core.networks.sources import extra_sources, timm_source, torchvision_source

    return {
        "timm": Library(timm_source.find, timm_source.names),
        "torchvision": Library(torchvision_source.find, torchvision_source.names),
        "transformers": Library(extra_sources.find_transformers, None),
        "open_clip": Library(extra_sources.find_open_clip, extra_sources.open_clip_names),
    }


def is_source_name(name: str) -> bool:
    """Whether a name has the form of a library's network, or of a program."""
    from simviz_core.networks.sources.programs import is_program_name

    return is_program_name(name) or (name.partition("/")[0] in _libraries() and "/" in name)


def named_source(name: str) -> NamedSource:
    """Look a network up by its name.

    Raises:
        SettingsError: The library is unknown, or has none of that name.
        NetworkError: The library is an extra that is not installed.
    """
    from simviz_core.networks.sources.programs import find_program, is_program_name

    if is_program_name(name):
        return find_program(name)
    library, _, rest = name.partition("/")
    libraries = _libraries()
    if library not in libraries or not rest:
        raise SettingsError(
            f"unknown network {name!r}; `python -m simviz_core networks` lists those that there are"
        )
    return libraries[library].find(rest)


def source_names(pattern: str = "") -> list[str]:
    """List the networks of the libraries that are installed.

    Args:
        pattern: Names that contain all of its words, or that match it where it has a `*` or `?`.

    Returns:
        Names, sorted by library and name; those of extras only where these are installed.
    """
    names: list[str] = []
    for library, source in _libraries().items():
        if source.names is not None:
            names += [f"{library}/{name}" for name in source.names()]
    return matching_names(names, pattern)


def matching_names(names: list[str], pattern: str) -> list[str]:
    """Those names that contain all words of a pattern, or match its `*` and `?`."""
    pattern = pattern.strip().lower()
    if "*" in pattern or "?" in pattern:
        return [name for name in names if fnmatch.fnmatch(name.lower(), f"*{pattern}*")]
    return [name for name in names if all(word in name.lower() for word in pattern.split())]


@contextmanager
def weights_errors(title: str) -> Iterator[None]:
    """Turn what libraries raise for want of weights into a `NetworkError` with the ways out."""
    try:
        yield
    except (URLError, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise NetworkError(not_downloaded(title, str(reason))) from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise NetworkError(f"the weights of {title} could not be loaded: {reason}") from error


@contextmanager
def hub_within_reach() -> Iterator[None]:
    """Have clients of the Hugging Face hub look on disk only, where the hub does not answer.

    They would try for most of a minute before they give up.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or hub_silence() is not None
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def hub_silence() -> str | None:
    """Why the Hugging Face hub does not answer; None where it does."""
    from huggingface_hub import constants

    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=SECONDS_TO_ANSWER)
    except HTTPError:
        return None  # an answer, though not a good one
    except OSError as error:
        return str(getattr(error, "reason", None) or error)
    return None


def not_downloaded(title: str, reason: str) -> str:
    """The message for weights that are not on disk and cannot be had."""
    return (
        f"the weights of {title} could not be downloaded ({reason}); connect to the internet once, "
        "load them from a checkpoint file, or use EfficientNet-Lite0, whose weights are installed"
    )


def interpolation_of(value: Any) -> str:
    """The name of a resampling, of whatever form a library keeps it in; bicubic where unknown."""
    name = str(getattr(value, "value", value)).lower()
    return name if name in INTERPOLATIONS else "bicubic"


def three(values: Any) -> tuple[float, float, float]:
    """Three numbers, one for each colour; a single one counts for all."""
    numbers = [float(value) for value in values]
    red, green, blue = numbers * 3 if len(numbers) == 1 else numbers[:3]
    return red, green, blue
