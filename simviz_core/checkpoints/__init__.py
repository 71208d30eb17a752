"""Checkpoints: weights read safely from anybody's files, and fitted to networks by name."""

from simviz_core.checkpoints.files import load_checkpoint, save_checkpoint
from simviz_core.checkpoints.matching import (
    HEADS,
    SMALLEST_SHARE,
    WeightsMatch,
    WrongShape,
    backbone_weights,
    load_weights,
    match_weights,
)
from simviz_core.checkpoints.reading import CHECKPOINT_SUFFIXES, WRAPPERS, read_checkpoint

__all__ = [
    "CHECKPOINT_SUFFIXES",
    "HEADS",
    "SMALLEST_SHARE",
    "WRAPPERS",
    "WeightsMatch",
    "WrongShape",
    "backbone_weights",
    "load_checkpoint",
    "load_weights",
    "match_weights",
    "read_checkpoint",
    "save_checkpoint",
]
