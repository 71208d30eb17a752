"""What is meant to be imported from Python: `from simviz_core import load_image, …`.

docs/api.md shows its use. These names stay where they are; what lies in the rooms below may move.
"""

from simviz_core.checkpoints.loading import load_for_settings, settings_in_use
from simviz_core.decomposition import (
    DecomposedImage,
    bias_term,
    cell_to_cell,
    region_score,
    relative_map,
    similarity,
    similarity_map,
)
from simviz_core.errors import SimVizError
from simviz_core.figures import FigureStyle, pair_figure, search_figure
from simviz_core.gallery import DEMO_GALLERY, Conditions, Gallery, GalleryImage, open_gallery
from simviz_core.images import LoadedImage, load_image
from simviz_core.networks import SimilarityNetwork, load_network
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import PairExplanation, explain_pair, pair_as_json
from simviz_core.retrieval import (
    GalleryIndex,
    Match,
    MatchMaps,
    Ranking,
    Region,
    RetrievalQuality,
    SearchReport,
    choose,
    match_maps,
    open_index,
    rank,
    retrieval_quality,
    search_as_json,
    search_panels,
    search_report,
    weights_on,
)

__all__ = [
    "DEMO_GALLERY",
    "Conditions",
    "DecomposedImage",
    "FigureStyle",
    "Gallery",
    "GalleryImage",
    "GalleryIndex",
    "LoadedImage",
    "Match",
    "MatchMaps",
    "NetworkSettings",
    "PairExplanation",
    "Ranking",
    "Region",
    "RetrievalQuality",
    "SearchReport",
    "SimVizError",
    "SimilarityNetwork",
    "bias_term",
    "cell_to_cell",
    "choose",
    "explain_pair",
    "load_for_settings",
    "load_image",
    "load_network",
    "match_maps",
    "open_gallery",
    "open_index",
    "pair_as_json",
    "pair_figure",
    "rank",
    "region_score",
    "relative_map",
    "retrieval_quality",
    "search_as_json",
    "search_figure",
    "search_panels",
    "search_report",
    "settings_in_use",
    "similarity",
    "similarity_map",
    "weights_on",
]
