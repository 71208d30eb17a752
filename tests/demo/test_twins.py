"""The twins in demo/twins differ where their masks say, and are the pairs that they promise."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from demo.make_rooms.twins.planning import plan_games
from simviz_core.evidence.games.twins import read_twins

DEMO = Path(__file__).parents[2] / "demo"
TWINS = DEMO / "twins"
DESCRIBED = json.loads((TWINS / "twins.json").read_text())
HOTELS = json.loads((DEMO / "rooms" / "rooms.json").read_text())["hotels"]
GAMES = DESCRIBED["games"]
EDGE = 4
"""Pixels around an object that JPEG's blocks and the denoiser smear it over."""
SEEN = 20
"""Of 255: a change that is more than light bounced off the object."""
CHANGED_OUTSIDE = {"bedspread": 0.005, "headboard": 0.01, "picture": 0.005, "lamp": 0.15}
"""The largest share of the pixels outside that may change so much. A lamp lights its wall, and
another shade throws another shadow."""


def picture_of(file: str) -> NDArray[np.float64]:
    with Image.open(TWINS / file) as image:
        return np.asarray(image.convert("RGB")).astype(np.float64)


def mask_of(file: str) -> NDArray[np.bool_]:
    with Image.open(TWINS / file) as image:
        assert image.mode == "1"
        return np.asarray(image)


@pytest.mark.parametrize("game", GAMES, ids=[game["twin"] for game in GAMES])
def test_the_mask_is_where_the_pixels_differ(game: dict[str, str]) -> None:
    difference = np.abs(picture_of(game["match"]) - picture_of(game["twin"])).max(-1)
    mask = mask_of(game["mask"])
    outside = ~ndimage.binary_dilation(mask, iterations=EDGE)
    assert difference[mask].mean() > 15
    # A lit lamp lights the whole room, so that swapping it changes a little everywhere.
    share = 1 if game["category"] == "lamp" else 1 / 3
    assert difference[outside].mean() < share * difference[mask].mean()
    assert (difference[mask] > SEEN).mean() > 0.2
    assert (difference[outside] > SEEN).mean() < CHANGED_OUTSIDE[game["category"]]


@pytest.mark.parametrize("game", GAMES, ids=[game["twin"] for game in GAMES])
def test_the_pair_shares_this_design_alone_and_the_twin_lacks_it(game: dict[str, str]) -> None:
    query, match = (
        HOTELS[game[name].split("/")[0]]["designs"] for name in ("query", "match_in_gallery")
    )
    assert [item for item in query if query[item] == match[item]] == [game["category"]]
    assert match[game["category"]] == game["design"] != game["replacement"]


def test_the_match_is_the_view_that_the_gallery_has() -> None:
    for game in GAMES:
        with Image.open(DEMO / "rooms" / "images" / game["match_in_gallery"]) as image:
            there = np.asarray(image).astype(np.float64)
        # Rendered on another processor, its noise is a little different.
        assert np.abs(picture_of(game["match"]) - there).mean() < 1


def test_every_file_is_described_and_they_are_small() -> None:
    files = {path.relative_to(TWINS).as_posix() for path in TWINS.glob("*/*.*")}
    assert files == {game[name] for game in GAMES for name in ("match", "twin", "mask")}
    assert sum((TWINS / file).stat().st_size for file in files) < 6e6
    assert len(read_twins(TWINS)) == len(GAMES) == 60


def test_the_plan_is_what_was_rendered() -> None:
    planned = plan_games(DEMO / "rooms", len(GAMES))
    assert [(g.name, g.design, g.replacement) for g in planned] == [
        (Path(g["twin"]).stem, g["design"], g["replacement"]) for g in GAMES
    ]
