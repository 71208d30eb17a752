"""Checkpoints: weights read safely from anybody's files, and fitted to networks by name."""

from simviz_core.checkpoints.files import load_checkpoint, save_weights
from simviz_core.checkpoints.matching import (
    HEADS,
    WeightsMatch,
    WrongShape,
    backbone_weights,
    match_weights,
    network_weights,
)
from simviz_core.checkpoints.reading import (
    CHECKPOINT_SUFFIXES,
    is_checkpoint_name,
    looks_like_checkpoint,
    open_checkpoint,
    read_checkpoint,
)

__all__ = [
    "CHECKPOINT_SUFFIXES",
    "HEADS",
    "WeightsMatch",
    "WrongShape",
    "backbone_weights",
    "is_checkpoint_name",
    "load_checkpoint",
    "looks_like_checkpoint",
    "match_weights",
    "network_weights",
    "open_checkpoint",
    "read_checkpoint",
    "save_weights",
]
