"""Links to pages, as people send them, mistype them, and as attackers write them."""

import importlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from benchmarks.inputs.cases import MESSAGE, RIGHT, WRONG, Case
from simviz_core.errors import CheckpointError, GalleryError
from simviz_core.gallery import open_gallery
from simviz_core.networks import load_network
from simviz_core.networks.sources.policy import SourcePolicy, under_source_policy
from simviz_ui.choices.allowed import FOLDERS_VARIABLE, allowed_path
from simviz_ui.view import DEFAULTS, PAGES, as_link, from_link

TITLE = "Links"
SAID_NOT = "the default is shown, and the link's mistake is said"
SHUT = "refused, and in the same words whether it exists or not"
RECTANGLE = ((10.0, 20.0, 110.0, 90.0),)
MISTAKES = {
    "regions": (
        *("include:1,2,3", "include:a,b,c,d", "include:nan,0,5,5", "include:0,0,inf,5"),
        *("exclude:", "somewhere:1,2,3,4", "include:1,2,3,4,5", "include:1e999,0,1,1", "🛏"),
        "include:" + "9" * 400 + ",0,1,1",
    ),
    "cells": ("query,1", "query,-1,0", "elsewhere,1,2", "query,1.5,2", "query,nan,1", "[1,2]"),
    "sizes and numbers": (
        *("opacity=101", "opacity=-1", "opacity=nan", "opacity=1e3", "opacity=", "opacity=٣x"),
        *("top=7", "top=12.0", "top=inf", "top=" + "9" * 5000, "blanked_cells=0", "top=true"),
    ),
    "words": ("colours=rainbow", "style=none", "scale=", "tail=maybe", "fill=black"),
    "yes and no": ("occlusion=yes", "occlusion=1", "compare_poolings=TRUEE"),
}
RIGHT_ONES: dict[str, tuple[str, dict[str, Any]]] = {
    "region=": ("regions=include:10,20,110,90", {"regions": RECTANGLE}),
    "repeated": ("opacity=20&opacity=30", {"opacity": 30}),
    "old values": ("size=448 px&pooling=GeM&style=cells", {"size": "448", "pooling": "gem"}),
    "unknown": ("nosuch=1&__class__=2&opacity=40", {"opacity": 40}),
    "of another page": ("class=a&opacity=40", {"class": None, "opacity": 40}),
    "nothing": ("", {}),
    "names": ("query=$x$/%E6%97%A5%20%F0%9F%9B%8F.png", {"query": "$x$/日 🛏.png"}),
    "bytes that are no text": ("query=%ff%fe.png", {"query": "\ufffd\ufffd.png"}),
    "controls": ("query=a%0Ab%00.png", {"query": "a\nb\x00.png"}),
    "very long": ("query=" + "x" * 100_000, {"query": "x" * 100_000}),
    "very many": ("&".join(f"p{number}=1" for number in range(900)) + "&opacity=5", {"opacity": 5}),
    "markup": ("query=<script>alert(1)</script>", {"query": "<script>alert(1)</script>"}),
}
NETWORKS = (
    *("transformers//etc", "transformers/..", "transformers/~nosuchuser/x", "transformers//root"),
    *("open_clip/local-dir:/etc", "open_clip/local-dir:~nosuchuser", "open_clip/local-dir:../x"),
    *("open_clip/hf-hub:someone/evil", "transformers/someone/evil", "transformers/./hidden"),
    *("timm/hf-hub:someone/evil", "timm/local-dir:/etc", "timm/../../etc", "timm/nosuchnetwork"),
    *("torchvision/__class__", "torchvision/os.system", "file:/etc/passwd", "file:~nosuchuser"),
    *("python:os:system", "python:builtins:eval", "nosuch/network", "", "+", "resnet50+", "🛏"),
)
"""Networks that a link may name, and must not reach."""


def use(case: Case) -> str:
    """Read what the link names, through the guards of the pages."""
    kind, text, expected = case.given
    os.environ[FOLDERS_VARIABLE] = str(case.path.parent)
    if kind == "path":
        return _guarded(text, case.path.parent)
    if kind == "network":
        policy = SourcePolicy(lambda: [case.path.parent], lambda: [])
        with under_source_policy(policy):
            load_network(text, pretrained=False)
        return WRONG
    link = parse_qs(text, keep_blank_values=True)
    page = "region" if expected is not None or next(iter(link)) in PAGES["region"] else "pair"
    view, problems = from_link(link, page)
    if expected is None:
        (name,) = link
        # What is said goes into a page: short, whatever the link holds.
        are_clear = len(problems) == 1 and len(problems[0]) < 300 and name in problems[0]
        return SAID_NOT if are_clear and view == DEFAULTS else WRONG
    is_right = all(_field(view, name) == value for name, value in expected.items())
    again, _ = from_link(as_link(view, "region"), "region")
    return RIGHT if is_right and not problems and again == view else WRONG


def _field(view: Any, name: str) -> Any:
    return view.regions.include if name == "regions" else view[name]


def _guarded(name: str, allowed: Path) -> str:
    """Refused for what exists and for what does not, in the same words."""
    said = []
    for asked in (name, f"{name}/nothing"):
        try:
            open_gallery(allowed_path(asked, GalleryError), [allowed])
        except (GalleryError, CheckpointError) as error:
            said.append(str(error).replace(asked, "NAME", 1))
        else:
            return WRONG
    return SHUT if said[0] == said[1] else "refused, but tells whether it exists"


def make(folder: Path) -> list[Case]:
    """The links; a folder that is allowed, and another one beside it."""
    for library in ("timm", "torchvision", "transformers", "open_clip"):
        with suppress(ImportError):  # once, before processes are forked from this one
            importlib.import_module(library)
    allowed, secret = folder / "allowed", folder / "secret"
    for each in (allowed, secret / "a"):
        each.mkdir(parents=True)
    (allowed / "link").symlink_to(secret)
    cases: list[Case] = []

    def add(kind: str, what: str, text: str, right: Sequence[str], expected: Any = None) -> None:
        path = allowed / f"{len(cases)}"
        cases.append(Case(kind, path, tuple(right), (what, text, expected)))

    for kind, texts in MISTAKES.items():
        for text in texts:
            field = {"regions": "regions=", "cells": "cell="}.get(kind, "")
            add(f"malformed {kind}", "link", field + text, [SAID_NOT])
    for text, values in RIGHT_ONES.values():
        add("odd but right", "link", text, [RIGHT], values)
    outside = [str(secret), f"{allowed}/../secret", f"{allowed}/link", "/etc", "~root", "/"]
    outside += ["~nosuchuser", "../" * 40 + "etc", "/proc/self", "//etc", f"{allowed}/./../secret"]
    for text in outside:
        add("paths outside", "path", text, [SHUT])
    for text in ("nul\0", "x" * 5000, "file:///etc", "http://example.org/a.zip", "\\\\host\\share"):
        add("paths that are none", "path", text, [SHUT, MESSAGE])
    for text in NETWORKS:
        add("networks", "network", text, [MESSAGE])
    return cases
