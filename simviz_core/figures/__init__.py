"""Maps as pictures, and the figures that are exported."""

from simviz_core.figures.against import (
    CONTRAST,
    AgainstRow,
    AgainstScales,
    against_figure,
    against_scales,
)
from simviz_core.figures.cells import describe
from simviz_core.figures.checkpoints import (
    CheckpointColumn,
    RunRows,
    checkpoints_figure,
)
from simviz_core.figures.checks import (
    field_figure,
    field_picture,
    occlusion_figure,
    occlusion_panels,
    scatter_figure,
)
from simviz_core.figures.classes import CLASS_MAP_LABEL, ClassBlock, ClassPanel, class_figure
from simviz_core.figures.evidence import MethodBars, method_bars_figure
from simviz_core.figures.features import (
    ChannelRow,
    CurveLine,
    channels_figure,
    feature_curves_figure,
)
from simviz_core.figures.gallery_map import (
    MOST_NAMED,
    NO_VALUE,
    gallery_map_figure,
    is_scale,
    value_colours,
)
from simviz_core.figures.maps import (
    COLOUR_MAPS,
    DEFAULT_COLOUR_MAP,
    DEFAULT_OPACITY,
    DIVERGING_COLOUR_MAP,
    ColourScale,
    FigureStyle,
    MapPanel,
    MapScales,
    colour_scale,
    contrast_legend,
    overlay,
    upsample,
)
from simviz_core.figures.pair import pair_figure, sum_check
from simviz_core.figures.parts import (
    SCORED,
    ShownPart,
    part_title,
    parts_figure,
    parts_title,
    shown_parts,
)
from simviz_core.figures.poolings import (
    poolings_figure,
    search_poolings_figure,
    spread_line,
)
from simviz_core.figures.search import search_figure
from simviz_core.figures.text import FILE_FORMATS, PNG

__all__ = [
    "CLASS_MAP_LABEL",
    "COLOUR_MAPS",
    "CONTRAST",
    "DEFAULT_COLOUR_MAP",
    "DEFAULT_OPACITY",
    "DIVERGING_COLOUR_MAP",
    "FILE_FORMATS",
    "MOST_NAMED",
    "NO_VALUE",
    "PNG",
    "SCORED",
    "AgainstRow",
    "AgainstScales",
    "ChannelRow",
    "CheckpointColumn",
    "ClassBlock",
    "ClassPanel",
    "ColourScale",
    "CurveLine",
    "FigureStyle",
    "MapPanel",
    "MapScales",
    "MethodBars",
    "RunRows",
    "ShownPart",
    "against_figure",
    "against_scales",
    "channels_figure",
    "checkpoints_figure",
    "class_figure",
    "colour_scale",
    "contrast_legend",
    "describe",
    "feature_curves_figure",
    "field_figure",
    "field_picture",
    "gallery_map_figure",
    "is_scale",
    "map_scales",
    "method_bars_figure",
    "occlusion_figure",
    "occlusion_panels",
    "overlay",
    "pair_figure",
    "part_title",
    "parts_figure",
    "parts_title",
    "poolings_figure",
    "scatter_figure",
    "search_figure",
    "search_poolings_figure",
    "shown_parts",
    "spread_line",
    "sum_check",
    "upsample",
    "value_colours",
]
