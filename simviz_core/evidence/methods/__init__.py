"""Ways to say which cells of an image made a score, to be compared: ours, others' and baselines.

What is explained is always a product ê · v of the image's unit embedding with one vector: of a
match's unit embedding (the cosine), or of the difference of two (why this one and not that one).
Every method gives one value for each cell of the network's grid.
"""

from collections.abc import Sequence

from simviz_core.errors import SettingsError
from simviz_core.evidence.methods.explained import ExplainedImage, Map, Method, Target
from simviz_core.evidence.methods.grad_cam_package import (
    PACKAGE,
    PACKAGE_METHODS,
    grad_cam_package,
    grad_cam_version,
)
from simviz_core.evidence.methods.rules import RULES

METHODS = {method.name: method for method in RULES}
"""By name, in the order of the tables."""
EXTRA_METHODS = {method.name: method for method in PACKAGE_METHODS}
"""Those that are compared only where they are asked for."""
BASELINE = "exact map"
"""What the others are compared with."""


def methods_named(names: Sequence[str]) -> list[Method]:
    """Look methods up, in the order of the names.

    Args:
        names: Among `METHODS` and `EXTRA_METHODS`; "grad-cam" stands for all of that package.

    Raises:
        SettingsError: One is no method's, or is of a package that is not there.
    """
    known = METHODS | EXTRA_METHODS
    found = dict[str, Method]()
    for name in names:
        if name != PACKAGE and name not in known:
            raise SettingsError(
                f"unknown method {name!r}; choose among {', '.join([*known, PACKAGE])}"
            )
        for method in PACKAGE_METHODS if name == PACKAGE else (known[name],):
            found[method.name] = method
    if used_packages(list(found.values())):
        grad_cam_package()
    return list(found.values())


def used_packages(methods: Sequence[Method]) -> dict[str, str]:
    """The optional packages that methods are of, and their versions."""
    is_used = any(method in PACKAGE_METHODS for method in methods)
    return {PACKAGE: grad_cam_version()} if is_used else {}


__all__ = [
    "BASELINE",
    "EXTRA_METHODS",
    "METHODS",
    "PACKAGE",
    "ExplainedImage",
    "Map",
    "Method",
    "Target",
    "methods_named",
    "used_packages",
]
