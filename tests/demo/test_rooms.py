"""The demo gallery's files agree with each other and keep what its README promises."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from demo.make_rooms.assignment import HOTELS, SEARCHABLE, assign_designs, split_of
from demo.make_rooms.parts import CATEGORIES
from demo.make_rooms.views import VIEWS

ROOMS = Path(__file__).parents[2] / "demo" / "rooms"
GALLERY = json.loads((ROOMS / "rooms.json").read_text())
VIEW_NAMES = [(name, view) for name, hotel in GALLERY["hotels"].items() for view in hotel["views"]]


def mask_of(hotel: str, view: str) -> np.ndarray:
    with Image.open(ROOMS / "masks" / hotel / f"{view}.png") as image:
        assert image.mode == "P"
        return np.asarray(image)


def test_the_gallery_is_complete() -> None:
    assert GALLERY["version"] == 1
    assert GALLERY["categories"] == list(CATEGORIES)
    assert len(GALLERY["hotels"]) == HOTELS
    assert len(VIEW_NAMES) == HOTELS * VIEWS


def test_the_gallery_has_the_designs_that_its_seed_assigns() -> None:
    designs = assign_designs(GALLERY["seed"])
    for hotel, entry in GALLERY["hotels"].items():
        number = int(hotel.removeprefix("hotel_"))
        assert entry["designs"] == designs[number]
        assert entry["split"] == split_of(number)


def test_every_file_is_described() -> None:
    for kind, suffix in (("images", "jpg"), ("masks", "png")):
        there = {p.relative_to(ROOMS / kind).as_posix() for p in (ROOMS / kind).glob("*/*")}
        assert there == {f"{hotel}/{view}.{suffix}" for hotel, view in VIEW_NAMES}


def test_masks_fit_their_pictures_and_categories() -> None:
    for hotel, view in VIEW_NAMES:
        mask = mask_of(hotel, view)
        with Image.open(ROOMS / "images" / hotel / f"{view}.jpg") as picture:
            assert picture.mode == "RGB"
            assert picture.size == mask.shape[::-1]
            assert min(picture.size) >= 240
        assert mask.max() < len(GALLERY["categories"])


def test_the_searchable_things_can_be_seen() -> None:
    index = {name: GALLERY["categories"].index(name) for name in SEARCHABLE}
    shares: dict[str, list[float]] = {name: [] for name in SEARCHABLE}
    for hotel, view in VIEW_NAMES:
        mask = mask_of(hotel, view)
        for name in SEARCHABLE:
            shares[name].append(float((mask == index[name]).mean()))
    assert min(shares["bedspread"]) >= 0.04
    for name in SEARCHABLE:
        assert np.mean(np.array(shares[name]) > 0.002) > 0.8


def test_the_gallery_is_small() -> None:
    size = sum(path.stat().st_size for kind in ("images", "masks")
               for path in (ROOMS / kind).rglob("*.*"))  # fmt: skip
    assert size < 15e6
