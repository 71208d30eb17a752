"""The gallery's files: pictures, masks, facts and rooms.json."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .assignment import HOTELS, SEARCHABLE, assign_designs, split_of
from .parts import CATEGORIES
from .views import VIEWS

VERSION = 1

# One colour per category, so that a mask can be read by eye.
_MASK_COLOURS = (
    "#000000", "#bab0ac", "#d7c9b8", "#eeeeee", "#8c8c8c", "#c49c6b", "#7f6a93", "#ffffff",
    "#e15759", "#f28e2b", "#9c5f3c", "#6b4a2f", "#edc948", "#4e79a7", "#59a14f", "#a0d8ef",
    "#b07aa1", "#86624a", "#ff4fa3",
)  # fmt: skip


def hotel_name(hotel: int) -> str:
    """Returns such as "hotel_07"."""
    return f"hotel_{hotel:02d}"


def view_name(view: int) -> str:
    """Returns such as "view_3"."""
    return f"view_{view}"


def paths_of(out: Path, hotel: int, view: int) -> tuple[Path, Path, Path]:
    """Returns where a view's picture, mask and facts lie under the gallery's folder."""
    folder, name = hotel_name(hotel), view_name(view)
    return (
        out / "images" / folder / f"{name}.jpg",
        out / "masks" / folder / f"{name}.png",
        out / ".facts" / folder / f"{name}.json",
    )


def read_rooms_json(out: Path) -> dict[str, Any]:
    """Returns what rooms.json holds, or nothing where there is none yet."""
    path = out / "rooms.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def known_facts(out: Path) -> dict[tuple[int, int], dict[str, Any]]:
    """Collects the facts of all views whose picture and mask exist.

    Args:
        out: The gallery's folder.

    Returns:
        Hotel and view number to facts, from rooms.json and, for views rendered since it was
        written, from their own files.
    """
    hotels = read_rooms_json(out).get("hotels", {})
    known: dict[tuple[int, int], dict[str, Any]] = {}
    for hotel in range(HOTELS):
        views = hotels.get(hotel_name(hotel), {}).get("views", {})
        for view in range(VIEWS):
            picture, mask, notes = paths_of(out, hotel, view)
            facts = json.loads(notes.read_text()) if notes.is_file() else views.get(view_name(view))
            if facts and picture.is_file() and mask.is_file():
                known[hotel, view] = facts
    return known


def save_view(
    out: Path, hotel: int, view: int, picture: np.ndarray, mask: np.ndarray, facts: dict[str, Any]
) -> None:
    """Writes a view's three files, each whole or not at all.

    Args:
        out: The gallery's folder.
        hotel: The hotel's number.
        view: The view's number.
        picture: (H, W, 3) uint8.
        mask: (H, W) uint8 category indices.
        facts: JSON-ready.
    """
    jpg, png, notes = paths_of(out, hotel, view)
    write_whole(jpg, lambda path: Image.fromarray(picture).save(path, "JPEG", quality=90))
    write_whole(png, lambda path: _palette_image(mask).save(path, "PNG", optimize=True))
    write_whole(notes, lambda path: path.write_text(json.dumps(facts)))


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Lets `write` fill a temporary file and then gives it its name.

    Args:
        path: The file to write; its folders are made.
        write: Called with the temporary path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    try:
        write(Path(temporary))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _palette_image(mask: np.ndarray) -> Image.Image:
    image = Image.fromarray(mask, "P")
    colours = [int(colour[i : i + 2], 16) for colour in _MASK_COLOURS for i in (1, 3, 5)]
    image.putpalette(colours)
    return image


def write_rooms_json(out: Path, seed: int, rendering: dict[str, Any]) -> int:
    """Describes all complete views in rooms.json, and the masks in categories.json.

    Args:
        out: The gallery's folder.
        seed: The gallery's seed.
        rendering: The renderer's settings, for the record.

    Returns:
        The number of views described.
    """
    known = known_facts(out)
    designs = assign_designs(seed)
    hotels = {
        hotel_name(hotel): {
            "split": split_of(hotel),
            "designs": designs[hotel],
            "views": {view_name(v): facts for (h, v), facts in known.items() if h == hotel},
        }
        for hotel in sorted({hotel for hotel, _ in known})
    }
    content = {
        "version": VERSION,
        "seed": seed,
        "rendering": rendering,
        "categories": list(CATEGORIES),
        "hotels": hotels,
    }
    text = json.dumps(content, indent=1) + "\n"
    write_whole(out / "rooms.json", lambda path: path.write_text(text))
    names = {"categories": list(CATEGORIES), "objects": list(SEARCHABLE)}
    described = json.dumps(names, indent=1) + "\n"
    write_whole(out / "masks" / "categories.json", lambda path: path.write_text(described))
    return len(known)


def contact_sheet(out: Path, hotels: Iterable[int], path: Path) -> None:
    """Pastes hotels' pictures into one image, a row per hotel.

    Args:
        out: The gallery's folder.
        hotels: The hotels' numbers.
        path: The image to write.
    """
    rows = list(hotels)
    known = known_facts(out)
    width, height = 320, 240
    sheet = Image.new("RGB", (width * VIEWS, height * len(rows)))
    for row, hotel in enumerate(rows):
        for view in range(VIEWS):
            if (hotel, view) in known:
                with Image.open(paths_of(out, hotel, view)[0]) as image:
                    small = image.convert("RGB").resize((width, height))
                sheet.paste(small, (view * width, row * height))
    sheet.save(path)
