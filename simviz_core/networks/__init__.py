"""Networks: load them by name, see images as they do, and decompose their embeddings."""

from simviz_core.networks.catalogue import (
    DEFAULT_NETWORK,
    NETWORKS,
    NetworkEntry,
    default_pooling,
)
from simviz_core.networks.class_token_network import ClassTokenNetwork
from simviz_core.networks.ensembles import BETWEEN, EnsembleNetwork, require_single
from simviz_core.networks.fine_regions import LABEL as FINE_LABEL
from simviz_core.networks.fine_regions import FineImage, FineNetwork
from simviz_core.networks.inspection.adapting import TAILS, NetworkChoices
from simviz_core.networks.inspection.reading import NetworkReading
from simviz_core.networks.loading import (
    NetworkFacts,
    RefusedNetwork,
    adapt_network,
    build_network,
    load_network,
    network_facts,
    network_reading,
)
from simviz_core.networks.poolings import OWN_POOLING, POOLING_TITLES, POOLINGS, pooling_by_name
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.similarity_network import SimilarityNetwork
from simviz_core.networks.sizes import (
    DEFAULT_SIZE,
    SIZES,
    InputSize,
    height_and_width,
    size_from_text,
    size_text,
)
from simviz_core.networks.sources.programs import allowed_programs, allowing, is_program_name
from simviz_core.networks.sources.registry import is_source_name, source_names

__all__ = [
    "BETWEEN",
    "DEFAULT_NETWORK",
    "DEFAULT_SIZE",
    "FINE_LABEL",
    "NETWORKS",
    "OWN_POOLING",
    "POOLINGS",
    "POOLING_TITLES",
    "SIZES",
    "TAILS",
    "ClassTokenNetwork",
    "EnsembleNetwork",
    "FineImage",
    "FineNetwork",
    "InputSize",
    "NetworkChoices",
    "NetworkEntry",
    "NetworkFacts",
    "NetworkReading",
    "Preprocessing",
    "RefusedNetwork",
    "SimilarityNetwork",
    "adapt_network",
    "allowed_programs",
    "allowing",
    "build_network",
    "default_pooling",
    "height_and_width",
    "is_program_name",
    "is_source_name",
    "load_network",
    "network_facts",
    "network_reading",
    "pooling_by_name",
    "require_single",
    "size_from_text",
    "size_text",
    "source_names",
]
