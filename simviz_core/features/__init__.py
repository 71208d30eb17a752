"""Features: which components of the embedding carry a similarity."""

from simviz_core.features.channels import (
    PairChannel,
    channels_as_json,
    excitation_map,
    strongest_channels,
)
from simviz_core.features.curve import (
    PAIRS,
    FeatureCurve,
    PairSample,
    curve_as_json,
    draw_pairs,
    feature_curve,
)
from simviz_core.features.report import (
    caveats,
    channel_rows,
    channel_table,
    channel_words,
    curve_line,
    curve_rows,
    pair_line,
    settings_as_json,
    top_words,
)

__all__ = [
    "PAIRS",
    "FeatureCurve",
    "PairChannel",
    "PairSample",
    "caveats",
    "channel_rows",
    "channel_table",
    "channel_words",
    "channels_as_json",
    "curve_as_json",
    "curve_line",
    "curve_rows",
    "draw_pairs",
    "excitation_map",
    "feature_curve",
    "pair_line",
    "settings_as_json",
    "strongest_channels",
    "top_words",
]
