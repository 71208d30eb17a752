"""Networks by name from the libraries that build them: `timm/…`, `torchvision/…` and others.

A name is the library's, a slash, and the name there, with a tag where there are several sets of
weights: `timm/resnet50.a1_in1k`, `torchvision/resnet50.IMAGENET1K_V1`. Libraries are imported when
one of their networks is asked for, or when a list of them is.
"""

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass

from simviz_core.errors import SettingsError
from simviz_core.networks.sources import extra_sources, timm_source, torchvision_source
from simviz_core.networks.sources.base import NamedSource
from simviz_core.networks.sources.programs import find_program, is_program_name


@dataclass(frozen=True)
class Library:
    """A library of networks.

    Attributes:
        find: Looks a network up by its name there.
        names: Lists them; None where there is no list.
    """

    find: Callable[[str], NamedSource]
    names: Callable[[], list[str]] | None


LIBRARIES = {
    "timm": Library(timm_source.find, timm_source.names),
    "torchvision": Library(torchvision_source.find, torchvision_source.names),
    "transformers": Library(extra_sources.find_transformers, None),
    "open_clip": Library(extra_sources.find_open_clip, extra_sources.open_clip_names),
}


def is_source_name(name: str) -> bool:
    """Whether a name has the form of a library's network, or of a program."""
    return is_program_name(name) or (name.partition("/")[0] in LIBRARIES and "/" in name)


def named_source(name: str) -> NamedSource:
    """Look a network up by its name.

    Raises:
        SettingsError: The library is unknown, or has none of that name.
        NetworkError: The library is an extra that is not installed.
    """
    if is_program_name(name):
        return find_program(name)
    library, _, rest = name.partition("/")
    if library not in LIBRARIES or not rest:
        raise SettingsError(
            f"unknown network {name!r}; `python -m simviz_core networks` lists those that there are"
        )
    return LIBRARIES[library].find(rest)


def source_names(pattern: str = "") -> list[str]:
    """List the networks of the libraries that are installed.

    Args:
        pattern: Names that contain all of its words, or that match it where it has a `*` or `?`.

    Returns:
        Names, sorted by library and name; those of extras only where these are installed.
    """
    names: list[str] = []
    for library, source in LIBRARIES.items():
        if source.names is not None:
            names += [f"{library}/{name}" for name in source.names()]
    return matching_names(names, pattern)


def matching_names(names: list[str], pattern: str) -> list[str]:
    """Those names that contain all words of a pattern, or match its `*` and `?`."""
    pattern = pattern.strip().lower()
    if "*" in pattern or "?" in pattern:
        return [name for name in names if fnmatch.fnmatch(name.lower(), f"*{pattern}*")]
    return [name for name in names if all(word in name.lower() for word in pattern.split())]
