"""Networks by name from the libraries that build them: `timm/…`, `torchvision/…` and others.

A name is the library's, a slash, and the name there, with a tag where there are several sets of
weights: `timm/resnet50.a1_in1k`, `torchvision/resnet50.IMAGENET1K_V1`. Libraries are imported when
one of their networks is asked for, or when a list of them is.
"""

import fnmatch
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from simviz_core import __version__
from simviz_core.errors import SettingsError
from simviz_core.files import default_store_folder, write_atomically
from simviz_core.networks.sources import extra_sources, timm_source, torchvision_source
from simviz_core.networks.sources.base import NamedSource
from simviz_core.networks.sources.programs import find_program, is_program_name


@dataclass(frozen=True)
class Library:
    """A library of networks.

    Attributes:
        find: Looks a network up by its name there.
        names: Lists them; None where there is no list.
        package: What installs it.
    """

    find: Callable[[str], NamedSource]
    names: Callable[[], list[str]] | None
    package: str


NAMES_FILE = "networks.json"
"""In the cache folder."""
LIBRARIES = {
    "timm": Library(timm_source.find, timm_source.names, "timm"),
    "torchvision": Library(torchvision_source.find, torchvision_source.names, "torchvision"),
    "transformers": Library(extra_sources.find_transformers, None, "transformers"),
    "open_clip": Library(
        extra_sources.find_open_clip, extra_sources.open_clip_names, "open_clip_torch"
    ),
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

    They are listed once for each of the libraries' versions, and kept in the cache folder: to be
    asked, the libraries have to be imported, which takes seconds.

    Args:
        pattern: Names that contain all of its words, or that match it where it has a `*` or `?`.

    Returns:
        Names, sorted by library and name; those of extras only where these are installed.
    """
    versions = [__version__, *(_version(library.package) for library in LIBRARIES.values())]
    names = _kept_names(versions)
    if names is None:
        names = [
            f"{library}/{name}"
            for library, source in LIBRARIES.items()
            if source.names is not None
            for name in source.names()
        ]
        _keep_names(names, versions)
    return matching_names(names, pattern)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _kept_names(versions: list[str]) -> list[str] | None:
    """The names as libraries of these versions listed them before; None where they did not yet."""
    try:
        kept = json.loads((default_store_folder() / NAMES_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("versions") != versions:
        return None
    return [str(name) for name in kept["names"]]


def _keep_names(names: list[str], versions: list[str]) -> None:
    folder, kept = default_store_folder(), {"versions": versions, "names": names}
    with suppress(OSError):  # then they are listed again
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / NAMES_FILE, json.dumps(kept).encode())


def matching_names(names: list[str], pattern: str) -> list[str]:
    """Those names that contain all words of a pattern, or match its `*` and `?`."""
    pattern = pattern.strip().lower()
    if "*" in pattern or "?" in pattern:
        return [name for name in names if fnmatch.fnmatch(name.lower(), f"*{pattern}*")]
    return [name for name in names if all(word in name.lower() for word in pattern.split())]
