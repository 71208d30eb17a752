"""A view that is shown, as a finding."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from simviz_core.cli.findings.commands import is_made_again
from simviz_core.errors import FindingsError
from simviz_core.findings import (
    Finding,
    KeptFile,
    Shown,
    kept_numbers,
    named_files,
    new_finding,
    picture_uri,
)
from simviz_core.findings.digests import sha256_of
from simviz_core.findings.finding import PROGRAM
from simviz_ui.choices.uploads import is_upload
from simviz_ui.display.exports import Exports
from simviz_ui.findings.allowed import allowed_file
from simviz_ui.serving.uploads import lies_in_uploads
from simviz_ui.view import PAGES, View, as_link

_SUBJECTS = {
    "classes": ("class", "class2"),
    "checkpoints": ("query", "run", "run2"),
    "features": (),
    "trust": (),
    "": (),
}
"""The fields that say what a page is of; elsewhere the query and the match, where it has them."""


def finding_of(
    view: View, page: str, page_title: str, note: str, exports: Sequence[Exports]
) -> Finding:
    """The view of a page as a finding, with its numbers and pictures.

    Args:
        view: What the page shows.
        page: One of `PAGES`.
        page_title: As the navigation has it.
        note: What the user wrote.
        exports: What the page exports; the numbers and figures are made here.

    Raises:
        SimVizError: What is shown cannot be made any more.
    """
    shown = [_shown(row) for row in exports]
    images: list[str] = []
    weights: list[str] = []
    for each in shown:
        named = named_files(each.numbers)
        images += named[0]
        weights += named[1]
    uploads = _uploads(view, page)
    files = [_kept(name, uploads) for name in dict.fromkeys(images)]
    shown_names = {file.path for file in files}
    files += [KeptFile(name, None, is_upload=True) for name in uploads if name not in shown_names]
    return new_finding(
        page,
        urlencode(as_link(view, page), doseq=True),
        title_of(view, page, page_title),
        note.strip(),
        shown,
        files,
        [_kept(name, uploads) for name in dict.fromkeys(weights)],
    )


def title_of(view: View, page: str, page_title: str) -> str:
    """What a view is of, in a line."""
    names = _SUBJECTS.get(page, ("query", "match"))
    if page == "features" and view.one_pair:
        names = ("query", "match")
    found = [view[name] for name in names if name in PAGES[page] and view[name]]
    title = f"{page_title}: {', '.join(found)}" if found else page_title
    return f"{title} (a miss)" if page == "search" and view.only_misses else title[:900]


def _shown(row: Exports) -> Shown:
    words = shlex.split(row.command)
    command = words[len(PROGRAM) :]
    figure, numbers = row.content(".png"), row.content(".json")
    return Shown(
        tuple(command) if is_made_again(command) else (),
        _without_folders(kept_numbers(json.loads(numbers))) if numbers is not None else None,
        picture_uri(figure) if isinstance(figure, bytes) else "",
    )


def _uploads(view: View, page: str) -> list[str]:
    """The bare file names of the uploads that a page shows or uses."""
    held = [view[name] for name in PAGES[page] if isinstance(view[name], str)]
    return [_bare(name.rpartition(" (upload ")[0] or name) for name in held if is_upload(name)]


def _bare(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _kept(name: str, uploads: Sequence[str]) -> KeptFile:
    """A file by the name that the numbers give it; what lies in no allowed folder was uploaded."""
    try:
        if name in uploads or is_upload(name):
            raise FindingsError(name)
        allowed_file(name)
    except FindingsError:
        return KeptFile(_bare(name), None, is_upload=True)
    return KeptFile(name, sha256_of(name))


def _without_folders(values: Any) -> Any:
    """Numbers in which uploads have bare names; where the server holds them is its own affair."""
    if isinstance(values, dict):
        return {name: _without_folders(value) for name, value in values.items()}
    if isinstance(values, list):
        return [_without_folders(value) for value in values]
    if isinstance(values, str) and values.startswith("/") and lies_in_uploads(Path(values)):
        return _bare(values)
    return values
