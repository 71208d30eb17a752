"""Which views get a twin: what is swapped for what, and with which image the pair is compared.

A *game* is a pair of images of different hotels that share one design and no other, and a twin of
the second one in which just that design is swapped. What the two have in common is then known.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..assignment import SEARCHABLE
from ..designs import HEADBOARDS, PICTURES, design_number
from ..randomness import TWINS, generator

SMALLEST = {"bedspread": 0.04, "headboard": 0.02, "lamp": 0.008, "picture": 0.012}
"""Of the picture, the share that an object needs in both images of a game."""
PICTURE_HEIGHT = 1.55
"""Metres above the floor at which a picture hangs unless the headboard pushes it up."""


@dataclass(frozen=True)
class Game:
    """One twin, and the pair that it is for.

    Attributes:
        category: What is swapped.
        query: The image that shares this design alone with `match`: hotel and view number.
        match: The image whose twin is rendered: hotel and view number.
        design: The design that both have.
        replacement: What the twin has instead.
    """

    category: str
    query: tuple[int, int]
    match: tuple[int, int]
    design: str
    replacement: str

    @property
    def name(self) -> str:
        """Of the twin's files."""
        return f"hotel_{self.match[0]:02d}_view_{self.match[1]}_{self.category}"


def plan_games(rooms: Path, count: int) -> list[Game]:
    """Chooses the games, as many of each category as can be.

    Args:
        rooms: The demo gallery's folder.
        count: How many games.

    Returns:
        The games. A hotel is the match of at most one game of a category; the views are those in
        which the object is seen best.
    """
    described = json.loads((rooms / "rooms.json").read_text(encoding="utf-8"))
    hotels = described["hotels"]
    numbers = [int(n.removeprefix("hotel_")) for n, h in hotels.items() if h["split"] == "search"]
    shares = {number: _object_shares(rooms, described, number) for number in numbers}
    games: list[Game] = []
    for place, category in enumerate(SEARCHABLE):
        rng = generator(described["seed"], TWINS, place)
        wanted = count // len(SEARCHABLE) + (place < count % len(SEARCHABLE))
        for number in rng.permutation(numbers).tolist():
            game = _game(hotels, shares, category, number, rng) if wanted else None
            if game is not None:
                games.append(game)
                wanted -= 1
    return games


def _object_shares(rooms: Path, described: dict[str, Any], number: int) -> list[dict[str, float]]:
    """For each view of a hotel the share of the picture that each object takes."""
    shares = []
    for path in sorted((rooms / "masks" / f"hotel_{number:02d}").glob("*.png")):
        with Image.open(path) as mask:
            counts = np.bincount(np.asarray(mask).ravel(), minlength=len(described["categories"]))
        taken = (counts / counts.sum()).tolist()
        shares.append({item: taken[described["categories"].index(item)] for item in SEARCHABLE})
    return shares


def _game(
    hotels: dict[str, Any],
    shares: dict[int, list[dict[str, float]]],
    category: str,
    match: int,
    rng: np.random.Generator,
) -> Game | None:
    """A game about one hotel's design; None where there is none."""
    own = hotels[f"hotel_{match:02d}"]["designs"]
    designs = {number: hotels[f"hotel_{number:02d}"]["designs"] for number in shares}
    partners = [
        number
        for number, others in designs.items()
        if number != match and [item for item in own if own[item] == others[item]] == [category]
    ]
    view = _best_view(shares[match], category)
    views = [(number, _best_view(shares[number], category)) for number in partners]
    visible = [(number, best) for number, best in views if best is not None]
    others = sorted({d[category] for d in designs.values()} - {own[category]})
    allowed = [other for other in others if _stays_in_place(own, category, other)]
    if view is None or not visible or not allowed:
        return None
    query = visible[int(rng.integers(len(visible)))]
    replacement = allowed[int(rng.integers(len(allowed)))]
    return Game(category, query, (match, view), own[category], replacement)


def _best_view(shares: list[dict[str, float]], category: str) -> int | None:
    """The view in which an object is largest; None where it is too small everywhere."""
    best = max(range(len(shares)), key=lambda view: shares[view][category])
    return best if shares[best][category] >= SMALLEST[category] else None


def _stays_in_place(own: dict[str, str], category: str, replacement: str) -> bool:
    """Whether nothing else moves: a higher headboard pushes the picture above it up."""
    if category != "headboard":
        return True
    tall = PICTURES[design_number(own["picture"])].half_height
    before, after = (
        max(HEADBOARDS[design_number(design)].height + 0.16 + tall, PICTURE_HEIGHT)
        for design in (own["headboard"], replacement)
    )
    return before == after
