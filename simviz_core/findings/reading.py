"""The file of findings: JSON of our own schema, written whole and read strictly.

A file may come from anybody. What it holds is checked value by value before anything of it is
used; its pictures are decoded once, and its commands are only ever read by SimViz's own parser.
"""

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import parse_qs

from PIL import Image

from simviz_core import __version__
from simviz_core.errors import FindingsError
from simviz_core.findings.finding import PICTURE_BOX, PICTURE_START, Finding, KeptFile, Shown

FORMAT, FORMAT_VERSION = "simviz findings", 1
MOST_BYTES = 32_000_000
MOST_FINDINGS = 500
LONGEST_NOTE = 10_000
LONGEST_TEXT = 1_000
LONGEST_LINK = 50_000
MOST_WORDS = 1_000
MOST_SHOWN = 24
MOST_FILES = 2_000
MOST_VALUES = 100_000
"""Of the numbers of one figure, nested ones counted."""
DEEPEST = 12
_ID = re.compile("[0-9a-f]{32}")
_PAGE = re.compile("[a-z0-9_-]{0,40}")
_SHA256 = re.compile("[0-9a-f]{64}")
_TOP = ("format", "version", "simviz", "findings")
_FINDING = ("id", "page", "link", "title", "note", "kept", "shown", "images", "weights", "version")
_SHOWN = ("command", "numbers", "picture")
_FILE = ("path", "sha256", "is_upload")


def findings_as_json(findings: Sequence[Finding]) -> str:
    """Findings as the text of a file, in their order."""
    values = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "simviz": __version__,
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def read_findings(content: bytes | str) -> list[Finding]:
    """The findings of a file.

    Args:
        content: The file's bytes, or its text.

    Returns:
        The findings, in their order.

    Raises:
        FindingsError: It is no such file, of a newer version, or something in it is not what it
            has to be; the message says where.
    """
    if len(content) > MOST_BYTES:
        raise FindingsError(
            f"the file has {len(content):,} bytes; a file of findings has at most {MOST_BYTES:,}"
        )
    values = _parsed(content)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise FindingsError(
            f'this is no file of findings: it lacks "format": "{FORMAT}"; open one that was '
            "saved on the Findings page"
        )
    if values.get("version") != FORMAT_VERSION or isinstance(values["version"], bool):
        raise FindingsError(
            f"the file has version {str(values.get('version'))[:40]} of the format, and this "
            f"SimViz reads version {FORMAT_VERSION}; open it with the SimViz that saved it"
        )
    _only(values, _TOP, "the file")
    found = [
        _finding(value, f"finding {number}")
        for number, value in enumerate(
            _list(values["findings"], MOST_FINDINGS, "findings"), start=1
        )
    ]
    if len({finding.id for finding in found}) < len(found):
        raise FindingsError("two findings of the file have the same id; each has one of its own")
    return found


def _parsed(content: bytes | str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name stands twice in one object")
        return dict(pairs)

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise FindingsError(f"this is no JSON ({reason}); open a saved file of findings") from error


def _finding(value: Any, where: str) -> Finding:
    _only(value, _FINDING, where)
    link = _text(value["link"], LONGEST_LINK, f"{where}, link")
    try:
        parse_qs(link, keep_blank_values=True, strict_parsing=bool(link), errors="strict")
    except ValueError as error:
        raise _wrong(f"{where}, link", link, "parameters such as query=a.jpg&top=6") from error
    kept = _text(value["kept"], 40, f"{where}, kept")
    try:
        datetime.fromisoformat(kept)
    except ValueError as error:
        raise _wrong(f"{where}, kept", kept, "a time such as 2026-01-31T12:00:00+00:00") from error
    shown = _list(value["shown"], MOST_SHOWN, f"{where}, shown")
    return Finding(
        id=_matching(_ID, value["id"], f"{where}, id", "32 hexadecimal digits"),
        page=_matching(_PAGE, value["page"], f"{where}, page", "the name of a page"),
        link=link,
        title=_text(value["title"], LONGEST_TEXT, f"{where}, title"),
        note=_text(value["note"], LONGEST_NOTE, f"{where}, note"),
        kept=kept,
        shown=tuple(
            _shown(each, f"{where}, shown {number}") for number, each in enumerate(shown, start=1)
        ),
        images=_files(value["images"], f"{where}, images"),
        weights=_files(value["weights"], f"{where}, weights"),
        version=_text(value["version"], 40, f"{where}, version"),
    )


def _shown(value: Any, where: str) -> Shown:
    _only(value, _SHOWN, where)
    words = _list(value["command"], MOST_WORDS, f"{where}, command")
    numbers = value["numbers"]
    if numbers is not None and not isinstance(numbers, dict):
        raise _wrong(f"{where}, numbers", numbers, "an object, or null")
    _check_depth(numbers, f"{where}, numbers")
    return Shown(
        tuple(_text(word, LONGEST_TEXT * 4, f"{where}, command") for word in words),
        numbers,
        _picture(value["picture"], f"{where}, picture"),
    )


def _check_depth(values: Any, where: str) -> None:
    """Refuse what would be slow to walk through."""
    count, level = 0, [values]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        count += len(level)
        if count > MOST_VALUES:
            raise FindingsError(f"{where}: more than {MOST_VALUES:,} values")
    if level:
        raise FindingsError(f"{where}: nested more than {DEEPEST} deep")


def _files(values: Any, where: str) -> tuple[KeptFile, ...]:
    found = []
    for value in _list(values, MOST_FILES, where):
        _only(value, _FILE, where)
        path = _text(value["path"], LONGEST_TEXT * 4, f"{where}, path")
        sha256, is_upload = value["sha256"], value["is_upload"]
        if sha256 is not None:
            _matching(_SHA256, sha256, f"{where}, sha256", "64 hexadecimal digits, or null")
        if not isinstance(is_upload, bool):
            raise _wrong(f"{where}, is_upload", is_upload, "true or false")
        if is_upload and ("/" in path or "\\" in path):
            raise _wrong(f"{where}, path", path, "the bare name of an uploaded file")
        found.append(KeptFile(path, sha256, is_upload))
    return tuple(found)


def _picture(value: Any, where: str) -> str:
    if value == "":
        return ""
    expected = f"a JPEG of at most {PICTURE_BOX[0]} × {PICTURE_BOX[1]} pixels in a data URI"
    text = _text(value, 2_000_000, where)
    if not text.startswith(PICTURE_START):
        raise _wrong(where, text, expected)
    try:
        content = base64.b64decode(text.removeprefix(PICTURE_START), validate=True)
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if image.width > PICTURE_BOX[0] or image.height > PICTURE_BOX[1]:
                raise ValueError("too large")
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _wrong(where, text, expected) from error
    return text


def _only(value: Any, names: Sequence[str], where: str) -> None:
    """Refuse what is no object of exactly these names."""
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object")
    if missing := [name for name in names if name not in value]:
        raise FindingsError(f"{where}: {missing[0]} is missing")
    if unknown := [name for name in value if name not in names]:
        raise FindingsError(
            f"{where}: {unknown[0][:80]} is not known; there are {', '.join(names)}"
        )


def _list(value: Any, most: int, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(where, value, "a list")
    if len(value) > most:
        raise FindingsError(f"{where}: {len(value):,} entries; at most {most:,} are read")
    return value


def _text(value: Any, longest: int, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, value, "a text")
    if len(value) > longest:
        raise FindingsError(f"{where}: a text of {len(value):,} letters; at most {longest:,}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FindingsError(f"{where}: half a letter, which is no text") from error
    if "\0" in value:
        raise FindingsError(f"{where}: a zero byte, which no text has")
    return value


def _matching(pattern: re.Pattern[str], value: Any, where: str, expected: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _wrong(where, value, expected)
    return value


def _wrong(where: str, found: Any, expected: str) -> FindingsError:
    text = str(found)
    text = text if len(text) <= 60 else f"{text[:59]}…"
    return FindingsError(f"{where}: {text!r} is not {expected}")
