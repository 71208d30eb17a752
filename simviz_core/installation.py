"""What is found out about the installation before anything heavy is loaded."""

from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version


@cache
def torch_mismatch() -> str:
    """Whether torchvision works with the torch beside it, in one line.

    Where what both say of themselves leaves a doubt (another version than the one that it was built
    for, or a build without CUDA beside one with it), torchvision is loaded to see.

    Returns:
        What was found, what was expected and what to do; "" where they work together.
    """
    try:
        torch, torchvision = Version(version("torch")), Version(version("torchvision"))
    except PackageNotFoundError as error:
        return f"{error.name} is not installed; install the versions that requirements.txt names"
    wanted = [Requirement(text) for text in requires("torchvision") or ()]
    built_for = [each.specifier for each in wanted if each.name == "torch"]
    fits = all(each.contains(torch, prereleases=True) for each in built_for)
    if fits and torch.local == torchvision.local:
        return ""
    try:
        import_module("torchvision")
    except Exception as error:
        return (
            f"torch {torch} and torchvision {torchvision} do not work together ({error}): "
            f"this torchvision wants torch{', '.join(map(str, built_for))} of the same build, with "
            "or without CUDA; install both in one step, in the versions that requirements.txt names"
        )
    return ""
