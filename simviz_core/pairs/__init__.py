"""Pairs: why two images are similar, as maps, cell by cell, and under several poolings."""

from simviz_core.pairs.against import (
    PairAgainst,
    against_arrays,
    against_as_json,
    against_sentence,
    explain_against,
    verdict,
)
from simviz_core.pairs.cells import (
    BlockPart,
    CellBlock,
    CellPairs,
    Side,
    block_around,
    block_part,
    cell_block,
    cell_pairs,
    without_block,
)
from simviz_core.pairs.explanation import (
    TOP_FEATURES,
    PairExplanation,
    explain_pair,
    feature_rows,
    pair_as_json,
    save_pair_arrays,
)
from simviz_core.pairs.poolings import COMPARED, compare_poolings, poolings_as_json
from simviz_core.pairs.relative import (
    LOST_SENTENCE,
    LostMaps,
    RelativePair,
    lost_as_json,
    lost_maps,
    relative_as_json,
    relative_pair,
)

__all__ = [
    "COMPARED",
    "LOST_SENTENCE",
    "TOP_FEATURES",
    "BlockPart",
    "CellBlock",
    "CellPairs",
    "LostMaps",
    "PairAgainst",
    "PairExplanation",
    "RelativePair",
    "Side",
    "against_arrays",
    "against_as_json",
    "against_sentence",
    "block_around",
    "block_part",
    "cell_block",
    "cell_pairs",
    "compare_poolings",
    "explain_against",
    "explain_pair",
    "feature_rows",
    "lost_as_json",
    "lost_maps",
    "pair_as_json",
    "poolings_as_json",
    "relative_as_json",
    "relative_pair",
    "save_pair_arrays",
    "verdict",
    "without_block",
]
