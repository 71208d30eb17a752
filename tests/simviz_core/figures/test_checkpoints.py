import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from simviz_core.errors import SettingsError
from simviz_core.figures import (
    CheckpointColumn,
    FigureStyle,
    MapPanel,
    RunRows,
    checkpoints_figure,
)
from simviz_core.figures.search import HIT, MISS

Count = Callable[[bytes], dict[tuple[int, int, int], int]]
GREY = Image.new("RGB", (80, 60), (128, 128, 128))


def run_of(columns: int, rows: int, is_hit: bool | None = None, high: float = 1) -> RunRows:
    chance = np.random.default_rng(0)
    panels = tuple(
        MapPanel(GREY, high * chance.random((3, 4), dtype=np.float32), "hotel · 0.5", is_hit)
        for _ in range(rows)
    )
    return RunRows(
        "a run", tuple(CheckpointColumn(f"iteration {n}", panels) for n in range(columns))
    )


def size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def test_it_grows_with_columns_rows_and_runs() -> None:
    style = FigureStyle()
    small = size(checkpoints_figure([run_of(2, 2)], style))
    wide = size(checkpoints_figure([run_of(4, 2)], style))
    stacked = size(checkpoints_figure([run_of(2, 2), run_of(1, 4)], style))
    assert wide[0] > small[0]
    assert wide[1] == small[1]
    assert stacked[1] > 1.8 * small[1]
    assert stacked[0] == small[0]


@pytest.mark.parametrize(("is_hit", "colour"), [(True, HIT), (False, MISS)])
def test_hits_and_misses_are_marked(is_hit: bool, colour: str, count_colours: Count) -> None:
    found = count_colours(checkpoints_figure([run_of(1, 3, is_hit)], FigureStyle()))
    red, green, blue = (round(255 * part) for part in to_rgb(colour))
    assert found.get((red, green, blue), 0) > 5


def test_one_scale_for_all_runs_or_one_for_each_map() -> None:
    runs = [run_of(1, 1, high=1), run_of(1, 1, high=0.1)]
    shared = checkpoints_figure(runs, FigureStyle(opacity=1))
    each = checkpoints_figure(runs, FigureStyle(opacity=1, shared_scale=False))

    def brightness(png: bytes, below: bool) -> float:
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
        half = pixels[pixels.shape[0] // 2 :] if below else pixels[: pixels.shape[0] // 2]
        return float((half < 40).mean())

    assert brightness(shared, below=True) > brightness(each, below=True)


def test_an_unknown_colour_map_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown colour map"):
        checkpoints_figure([run_of(1, 1)], FigureStyle(colour_map="rainbow"))
