"""What SimViz is installed with, down to the last package, and what it takes on disk.

    python -m deploy.constraints --write    constraints.txt, from what is installed here
    python -m deploy.constraints --sizes    megabytes, with torch's CUDA build and without it

Of the packages that requirements.txt, requirements-extras.txt and requirements-scale.txt name, and
of all that these need.
"""

import argparse
import platform
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
CONSTRAINTS = REPOSITORY / "constraints.txt"
BASE, EXTRAS, SCALE = "requirements.txt", "requirements-extras.txt", "requirements-scale.txt"
ONLY_WITH_CUDA = ("nvidia-", "cuda-", "triton")
"""How the names of packages begin that a torch without CUDA does not bring."""
CUDA_LIBRARIES = ("cuda", "nvshmem", "caffe2_nvrtc")
"""What stands in the names of the libraries inside torch that it does not have, either."""


def required(*files: str) -> dict[str, Distribution]:
    """All packages that lists of requirements bring, by name, as they are installed here.

    Args:
        files: Names of files in the repository's folder.

    Raises:
        PackageNotFoundError: One is not installed.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [each for file in files for each in _listed(file)]
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        for extra in ("", *asked.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found[name] = distribution(asked.name)
            needs = [Requirement(text) for text in found[name].requires or ()]
            waiting += [
                need
                for need in needs
                if need.marker is None or need.marker.evaluate({"extra": extra})
            ]
    return dict(sorted(found.items()))


def _listed(file: str) -> Iterator[Requirement]:
    for line in (REPOSITORY / file).read_text(encoding="utf-8").splitlines():
        if (text := line.partition("#")[0].strip()) and not text.startswith("-"):
            yield Requirement(text)


def constraints_text() -> str:
    """The file's text."""
    pins = [f"{name}=={each.version}" for name, each in required(BASE, EXTRAS, SCALE).items()]
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return "\n".join(
        [
            "# All that SimViz is tested with, by `python -m deploy.constraints --write`:",
            f"# {machine}. With a torch without CUDA those of nvidia and triton are not installed.",
            *pins,
            "",
        ]
    )


def _megabytes(each: Distribution, leave_out: tuple[str, ...] = ()) -> float:
    """What a package's files take; those that are not there count nothing."""
    total = 0
    for file in each.files or ():
        path = Path(str(each.locate_file(file)))
        is_left_out = ".so" in file.name and any(part in file.name for part in leave_out)
        if path.is_file() and not is_left_out:
            total += path.stat().st_size
    return total / 1e6


def print_sizes() -> None:
    """What the packages of requirements.txt take, with and without CUDA."""
    packages = required(BASE)
    whole = sum(map(_megabytes, packages.values()))
    without = sum(
        _megabytes(each, CUDA_LIBRARIES if name == "torch" else ())
        for name, each in packages.items()
        if not name.startswith(ONLY_WITH_CUDA)
    )
    print(f"{len(packages)} packages: {whole:,.0f} MB; estimated without CUDA: {without:,.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write constraints.txt")
    parser.add_argument("--sizes", action="store_true", help="print what it takes on disk")
    options = parser.parse_args()
    if options.write:
        CONSTRAINTS.write_text(constraints_text(), encoding="utf-8")
    if options.sizes:
        print_sizes()
    if not (options.write or options.sizes):
        parser.error("nothing to do: --write or --sizes")
