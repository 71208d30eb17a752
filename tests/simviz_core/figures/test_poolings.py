import io

import pytest
import torch
from PIL import Image

from simviz_core.errors import SettingsError
from simviz_core.figures import (
    FigureStyle,
    poolings_figure,
    search_poolings_figure,
    spread_line,
)
from simviz_core.map_measures import map_spread
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import PairExplanation, compare_poolings
from simviz_core.retrieval import SearchPanel

GREY = Image.new("RGB", (320, 240), (128, 128, 128))


@pytest.fixture
def pairs() -> list[PairExplanation]:
    torch.manual_seed(0)
    settings = NetworkSettings("example", "average", 224)
    return compare_poolings(torch.rand(5, 7, 16), torch.rand(4, 4, 16) - 0.3, settings)


def panels(pair: PairExplanation, count: int) -> list[SearchPanel]:
    return [
        SearchPanel(GREY, f"{n}. x", pair.match_map, pair.query_map, True) for n in range(count)
    ]


def colours(png: bytes) -> int:
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    return len(picture.convert("RGB").getcolors(1 << 24))


@pytest.mark.parametrize("shared", [True, False])
def test_a_pair_has_a_column_for_each_pooling(pairs: list[PairExplanation], shared: bool) -> None:
    style = FigureStyle(shared_scale=shared)
    three = poolings_figure(pairs, GREY, GREY, ("left", "right"), style)
    one = poolings_figure(pairs[:1], GREY, GREY, ("left", "right"), style)
    assert colours(three) > 500
    widths = [Image.open(io.BytesIO(png)).width for png in (three, one)]
    assert widths[0] > 2 * widths[1]


@pytest.mark.parametrize("shared", [True, False])
def test_a_search_has_a_row_for_each_pooling(pairs: list[PairExplanation], shared: bool) -> None:
    rows = [(p.settings.pooling, panels(p, n)) for p, n in zip(pairs, (3, 1, 3), strict=True)]
    png = search_poolings_figure(GREY, rows, "title", FigureStyle(shared_scale=shared))
    assert colours(png) > 500


def test_an_unknown_colour_map_is_refused(pairs: list[PairExplanation]) -> None:
    with pytest.raises(SettingsError, match="pink"):
        poolings_figure(pairs, GREY, GREY, ("left", "right"), FigureStyle("pink"))


def test_a_map_s_spread_fits_under_it(pairs: list[PairExplanation]) -> None:
    line = spread_line(map_spread(pairs[0].query_map))
    assert line.startswith("entropy 5.")
    assert line.endswith(" of 35 cells")
    assert spread_line(map_spread(pairs[0].query_map * 0)) == "no cell contributes anything"
