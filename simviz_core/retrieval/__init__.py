"""Retrieval: embeddings of a gallery, the images most similar to a query, and how good that is."""

from simviz_core.retrieval.evaluation import (
    MOST_QUERIES,
    RetrievalQuality,
    quality_as_json,
    retrieval_quality,
)
from simviz_core.retrieval.indexing import (
    BATCH,
    IndexPlan,
    IndexProgress,
    IndexReport,
    index_gallery,
    plan_index,
)
from simviz_core.retrieval.ranking import (
    GalleryIndex,
    Mask,
    Match,
    Vector,
    best_matches,
    choose,
    is_hit,
    load_index,
    region_vector,
    whole_vector,
)
from simviz_core.retrieval.regions import Region, crop_to, weights_on
from simviz_core.retrieval.search import (
    MatchMaps,
    Ranking,
    match_maps,
    rank,
    search_as_json,
    searches_as_json,
)
from simviz_core.retrieval.store import (
    CACHE_VARIABLE,
    PRECISIONS,
    EmbeddingTable,
    StoredImage,
    default_store_folder,
    embedding_table,
)

__all__ = [
    "BATCH",
    "CACHE_VARIABLE",
    "MOST_QUERIES",
    "PRECISIONS",
    "EmbeddingTable",
    "GalleryIndex",
    "IndexPlan",
    "IndexProgress",
    "IndexReport",
    "Mask",
    "Match",
    "MatchMaps",
    "Ranking",
    "Region",
    "RetrievalQuality",
    "StoredImage",
    "Vector",
    "best_matches",
    "choose",
    "crop_to",
    "default_store_folder",
    "embedding_table",
    "index_gallery",
    "is_hit",
    "load_index",
    "match_maps",
    "plan_index",
    "quality_as_json",
    "rank",
    "region_vector",
    "retrieval_quality",
    "search_as_json",
    "searches_as_json",
    "weights_on",
    "whole_vector",
]
