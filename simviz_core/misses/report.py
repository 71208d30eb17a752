"""What is exported of the misses of a gallery: JSON and CSV."""

from dataclasses import asdict, dataclass
from typing import Any

from simviz_core import __version__
from simviz_core.misses.comparison import COMPARED_KINDS, Comparison
from simviz_core.misses.confusion import class_qualities, confusions
from simviz_core.misses.table import QueryOutcome, list_misses, sorted_misses
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import QueryOutcomes, quality_as_json, quality_of
from simviz_core.tables import as_csv


@dataclass(frozen=True)
class MissReport:
    """The misses of a gallery with all that is exported of them.

    Attributes:
        settings: The network.
        outcomes: What every query finds.
        compared_with: Another network; None where none is compared.
        comparison: What it makes of the queries.
        order: One of `MISS_ORDERS`.
        selection: The name of the selection whose images alone are asked and found; None for all.
    """

    settings: NetworkSettings
    outcomes: QueryOutcomes
    compared_with: NetworkSettings | None = None
    comparison: Comparison | None = None
    order: str = "margin"
    selection: str | None = None


def misses_as_json(report: MissReport) -> dict[str, Any]:
    """The misses of a gallery as JSON-ready values.

    Returns:
        The network, the figures with how much of the gallery they rest on, the misses, the
        confusions, the classes; where another network is compared, what becomes of the queries.
    """
    outcomes = report.outcomes
    misses = sorted_misses(list_misses(outcomes), report.order)
    values = {
        **report.settings.as_json(),
        **quality_as_json(quality_of(outcomes)),
        **_selected(report),
        "misses": [_miss_values(miss) for miss in misses],
        "confusions": [{**asdict(found), "share": found.share} for found in confusions(outcomes)],
        "classes": [asdict(found) for found in class_qualities(outcomes)],
        "version": __version__,
    }
    if report.comparison is not None and report.compared_with is not None:
        comparison = report.comparison
        values["compared_with"] = {
            **report.compared_with.as_json(),
            **quality_as_json(quality_of(comparison.after)),
            "queries_of_both": comparison.queries,
            **({"note": comparison.note} if comparison.note else {}),
            **{
                kind: [
                    {"before": _miss_values(before), "after": _miss_values(after)}
                    for before, after in comparison.rows(kind)
                ]
                for kind in COMPARED_KINDS
            },
        }
    return values


def misses_as_csv(report: MissReport) -> str:
    """The misses of a gallery as a table, one row for each.

    Returns:
        CSV with a header. Where another network is compared, a row for each query that is a miss
        of either, with what became of it and what the other finds. The last columns say what every
        row rests on.
    """
    outcomes = report.outcomes
    coverage = outcomes.index.coverage
    basis: dict[str, Any] = {
        "network": report.settings.title.partition("\n")[0],
        "queries": len(outcomes.rows),
        "images_searched": outcomes.searched,
        **({"selection": report.selection} if report.selection else {}),
        "images_in_gallery": coverage.in_gallery,
        "conditions": outcomes.conditions.sentence,
        **({"gallery_reading": "; ".join(coverage.reading)} if coverage.reading else {}),
    }
    if report.comparison is None or report.compared_with is None:
        misses = sorted_misses(list_misses(outcomes), report.order)
        rows = [{**_miss_values(miss), **basis} for miss in misses]
        columns = [*_NAMES, *basis]
    else:
        basis["compared_with"] = report.compared_with.title.partition("\n")[0]
        rows = [
            {"change": kind, **_miss_values(before), **_after(after), **basis}
            for kind in COMPARED_KINDS
            for before, after in report.comparison.rows(kind)
        ]
        columns = ["change", *_NAMES, *(f"{name}_after" for name in _NAMES[2:]), *basis]
    return as_csv(rows, columns)


def _selected(report: MissReport) -> dict[str, Any]:
    """Which images stand for the gallery; nothing where all of them do."""
    if report.selection is None:
        return {}
    return {"selection": report.selection, "images_searched": report.outcomes.searched}


def _after(outcome: QueryOutcome) -> dict[str, Any]:
    values = _miss_values(outcome)
    return {f"{name}_after": values[name] for name in _NAMES[2:]}


_NAMES = (
    *("query", "class", "taken_for", "margin", "nearest", "nearest_score", "right", "right_score"),
    *("right_rank", "average_precision_at_r", "relevant", "nearest_is_copy"),
)


def _miss_values(miss: QueryOutcome) -> dict[str, Any]:
    return dict(
        zip(
            _NAMES,
            (
                miss.query.id,
                miss.query.label,
                miss.taken_for,
                miss.margin,
                miss.nearest.id,
                miss.nearest_score,
                miss.right.id,
                miss.right_score,
                miss.rank,
                miss.average_precision,
                miss.relevant,
                miss.nearest_is_copy,
            ),
            strict=True,
        )
    )
