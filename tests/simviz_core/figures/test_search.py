import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from simviz_core.errors import SettingsError
from simviz_core.figures import FigureStyle, MapScales, search_figure
from simviz_core.figures.search import COLUMNS, EXCLUDED, HIT, INCLUDED, MISS
from simviz_core.images import Frame
from simviz_core.retrieval import Region, SearchPanel

GREY = (128, 128, 128)
Count = Callable[[bytes], dict[tuple[int, int, int], int]]


WHOLE = Region()
STYLE = FigureStyle()


def panels(count: int, is_hit: bool | None = None) -> list[SearchPanel]:
    chance = np.random.default_rng(0)
    return [
        SearchPanel(
            Image.new("RGB", (80 + 10 * number, 60), GREY),
            f"{number + 1}. a class with a rather long name · 0.123",
            chance.random((3, 4), dtype=np.float32),
            chance.random((5, 5), dtype=np.float32),
            is_hit,
        )
        for number in range(count)
    ]


def drawn(found: list[SearchPanel], region: Region = WHOLE, style: FigureStyle = STYLE) -> bytes:
    query = Image.new("RGB", (90, 60), GREY)
    return search_figure(query, Frame(), region, (900, 600), found, "whole image", style)


def pixels_of(colours: dict[tuple[int, int, int], int], name: str) -> int:
    red, green, blue = (round(255 * part) for part in to_rgb(name))
    return colours.get((red, green, blue), 0)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("shared_scale", [True, False])
def test_every_map_is_there_in_its_colour(
    signed: bool, shared_scale: bool, count_colours: Count
) -> None:
    """Flat maps without the images below them, so that each is one patch of one colour."""
    values = [0.9, -0.3 if signed else 0.3, 0.5, 0.7]
    maps = [np.full((2, 2), value, np.float32) for value in values]
    found = [
        SearchPanel(Image.new("RGB", (60, 60), GREY), "", maps[number], maps[number + 1])
        for number in (0, 2)
    ]
    style = FigureStyle(opacity=1.0, smooth=False, shared_scale=shared_scale)
    colours = count_colours(drawn(found, style=style))
    scales = MapScales.of_maps(maps, style)
    for shown in maps:
        colour = scales.of(shown).colours(shown[:1, :1])[0, 0]
        assert colours[tuple(colour.tolist())] > 10_000


def test_matches_stand_in_rows() -> None:
    def size(count: int) -> tuple[int, int]:
        return Image.open(io.BytesIO(drawn(panels(count)))).size

    one, full, more = size(1), size(COLUMNS), size(COLUMNS + 1)
    assert one[0] < full[0] == more[0]
    assert one[1] == full[1] < more[1]


def test_included_and_excluded_rectangles_are_outlined(count_colours: Count) -> None:
    plain = count_colours(drawn(panels(1)))
    region = Region(((700, 500, 300, 100),), ((400, 200, 500, 300),))
    outlined = count_colours(drawn(panels(1), region))
    for name in (INCLUDED, EXCLUDED):
        assert pixels_of(plain, name) == 0
        assert pixels_of(outlined, name) > 100
    assert pixels_of(outlined, INCLUDED) > pixels_of(outlined, EXCLUDED), "it is the larger one"


def test_captions_tell_hits_from_misses(count_colours: Count) -> None:
    unknown, hits, misses = (count_colours(drawn(panels(1, hit))) for hit in (None, True, False))
    assert pixels_of(hits, HIT) > pixels_of(unknown, HIT) == 0
    assert pixels_of(misses, MISS) > pixels_of(unknown, MISS) == 0


def test_an_unknown_colour_map_is_refused() -> None:
    with pytest.raises(SettingsError, match="pink"):
        drawn(panels(1), style=FigureStyle("pink"))
