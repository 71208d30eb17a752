"""Names of classes and files, through galleries, figures, JSON and the commands that pages name."""

import csv
import io
import json
import os
import shlex
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.inputs.cases import MESSAGE, WRONG, Case
from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.cli.classmap import classmap_command
from simviz_core.cli.features import channels_command
from simviz_core.cli.main import main
from simviz_core.cli.pair import pair_command
from simviz_core.cli.search import search_command
from simviz_core.figures import FigureStyle
from simviz_core.gallery import open_gallery
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Region

TITLE = "Names"
TEXT = "the same name in gallery, figure, JSON and command"
SETTINGS = NetworkSettings("timm/test_resnet", "average", 96, is_random=True)
KINDS = {
    "formulas": ("$x$", "$\\alpha$", "$\\nosuchcommand$", "$$", "costs $5", "a_b^c{d}"),
    "markup": ("**bold**", "_i_", "# head", "![i](x)", ":material-home:", "<b>b<br>", "`a`"),
    "addresses": ("https:example.org", "www.example.org", "<a href=x>", "a@b.org"),
    "scripts": ("日本語", "עברית", "العربية", "ไทย", "🛏️👩‍🚀", "cafe\u0301", "Straße", "\u202egpj"),
    "controls": ("new\nline", "tab\there", "\x1b[31mred", "\x7f", "\r", "\u200b"),
    "words that mean something": ("nothing", "None", "nan", "null", "true", "all", "own", "1", ""),
    "of a shell": (
        "-dash",
        "--json",
        "$(touch x)",
        "`x`",
        "a;b&c|d",
        "'q\"",
        "~",
        "*",
        "%20",
        "a b",
    ),
    "of a computer": ("back\\slash", "con", "a:b", "a,b", "a=b", "#x", "?x", " x", "x."),
    "very long": ("x" * 180, "日" * 60, " ".join(["word"] * 40)),
}


def use(case: Case) -> str:
    """Open the gallery, and run the commands that name its class and its files."""
    torch.set_num_threads(1)
    name, folder = case.given, case.path
    is_class = (folder / "gallery.csv").is_file()
    source = str(folder / "gallery.csv" if is_class else folder / "gallery")
    gallery = open_gallery(Path(source))
    query, match, other = sorted(gallery.images, key=lambda image: image.id != gallery.images[0].id)
    if is_class:
        if [image.label for image in (query, match)] != [name.strip() or None] * 2:
            return WRONG
    else:
        query = next(image for image in gallery.images if Path(image.id).stem != "other")
        if Path(query.id).name != f"{name}.png":
            return WRONG
    os.chdir(query.path.parent if not is_class else folder)
    path = query.path.name if not is_class else str(query.path)
    style, region = FigureStyle(), Region(((0, 0, 20, 20),), ())
    if is_class and query.label:
        found = _ran(classmap_command(source, [query.label], SETTINGS, style, (0, 2)))
        is_right = {block["label"] for block in found["classes"]} == {query.label}
    elif is_class:
        found = _ran(search_command(path, source, region, SETTINGS, style, 3))
        labels = {entry["path"]: entry["label"] for entry in found["results"]}
        known = {str(image.path): image.label for image in gallery.images}
        is_right = bool(labels) and labels.items() <= known.items()
    else:
        found = _ran(pair_command(path, str(other.path), SETTINGS, style))
        is_right = found["query"].removeprefix("./") == path
        _ran(channels_command(path, str(other.path), source, SETTINGS, style, 2))
    if Path("x").exists() or list(folder.rglob("PWNED")):
        return "code was run"
    return TEXT if is_right else WRONG


def _ran(line: str) -> dict[str, Any]:
    """Run a command as a page names it; its JSON. Nothing but that may be printed.

    Raises:
        RuntimeError: It failed, or its figure is none.
    """
    words = shlex.split(line)[3:]
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        status = main(words)
    figure = words[words.index("--figure") + 1]
    if status != 0 or Image.open(figure).format != "PNG":
        raise RuntimeError(err.getvalue())
    return json.loads(out.getvalue())


def make(folder: Path) -> list[Case]:
    """Write a gallery for each name: of a class, or, in turns, of a file where it can have it."""
    cases: list[Case] = []
    load_for_settings(SETTINGS)  # imports libraries, before processes are forked from this one
    chance = np.random.default_rng(0)
    pictures = [chance.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(3)]

    def write(path: Path, number: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[number]).save(path, "PNG")

    for kind, names in KINDS.items():
        for number, name in enumerate(names):
            is_file = number % 2 and len(name.encode()) < 250 and name != ""
            if is_file:
                own = folder / f"{kind} {number} file"
                write(own / "gallery" / "a" / f"{name}.png", 0)
                write(own / "gallery" / "a" / "other.png", 1)
                write(own / "gallery" / "b" / "other.png", 2)
                cases.append(Case(f"a file: {kind}", own, (TEXT, MESSAGE), name))
                continue
            own = folder / f"{kind} {number} class"
            for each in range(3):
                write(own / f"{each}.png", each)
            with (own / "gallery.csv").open("w", encoding="utf-8", newline="") as file:
                rows = [("path", "label"), ("0.png", name), ("1.png", name), ("2.png", "other")]
                csv.writer(file).writerows(rows)
            cases.append(Case(f"a class: {kind}", own, (TEXT,), name))
    return cases
