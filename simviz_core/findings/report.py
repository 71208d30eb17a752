"""Findings as one HTML file that needs nothing else: no network, no script, no other file."""

import math
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from simviz_core import __version__
from simviz_core.errors import SettingsError
from simviz_core.findings.digests import FileState, state_of
from simviz_core.findings.finding import PROGRAM, Finding, KeptFile, Shown, picture_uri
from simviz_core.findings.numbers import compared, is_map
from simviz_core.findings.tables import Table, settings_table, tables_of

FIGURE_BOX = (2000, 6000)
"""Figures of the report are as large as fits into this width and height, in pixels."""
IN_WORDS: dict[FileState, str] = {
    "same": "the same as when it was kept",
    "changed": "changed since: its content is another",
    "gone": "gone: it cannot be read any more",
    "unknown": "not known: an upload, or not readable when it was kept",
}


@dataclass(frozen=True)
class Again:
    """One figure of a finding, made again.

    Attributes:
        numbers: What its command writes as JSON, with maps; None where it was not made.
        figure: A PNG; empty where it was not made.
        problem: Why it was not made; empty where it was.
    """

    numbers: dict[str, Any] | None = None
    figure: bytes = b""
    problem: str = ""


@dataclass(frozen=True)
class Recomputed:
    """A finding, and what its commands make now.

    Attributes:
        finding: As it was kept.
        again: For each of its figures, in their order.
    """

    finding: Finding
    again: tuple[Again, ...]


@dataclass(frozen=True)
class _Figure:
    """What the template shows of one figure."""

    picture: str
    command: str
    problem: str
    comparison: str
    is_same: bool
    checks: tuple[str, ...]
    tables: tuple[Table, ...]
    settings: Table | None
    weights: str


@dataclass(frozen=True)
class _File:
    path: str
    sha256: str
    state: str
    is_same: bool


def report_html(findings: Sequence[Recomputed], address: str, title: str = "Findings") -> str:
    """The report.

    Args:
        findings: In the order of the report.
        address: Where the app runs, for the links, such as `http://localhost:8501`.
        title: Of the report.

    Returns:
        A whole HTML document. All text from outside is escaped, pictures are inside it, and a
        policy in its head forbids scripts and anything from another place.

    Raises:
        SettingsError: The address is none of http or https.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError(f"{address!r} is no address such as http://localhost:8501")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    base = address.rstrip("/")
    return environment.get_template("report.html.j2").render(
        title=title,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        findings=[
            {
                "finding": each.finding,
                "kept": each.finding.kept.replace("T", " ").replace("+00:00", " UTC"),
                "link": f"{base}/{each.finding.address}",
                "figures": [
                    _figure(shown, again)
                    for shown, again in zip(each.finding.shown, each.again, strict=True)
                ],
                "files": [_file(file) for file in each.finding.images],
                "weights": [_file(file) for file in each.finding.weights],
            }
            for each in findings
        ],
        summary=_summary(findings),
    )


def _summary(findings: Sequence[Recomputed]) -> str:
    """How many were made again, in a sentence."""
    counts = Counter(
        "not made again" if again.problem else "made again"
        for each in findings
        for again in each.again
    )
    parts = [f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'}"]
    parts += [
        f"{count} {'figure' if count == 1 else 'figures'} {what}"
        for what, count in sorted(counts.items())
    ]
    return ", ".join(parts)


def _figure(shown: Shown, again: Again) -> _Figure:
    numbers = again.numbers if again.numbers is not None else (shown.numbers or {})
    comparison = None
    if again.numbers is not None and shown.numbers is not None:
        comparison = compared(shown.numbers, again.numbers)
    return _Figure(
        picture=picture_uri(again.figure, FIGURE_BOX, 88) if again.figure else shown.picture,
        command=shlex.join([*PROGRAM, *shown.command]) if shown.command else "",
        problem=again.problem,
        comparison=comparison.sentence if comparison else "",
        is_same=comparison is None or comparison.is_same,
        checks=tuple(_checks(numbers)),
        tables=tuple(tables_of(numbers)),
        settings=settings_table(numbers),
        weights=str(numbers.get("weights") or ""),
    )


def _file(file: KeptFile) -> _File:
    state = state_of(file)
    return _File(file.path, file.sha256 or "", IN_WORDS[state], state == "same")


def _checks(numbers: dict[str, Any]) -> Iterator[str]:
    """What the numbers say of their own exactness, in sentences."""
    if {"similarity", "query_map", "bias", "residual"} <= numbers.keys():
        total, bias = _sum(numbers["query_map"]), numbers["bias"]
        yield (
            f"Sum of the map {total:.6f}{f' + bias {bias:.6f}' if bias else ''} · "
            f"cosine {numbers['similarity']:.6f} · residual {numbers['residual']:.0e}"
        )
    else:
        residuals = [value for value in _named(numbers, "residual") if _is_finite(value)]
        if residuals:
            yield (
                f"Each map adds up to its score; the largest residual of {len(residuals)} is "
                f"{max(residuals):.0e}"
            )
    results = numbers.get("results")
    if isinstance(results, list):
        differences = [
            abs(_sum(result["match_map"]) - result["score"])
            for result in results
            if isinstance(result, dict) and result.get("match_map") and "score" in result
        ]
        if differences:
            yield (
                f"Sums of the maps of {len(differences)} matches beside their scores: they differ "
                f"by at most {max(differences):.0e}, with what the network adds in no cell"
            )


def _sum(values: Any) -> float:
    """The sum of a map, in double precision."""
    if isinstance(values, list):
        return math.fsum(_sum(value) for value in values)
    return float(values)


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _named(values: Any, name: str) -> Iterator[Any]:
    """Everything of that name, however deep."""
    if isinstance(values, list):
        for value in values:
            yield from _named(value, name)
    if isinstance(values, dict):
        for key, value in values.items():
            if key == name:
                yield value
            elif not (isinstance(value, list) and is_map(key, value)):
                yield from _named(value, name)
