"""Which designs furnish which hotel, and how rooms and views are laid out."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from demo.make_rooms.assignment import (
    HOTELS,
    SEARCHABLE,
    SPLITS,
    assign_designs,
    sharing,
    split_of,
)
from demo.make_rooms.designs import (
    CATALOGUE,
    PICTURES,
    design_id,
    design_number,
)
from demo.make_rooms.gallery import known_facts, save_view, write_rooms_json
from demo.make_rooms.layout import make_layout
from demo.make_rooms.looks import make_look
from demo.make_rooms.parts import Footprint
from demo.make_rooms.props import draw_props
from demo.make_rooms.randomness import generator
from demo.make_rooms.views import VIEWS, candidate_camera, is_clear, make_view, view_facts

SEEDS = [0, 1, 2]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("item", SEARCHABLE)
def test_a_searchable_design_furnishes_two_to_four_hotels_of_its_split(
    seed: int, split: str, item: str
) -> None:
    hotels = assign_designs(seed)
    counts = Counter(h[item] for i, h in enumerate(hotels) if split_of(i) == split)
    assert sum(counts.values()) == HOTELS / 2
    assert set(counts.values()) <= {2, 3, 4}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("item", SEARCHABLE)
def test_the_splits_share_no_searchable_design(seed: int, item: str) -> None:
    hotels = assign_designs(seed)
    train, search = ({h[item] for i, h in enumerate(hotels) if split_of(i) == s} for s in SPLITS)
    assert not train & search


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("split", SPLITS)
def test_two_hotels_share_at_most_one_searchable_design(seed: int, split: str) -> None:
    hotels = [h for i, h in enumerate(assign_designs(seed)) if split_of(i) == split]
    numbers = [np.array([design_number(h[item]) for h in hotels]) for item in SEARCHABLE]
    assert sharing(numbers).max() == 1


def test_the_assignment_depends_on_the_seed_alone() -> None:
    assert assign_designs(0) == assign_designs(0)
    assert assign_designs(0) != assign_designs(1)


def test_every_hotel_has_a_design_of_every_item() -> None:
    for hotel in assign_designs(0):
        assert set(hotel) == set(CATALOGUE)
        for item, identity in hotel.items():
            assert design_id(item, design_number(identity)) == identity
            assert design_number(identity) < len(CATALOGUE[item])


def test_the_catalogue_holds_no_design_twice() -> None:
    for designs in CATALOGUE.values():
        assert len(set(designs)) == len(designs)


@pytest.mark.parametrize("hotel", range(0, HOTELS, 5))
def test_furniture_does_not_overlap(hotel: int) -> None:
    areas = make_layout(0, hotel).footprints()
    for i, first in enumerate(areas):
        for second in areas[:i]:
            dx = min(first.right, second.right) - max(first.left, second.left)
            dy = min(first.back, second.back) - max(first.front, second.front)
            # A curtain's folds may brush against the armchair or a nightstand.
            assert min(dx, dy) < 0.12


@pytest.mark.parametrize("hotel", range(0, HOTELS, 5))
def test_props_keep_clear_of_the_furniture(hotel: int) -> None:
    layout = make_layout(0, hotel)
    for view in range(VIEWS):
        parts, names, taken = draw_props(layout, generator(0, hotel, view))
        assert bool(parts) == bool(names)
        for area in taken:
            x, y = (area.left + area.right) / 2, (area.front + area.back) / 2
            radius = (area.right - area.left) / 2
            assert all(other.distance(x, y) > radius for other in layout.footprints())


def test_a_hotel_is_seen_by_day_at_dusk_and_by_night() -> None:
    lights = Counter(make_view(0, 3, view).light for view in range(VIEWS))
    assert lights == {"day": 3, "night": 2, "dusk": 1}


def test_the_distance_to_a_footprint() -> None:
    area = Footprint(0, 1, 0, 2)
    assert area.distance(0.5, 1) == 0
    assert area.distance(4, 6) == pytest.approx(5)


def test_a_camera_needs_clearance() -> None:
    layout = make_layout(0, 0)
    view = make_view(0, 0, 0)
    camera = candidate_camera(layout, view, generator(0), 0.0)
    x, y, _ = camera.position
    assert not is_clear(camera, [Footprint(x - 0.1, x + 0.1, y - 0.1, y + 0.1)])
    assert is_clear(camera, [Footprint(x + 2, x + 3, y, y + 1)])
    json.dumps(view_facts(view, camera, ["suitcase"]))


def test_a_design_looks_the_same_in_every_hotel() -> None:
    designs = assign_designs(0)[0]
    first, second = make_look(0, 0, designs, "oak"), make_look(0, 7, designs, "walnut")
    for name in ("bedspread", "carpet", "curtains", "wallpaper", "pillows"):
        one, other = getattr(first, name), getattr(second, name)
        np.testing.assert_array_equal(one.surface.colour, other.surface.colour)
    for one, other in zip(first.paintings, second.paintings, strict=True):
        np.testing.assert_array_equal(one.colour, other.colour)
    assert len(first.paintings) == len(PICTURES[design_number(designs["picture"])].paintings)


def test_facts_survive_a_stopped_run(tmp_path: Path, demo_rooms: Path) -> None:
    picture, mask = np.zeros((6, 8, 3), np.uint8), np.full((6, 8), 3, np.uint8)
    save_view(tmp_path, 2, 1, picture, mask, {"night": True})
    assert known_facts(tmp_path) == {(2, 1): {"night": True}}
    assert write_rooms_json(tmp_path, 0, {"samples": 1}) == 1
    names = (tmp_path / "masks" / "categories.json").read_text()
    assert names == (demo_rooms.parent / "masks" / "categories.json").read_text()
    for notes in tmp_path.rglob("view_1.json"):
        notes.unlink()
    assert known_facts(tmp_path) == {(2, 1): {"night": True}}
    next(tmp_path.rglob("view_1.jpg")).unlink()
    assert known_facts(tmp_path) == {}
    assert not list(tmp_path.rglob("*.part"))
