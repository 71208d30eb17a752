"""An input that is tried."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

MESSAGE = "one clear message"
RIGHT, SAID = "read right", "read right, and what was done is said"
SILENT, WRONG = "read, and what was done is not said", "read wrong"


@dataclass(frozen=True)
class Case:
    """An input.

    Attributes:
        kind: A row of the table.
        path: Where it lies.
        expected: What may happen.
        given: What else its part needs to know of it.
    """

    kind: str
    path: Path
    expected: tuple[str, ...]
    given: Any = None
