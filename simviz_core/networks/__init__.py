"""Networks: load them by name, see images as they do, and decompose their embeddings."""

from simviz_core.networks.catalogue import (
    DEFAULT_NETWORK,
    NETWORKS,
    NetworkEntry,
    Preprocessing,
    load_trunk,
)
from simviz_core.networks.similarity_network import (
    DEFAULT_SIZE,
    POOLINGS,
    SIZES,
    SimilarityNetwork,
    load_network,
    pooling_by_name,
)

__all__ = [
    "DEFAULT_NETWORK",
    "DEFAULT_SIZE",
    "NETWORKS",
    "POOLINGS",
    "SIZES",
    "NetworkEntry",
    "Preprocessing",
    "SimilarityNetwork",
    "load_network",
    "load_trunk",
    "pooling_by_name",
]
