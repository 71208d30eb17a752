"""Scanning: how the rows of a gallery that a vector is most similar to are found."""

from simviz_core.retrieval.scanning.codes import Codes, CodesScan, encode
from simviz_core.retrieval.scanning.memory import MEMORY_VARIABLE
from simviz_core.retrieval.scanning.neighbours import (
    ApproximateIndex,
    NeighbourScan,
    approximate_index,
    choose_probes,
)
from simviz_core.retrieval.scanning.reading import read_scan
from simviz_core.retrieval.scanning.scan import (
    IN_MEMORY,
    AllowedRows,
    ExactScan,
    FoundBy,
    ProductScan,
    Recall,
    Rows,
    Scan,
    Vector,
)

__all__ = [
    "IN_MEMORY",
    "MEMORY_VARIABLE",
    "AllowedRows",
    "ApproximateIndex",
    "Codes",
    "CodesScan",
    "ExactScan",
    "FoundBy",
    "NeighbourScan",
    "ProductScan",
    "Recall",
    "Rows",
    "Scan",
    "Vector",
    "approximate_index",
    "choose_probes",
    "encode",
    "read_scan",
]
