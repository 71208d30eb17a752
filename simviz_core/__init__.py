"""SimViz: which regions of two images make a similarity network find them similar.

What `simviz_core.api` lists can be imported from here. It is loaded when the first of it is asked
for, so that `import simviz_core` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simviz_core.api import *  # noqa: F403

__version__ = "1.0.0"


def __getattr__(name: str) -> Any:
    if name.startswith("_") and name != "__all__":  # what Python's own machinery looks for
        raise AttributeError(name)
    return getattr(import_module("simviz_core.api"), name)


def __dir__() -> list[str]:
    return [*globals(), *import_module("simviz_core.api").__all__]
