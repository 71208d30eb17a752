"""Following: a query through the checkpoints of a training."""

from simviz_core.following.neighbour import (
    NeighbourChange,
    NeighboursAt,
    nearest_at,
    neighbour_as_json,
    neighbour_change,
    neighbour_rows,
)
from simviz_core.following.query import FollowedQuery, checkpoint_report, most_changed
from simviz_core.following.relative import (
    MEASURED_NOTE,
    FollowedReference,
    RelativeReport,
    check_reference,
)
from simviz_core.following.report import (
    ChangedQuery,
    CheckpointReport,
    RunReport,
    checkpoint_table,
    reports_as_json,
    run_rows,
    run_title,
    score_line,
    weights_lines,
)
from simviz_core.following.timeline import NEIGHBOURS, Change, change, held_out_rows

__all__ = [
    "MEASURED_NOTE",
    "NEIGHBOURS",
    "Change",
    "ChangedQuery",
    "CheckpointReport",
    "FollowedQuery",
    "FollowedReference",
    "NeighbourChange",
    "NeighboursAt",
    "RelativeReport",
    "RunReport",
    "change",
    "check_reference",
    "checkpoint_report",
    "checkpoint_table",
    "held_out_rows",
    "most_changed",
    "nearest_at",
    "neighbour_as_json",
    "neighbour_change",
    "neighbour_rows",
    "reports_as_json",
    "run_rows",
    "run_title",
    "score_line",
    "weights_lines",
]
