"""Galleries as people bring them: folders nested, linked and full of odd files."""

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.inputs.cases import MESSAGE, WRONG, Case
from simviz_core.errors import ImageError
from simviz_core.gallery import FIRST, LINKS_VARIABLE, OWN, open_gallery

TITLE = "Galleries"
RIGHT = "the right images and classes"
SAID = "the right images and classes, and what was guessed or left out is said"
SILENT = "the right images and classes, but what was guessed or left out is not said"


@dataclass(frozen=True)
class Expected:
    """What a gallery must be.

    Attributes:
        labels: The class of each image, by its id.
        said: Words that must be said of how it was read.
        unreadable: Images that are listed, and must be refused when they are loaded.
        level: The level of folders that is asked for.
        links: What links may lead into.
    """

    labels: Mapping[str, str | None]
    said: tuple[str, ...] = ()
    unreadable: frozenset[str] = frozenset()
    level: str = FIRST
    links: str = ""


Add = Callable[[str, Path, Expected | None], None]


def use(case: Case) -> str:
    """Open the gallery, load each of its images, and compare with what it was made of."""
    expected: Expected | None = case.given
    os.environ[LINKS_VARIABLE] = expected.links if expected else ""
    gallery = open_gallery(case.path, level=expected.level if expected else FIRST)
    if expected is None:
        return WRONG
    unreadable = set()
    for image in gallery.images:
        try:
            image.load()
        except ImageError:
            unreadable.add(image.id)
    labels = {image.id: image.label for image in gallery.images}
    if labels != dict(expected.labels) or unreadable != expected.unreadable:
        return WRONG
    if not expected.said:
        return WRONG if gallery.reading else RIGHT
    words = " ".join([*gallery.reading, *(f"{name}: {why}" for name, why in gallery.left_out)])
    return SAID if all(part in words for part in expected.said) else SILENT


def picture(form: str = "JPEG") -> bytes:
    """A small picture's file."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def write(folder: Path, *names: str, content: bytes | None = None) -> Path:
    """Write pictures, or files of some content, below a folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture() if content is None else content)
    return folder


def adder(cases: list[Case]) -> Add:
    """What adds a gallery; one that is expected to be nothing must be refused in words."""

    def add(kind: str, path: Path, expected: Expected | None) -> None:
        usual = MESSAGE if expected is None else SAID if expected.said else RIGHT
        cases.append(Case(kind, path, (usual,), expected))

    return add


def make(folder: Path) -> list[Case]:
    """Make the galleries."""
    cases: list[Case] = []
    add = adder(cases)
    _add_folders(add, folder)
    _add_nested(add, folder)
    _add_links(add, folder)
    _add_files(add, folder)
    return cases


NAMES = ("cats/1.jpg", "dogs/2.jpg")
LABELS = {name: name.split("/")[0] for name in NAMES}


def _add_folders(add: Add, root: Path) -> None:
    kind = "folders"
    add(kind, write(root / "plain", *NAMES), Expected(LABELS))
    add(kind, write(root / "flat", "1.jpg", "2.jpg"), Expected({"1.jpg": None, "2.jpg": None}))
    add(kind, write(root / "mixed", *NAMES, "3.jpg"), Expected({**LABELS, "3.jpg": None}))
    add(kind, write(root / "hidden", *NAMES, ".git/3.jpg", "cats/.4.jpg"), Expected(LABELS))
    add(kind, write(root / "none", "notes.txt", content=b"text"), None)
    (root / "empty").mkdir()
    add(kind, root / "empty", None)
    add(kind, root / "nowhere", None)
    add(kind, root / "plain" / "cats" / "1.jpg", None)


def _add_nested(add: Add, root: Path) -> None:
    kind = "nested folders"
    names = [
        f"{a}/{b}/{c}/1.jpg" for a in ("fruit", "nuts") for b in ("x", "y") for c in ("old", "new")
    ]
    tree = write(root / "nested", *names)
    for place in range(3):
        found = {name: name.split("/")[place] for name in names}
        said = ("folders are nested", "own folder 8 classes")
        add(kind, tree, Expected(found, said, level=str(place + 1)))
    found = {name: name.rpartition("/")[0] for name in names}
    add(kind, tree, Expected(found, ("the class is the own folder: 8 classes",), level=OWN))
    names = [f"{part}/{name}" for part in ("train", "val") for name in NAMES]
    sets = write(root / "sets", *names)
    for place in range(2):
        found = {name: name.split("/")[place] for name in names}
        add(kind, sets, Expected(found, ("folders are nested",), level=str(place + 1)))
    uneven = write(root / "uneven", "a/1.jpg", "a/b/2.jpg", "3.jpg")
    deep: dict[str, str | None] = {"a/1.jpg": None, "a/b/2.jpg": "b", "3.jpg": None}
    add(kind, uneven, Expected(deep, ("second folder: 1 class",), level="2"))
    deep = dict.fromkeys(deep)
    add(kind, uneven, Expected(deep, ("no image lies as deep as the fourth folder",), level="4"))


def _add_links(add: Add, root: Path) -> None:
    kind = "links"
    outside = write(root / "outside", "birds/3.jpg", "4.jpg")

    def gallery(name: str, **links: str | Path) -> Path:
        folder = write(root / name, *NAMES)
        for link, target in links.items():
            (folder / link.replace("__", "/")).symlink_to(target)
        return folder

    out = "leads out of the gallery"
    add(kind, gallery("class link", birds=outside / "birds"), Expected(LABELS, (f"birds: a link that {out}",)))  # fmt: skip # noqa: E501
    add(kind, gallery("file link", cats__out=outside / "4.jpg"), Expected(LABELS, ("cats/out: a",)))
    whole = gallery("allowed", birds=outside / "birds", cats__out=outside / "4.jpg")
    found = {**LABELS, "birds/3.jpg": "birds", "cats/out": "cats"}
    add(kind, whole, Expected(found, links=str(outside)))
    add(kind, gallery("inward", cats__in="../dogs/2.jpg"), Expected({**LABELS, "cats/in": "cats"}))
    add(kind, gallery("twice", birds="cats"), Expected(LABELS, ("birds: a link to a folder that",)))
    add(kind, gallery("round", cats__up=".."), Expected(LABELS, ("cats/up: a link to a folder",)))
    add(kind, gallery("itself", x="x"), Expected(LABELS, ("x: a link that leads back",)))
    add(kind, gallery("nothing", x="y"), Expected(LABELS, ("x: a link to nothing",)))
    add(kind, gallery("system", x="/etc", cats__y="/dev/zero"), Expected(LABELS, ("x: a", "y: a")))
    hidden = write(root / "annex", ".store/cats/1.jpg", "dogs/2.jpg")
    (hidden / "cats").symlink_to(".store/cats")
    add(kind, hidden, Expected(LABELS))
    (root / "alone").mkdir()
    (root / "alone" / "birds").symlink_to(outside / "birds")
    add(kind, root / "alone", None)


def _add_files(add: Add, root: Path) -> None:
    kind = "odd files"
    odd = ("a.jfif", "b.jpe", "c", "d.jpg_large", "E.JPG", "f.bin", "g.png")
    add(kind, write(root / "endings", *odd), Expected(dict.fromkeys(odd)))
    for form in ("PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM"):
        folder = write(root / f"no ending {form}", "picture", content=picture(form))
        add(kind, folder, Expected({"picture": None}))
    others = write(root / "others", *NAMES)
    write(others, "cats/notes.txt", "README", "cats/x.json", "list", content=b"no picture")
    add(kind, others, Expected(LABELS))
    broken = write(root / "broken", *NAMES)
    write(broken, "cats/0.jpg", content=b"")
    write(broken, "cats/text.png", content=b"text")
    names = ("cats/0.jpg", "cats/text.png")
    found = {**LABELS, **dict.fromkeys(names, "cats")}
    add(kind, broken, Expected(found, unreadable=frozenset(names)))
    pipes = write(root / "pipes", *NAMES)
    os.mkfifo(pipes / "cats" / "pipe.jpg")
    os.mkfifo(pipes / "pipe")
    add(kind, pipes, Expected(LABELS, ("cats/pipe.jpg: no plain file: a pipe", "pipe: no plain")))
    bytes_ = write(root / "bytes", *NAMES)
    (bytes_ / os.fsdecode(b"stra\xdfe.jpg")).write_bytes(picture())
    add(kind, bytes_, Expected(LABELS, ("is no text in UTF-8",)))
