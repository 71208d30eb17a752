"""What the Trust page and the command `trust` export of a report alike."""

from collections.abc import Sequence
from typing import Any

from simviz_core.evidence.trust import ADDS_UP, Finding, TrustReport
from simviz_core.figures import PNG, MethodBars, method_bars_figure
from simviz_core.networks.settings import NetworkSettings


def trust_as_json(report: TrustReport, gallery: str, settings: NetworkSettings) -> dict[str, Any]:
    """A report as JSON-ready values.

    Args:
        report: The report.
        gallery: As the user named it.
        settings: The network.
    """
    return {**report.as_json(), "gallery": gallery, **settings.as_json()}


def charted(report: TrustReport) -> list[Finding]:
    """The findings that are shares or correlations and could be measured: what a plot shows."""
    return [f for f in report.findings if f.name != ADDS_UP and f.value is not None]


def trust_figure(findings: Sequence[Finding], title: str, file_format: str = PNG) -> bytes:
    """Findings as bars with their intervals.

    Args:
        findings: Of `charted`, at least one.
        title: Of what.
        file_format: One of `FILE_FORMATS`.

    Returns:
        A file of that format.
    """
    bars = MethodBars(
        "share or correlation",
        tuple(finding.name for finding in findings),
        tuple(_ends(finding) for finding in findings),
    )
    return method_bars_figure([bars], title, file_format)


def finding_number(finding: Finding) -> str:
    """A finding's number as it is shown."""
    if finding.value is None:
        return "–"
    return f"{finding.value:.0e}" if finding.name == ADDS_UP else f"{finding.value:.2f}"


def finding_basis(finding: Finding) -> str:
    """Over how many items a finding was measured, and its interval; empty where it was not."""
    if not finding.count:
        return ""
    items = "1 item" if finding.count == 1 else f"{finding.count} items"
    if finding.low is None or finding.high is None:
        return f"Over {items}."
    return f"Over {items}; 95% interval {finding.low:.2f} to {finding.high:.2f}."


def _ends(finding: Finding) -> tuple[float, float, float]:
    value = finding.value or 0.0
    low = value if finding.low is None else finding.low
    return value, low, value if finding.high is None else finding.high
