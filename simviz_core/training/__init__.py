"""Training of similarity networks, into runs that the pages can show."""

from simviz_core.training.loop import STATE_FILE, train
from simviz_core.training.settings import (
    BATCH_ALL,
    BATCH_HARD,
    LEARNING_RATE,
    LEARNING_RATE_FROM_SCRATCH,
    LOSS_LEARNING_RATE,
    TRIPLET_LOSSES,
    TrainingSettings,
    choose_held_out,
    default_moments,
    split_gallery,
)

__all__ = [
    "BATCH_ALL",
    "BATCH_HARD",
    "LEARNING_RATE",
    "LEARNING_RATE_FROM_SCRATCH",
    "LOSS_LEARNING_RATE",
    "STATE_FILE",
    "TRIPLET_LOSSES",
    "TrainingSettings",
    "choose_held_out",
    "default_moments",
    "split_gallery",
    "train",
]
