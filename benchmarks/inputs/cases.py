"""An input that is tried."""

from dataclasses import dataclass
from pathlib import Path

MESSAGE = "one clear message"


@dataclass(frozen=True)
class Case:
    """An input.

    Attributes:
        kind: A row of the table.
        path: Where it lies.
        expected: What may happen.
    """

    kind: str
    path: Path
    expected: tuple[str, ...]
