"""`report FINDINGS --html FILE`: make every finding of a file again, as one HTML report."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from simviz_core.checkpoints.loading import keeping_networks
from simviz_core.cli.findings.commands import recomputed
from simviz_core.errors import FindingsError
from simviz_core.findings import read_findings, report_html

ADDRESS = "http://localhost:8501"
"""Where `streamlit run` serves the app, unless told otherwise."""


def add_options(report: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    report.description = (
        "Read the findings that were saved on the Findings page, make each of them "
        "again from its images and settings, and write one HTML file with pictures, maps, scores, "
        "checks, settings, links and commands. What is no longer the same is said."
    )
    report.add_argument("findings", metavar="FINDINGS", help="a file saved on the Findings page")
    report.add_argument("--html", metavar="FILE", required=True, help="write the report here")
    report.add_argument(
        "--address",
        metavar="URL",
        default=ADDRESS,
        help="where the app runs, for the report's links; default: %(default)s",
    )
    report.add_argument(
        "--title", metavar="TITLE", default="Findings", help="of the report; default: %(default)s"
    )
    report.add_argument(
        "--allow-code",
        action="store_true",
        help="allow findings whose network runs code when loaded",
    )
    report.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    findings = read_findings(Path(options.findings).read_bytes())
    if not findings:
        raise FindingsError(f"{options.findings} holds no findings; star some views first")
    allow_code = bool(options.allow_code)
    bar = tqdm(findings, desc="findings", file=sys.stderr, delay=0.5, leave=False)
    with bar, keeping_networks():
        made = [recomputed(finding, allow_code) for finding in bar]
    Path(options.html).write_text(report_html(made, options.address, options.title), "utf-8")
    for finding in made:
        for again in finding.again:
            if again.problem:
                print(f"simviz: {finding.finding.title}: {again.problem}", file=sys.stderr)
