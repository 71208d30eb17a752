"""Findings: views worth keeping, with what was found, as a file and as a report."""

from simviz_core.findings.digests import FileState, state_of
from simviz_core.findings.finding import Finding, KeptFile, Shown, new_finding, picture_uri
from simviz_core.findings.numbers import Comparison, compared, kept_numbers, named_files
from simviz_core.findings.reading import findings_as_json, read_findings
from simviz_core.findings.report import Again, Recomputed, report_html

__all__ = [
    "Again",
    "Comparison",
    "FileState",
    "Finding",
    "KeptFile",
    "Recomputed",
    "Shown",
    "compared",
    "findings_as_json",
    "kept_numbers",
    "named_files",
    "new_finding",
    "picture_uri",
    "read_findings",
    "report_html",
    "state_of",
]
