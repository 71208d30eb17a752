"""Pairs: why two images are similar, as maps, cell by cell, and under several poolings."""

from simviz_core.pairs.cells import (
    BlockPart,
    CellBlock,
    CellPairs,
    Side,
    block_part,
    cell_block,
    cell_pairs,
)
from simviz_core.pairs.explanation import (
    TOP_FEATURES,
    PairExplanation,
    explain_pair,
    pair_as_json,
    save_pair_arrays,
)
from simviz_core.pairs.poolings import COMPARED, compare_poolings, poolings_as_json

__all__ = [
    "COMPARED",
    "TOP_FEATURES",
    "BlockPart",
    "CellBlock",
    "CellPairs",
    "PairExplanation",
    "Side",
    "block_part",
    "cell_block",
    "cell_pairs",
    "compare_poolings",
    "explain_pair",
    "pair_as_json",
    "poolings_as_json",
    "save_pair_arrays",
]
