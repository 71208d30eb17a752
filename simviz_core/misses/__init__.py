"""Misses: the queries whose nearest neighbour is of another class, and what they are taken for."""

from simviz_core.misses.comparison import COMPARED_KINDS, Comparison, compare_outcomes
from simviz_core.misses.confusion import (
    ClassQuality,
    Confusion,
    class_qualities,
    confusion_counts,
    confusions,
    most_confused,
)
from simviz_core.misses.kept import outcomes_key, read_outcomes, save_outcomes
from simviz_core.misses.report import MissReport, misses_as_csv, misses_as_json
from simviz_core.misses.table import MISS_ORDERS, NO_CLASS, QueryOutcome, list_misses, sorted_misses

__all__ = [
    "COMPARED_KINDS",
    "MISS_ORDERS",
    "NO_CLASS",
    "ClassQuality",
    "Comparison",
    "Confusion",
    "MissReport",
    "QueryOutcome",
    "class_qualities",
    "compare_outcomes",
    "confusion_counts",
    "confusions",
    "list_misses",
    "misses_as_csv",
    "misses_as_json",
    "most_confused",
    "outcomes_key",
    "read_outcomes",
    "save_outcomes",
    "sorted_misses",
]
