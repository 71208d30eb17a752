"""A small training, and what it writes in full precision."""

from pathlib import Path

import pytest
from torch import Tensor

from simviz_core.checkpoints import save_weights
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.training import TrainingSettings, loop


@pytest.fixture
def gallery(colour_gallery: Path) -> Gallery:
    return open_gallery(colour_gallery)


@pytest.fixture
def settings(tiny_network: str) -> TrainingSettings:
    return TrainingSettings(
        network=tiny_network,
        iterations=6,
        checkpoints=(0, 2, 4),
        classes=3,
        images=2,
        learning_rate=0.01,
        held_out=("blue", "dun"),
    )


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Tensor]]:
    """The weights of each checkpoint in full precision, in the order of their writing."""
    kept: list[dict[str, Tensor]] = []

    def save_and_keep(weights: dict[str, Tensor], path: Path, pooling: str) -> None:
        kept.append({name: tensor.clone() for name, tensor in weights.items()})
        save_weights(weights, path, pooling)

    monkeypatch.setattr(loop, "save_weights", save_and_keep)
    return kept
