"""Which engine runs a network, as it is said beside its numbers."""

from dataclasses import asdict, dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class EngineInUse:
    """What runs a network's trunk, where no gradients are needed.

    Attributes:
        name: "OpenVINO 2026.4.1", "PyTorch 2.15.0".
        reason: Why it is not OpenVINO.
        map_difference: Of OpenVINO's feature map from PyTorch's, relative to its largest value;
            None where they were not compared.
        embedding_difference: Of its unit embedding.
    """

    name: str
    reason: str | None = None
    map_difference: float | None = None
    embedding_difference: float | None = None

    @property
    def line(self) -> str:
        """Engine and reason in one line."""
        return f"{self.name} ({self.reason})" if self.reason else self.name

    @property
    def is_openvino(self) -> bool:
        """Whether OpenVINO runs all of it."""
        return self.name.startswith("OpenVINO")

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON-ready values, the line among them."""
        return {"line": self.line} | asdict(self)


def by_torch(reason: str | None = None) -> EngineInUse:
    """PyTorch, and why."""
    return EngineInUse(f"PyTorch {torch.__version__.partition('+')[0]}", reason)
