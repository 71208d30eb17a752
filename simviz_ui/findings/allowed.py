"""What a finding may name when its file is opened on a page, or its report is made there."""

from pathlib import Path
from urllib.parse import parse_qs

from simviz_core.cli.findings.commands import files_of_command, recomputed
from simviz_core.errors import FindingsError, SimVizError
from simviz_core.findings import Again, Finding, Recomputed, read_findings
from simviz_core.gallery import DEMO_GALLERY, MANIFEST_SUFFIXES, link_folders, open_gallery
from simviz_core.runs import DEMO_RUNS
from simviz_ui.choices.allowed import allowed_folders, allowed_path
from simviz_ui.view import PAGES, View, from_link

_DEMO = (DEMO_GALLERY, DEMO_RUNS)


def allowed_file(name: str) -> Path:
    """The path of a file that a finding names.

    Raises:
        FindingsError: It lies outside the folders that may be opened here.
    """
    return allowed_path(name, FindingsError, (*_DEMO, *link_folders()))


def opened_findings(content: bytes) -> list[Finding]:
    """The findings of a file that somebody opens on the page.

    Raises:
        FindingsError: It cannot be read, or one of them names what may not be opened here; then
            none of them is taken.
    """
    findings = read_findings(content)
    for number, finding in enumerate(findings, start=1):
        try:
            kept_view(finding)
            _check(finding)
        except SimVizError as error:
            raise FindingsError(f"finding {number}: {error}") from error
    return findings


def kept_view(finding: Finding) -> View:
    """The view that a finding is of.

    Raises:
        FindingsError: There is no such page, or a part of its link is not understood.
    """
    if finding.page not in PAGES:
        raise FindingsError(
            f"there is no page {finding.page!r}; a newer SimViz may have saved the file"
        )
    view, problems = from_link(parse_qs(finding.link, keep_blank_values=True), finding.page)
    if problems:
        raise FindingsError(problems[0])
    return view


def made_again(finding: Finding) -> Recomputed:
    """A finding made again by its commands, which open no more than may be opened here."""
    try:
        _check(finding)
    except SimVizError as error:
        return Recomputed(finding, tuple(Again(problem=f"{error}.") for _ in finding.shown))
    return recomputed(finding)


def _check(finding: Finding) -> None:
    """Refuse what may not be opened here.

    Raises:
        SimVizError: The finding names it.
    """
    for file in (*finding.images, *finding.weights):
        if not file.is_upload:
            allowed_file(file.path)
    if finding.has_uploads:
        return  # its commands are never run
    for shown in finding.shown:
        if shown.command:
            for name in files_of_command(shown.command):
                path = allowed_file(name)
                if path.suffix.lower() in MANIFEST_SUFFIXES and path.is_file():
                    # A manifest names files of its own, which have to lie in these folders, too.
                    open_gallery(path, (*allowed_folders(), *_DEMO))
