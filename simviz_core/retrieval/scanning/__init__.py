"""Scanning: how the rows of a gallery that a vector is most similar to are found."""

from simviz_core.retrieval.scanning.codes import Codes, CodesScan, encode
from simviz_core.retrieval.scanning.memory import MEMORY_VARIABLE
from simviz_core.retrieval.scanning.reading import read_scan
from simviz_core.retrieval.scanning.scan import (
    AllowedRows,
    ExactScan,
    ProductScan,
    Rows,
    Scan,
    Vector,
)

__all__ = [
    "MEMORY_VARIABLE",
    "AllowedRows",
    "Codes",
    "CodesScan",
    "ExactScan",
    "ProductScan",
    "Rows",
    "Scan",
    "Vector",
    "encode",
    "read_scan",
]
