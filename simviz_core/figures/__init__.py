"""Maps as pictures, and the figures that are exported."""

from simviz_core.figures.cells import describe
from simviz_core.figures.checkpoints import (
    CheckpointColumn,
    MapPanel,
    RunRows,
    checkpoints_figure,
)
from simviz_core.figures.maps import (
    COLOUR_MAPS,
    DEFAULT_COLOUR_MAP,
    DEFAULT_OPACITY,
    DIVERGING_COLOUR_MAP,
    ColourScale,
    FigureStyle,
    colour_scale,
    map_scales,
    overlay,
    upsample,
)
from simviz_core.figures.pair import pair_figure, sum_check
from simviz_core.figures.poolings import (
    poolings_figure,
    search_poolings_figure,
    spread_line,
)
from simviz_core.figures.search import SearchPanel, search_figure

__all__ = [
    "COLOUR_MAPS",
    "DEFAULT_COLOUR_MAP",
    "DEFAULT_OPACITY",
    "DIVERGING_COLOUR_MAP",
    "CheckpointColumn",
    "ColourScale",
    "FigureStyle",
    "MapPanel",
    "RunRows",
    "SearchPanel",
    "checkpoints_figure",
    "colour_scale",
    "describe",
    "map_scales",
    "overlay",
    "pair_figure",
    "poolings_figure",
    "search_figure",
    "search_poolings_figure",
    "spread_line",
    "sum_check",
    "upsample",
]
