"""An embedding as a sum over spatial cells, and everything that follows from it.

    e = Σ_xy A[x,y] + b

`pooling` and `weighted` say what A is for each way of pooling a feature map, `class_token` what it
is of a transformer's class token, `tail` carries A and b through affine layers after the pooling,
`decomposed` holds the result, `maps` reads similarity maps and feature contributions off it,
`relative` subtracts a reference from them, `without` says what the similarity would be without some
cells, `regions` scores rectangles, and `spread` says how concentrated a map is. Pure tensor
functions: on any device, with any leading batch dimensions, accumulated in float32 or wider.
Nothing here knows of networks, images or files.

All that is named here is public, what SimViz itself asks for in another way included: `class_map`
sums over a class given as its embeddings (the pages keep a class's sum), `contrast_map` says why j
and not k, `region_score` is one image's (a search takes one product for all), and `whitening_tail`
is for networks whose whitening is not a layer.

Source of the method: Stylianou, Souvenir, Pless, "Visualizing Deep Similarity Networks",
WACV 2019, equations 1 to 6.
"""

from simviz_core.decomposition.class_token import (
    CLASS_TOKEN,
    ClassTokenPooling,
    as_map,
    attended,
    attention_weights,
    share_in_no_cell,
)
from simviz_core.decomposition.decomposed import (
    DecomposedImage,
    cosine_similarity,
    decompose,
    unit_norm,
)
from simviz_core.decomposition.joining import join
from simviz_core.decomposition.maps import (
    bias_term,
    cell_to_cell,
    cell_to_constant,
    channel_maps,
    class_map,
    contrast_map,
    cumulative_share,
    feature_contributions,
    similarity,
    similarity_map,
    vector_bias,
    vector_map,
)
from simviz_core.decomposition.pooling import (
    AveragePooling,
    GeMPooling,
    MaxPooling,
    Pooling,
    PoolingWithConstant,
    SumPooling,
)
from simviz_core.decomposition.regions import (
    region_embedding,
    region_score,
    region_weights,
)
from simviz_core.decomposition.relative import (
    reference_similarity,
    relative_bias,
    relative_map,
    self_reference,
)
from simviz_core.decomposition.retrieval import CroWPooling, RMACPooling
from simviz_core.decomposition.spread import cells_carrying, map_entropy
from simviz_core.decomposition.tail import (
    AffineTail,
    ElementwiseTail,
    LayerNormTail,
    Tail,
    affine_tail,
    apply_tail,
    apply_tails,
    batch_norm_tail,
    decompose_through,
    linear_tail,
    normalising_tail,
    whitening_tail,
)
from simviz_core.decomposition.weighted import (
    AttentionPooling,
    DepthwisePooling,
    PerCellLinear,
)
from simviz_core.decomposition.without import (
    lost_map,
    similarity_lost,
    similarity_without,
    vector_lost_map,
)

__all__ = [
    "CLASS_TOKEN",
    "AffineTail",
    "AttentionPooling",
    "AveragePooling",
    "ClassTokenPooling",
    "CroWPooling",
    "DecomposedImage",
    "DepthwisePooling",
    "ElementwiseTail",
    "GeMPooling",
    "LayerNormTail",
    "MaxPooling",
    "PerCellLinear",
    "Pooling",
    "PoolingWithConstant",
    "RMACPooling",
    "SumPooling",
    "Tail",
    "affine_tail",
    "apply_tail",
    "apply_tails",
    "as_map",
    "attended",
    "attention_weights",
    "batch_norm_tail",
    "bias_term",
    "cell_to_cell",
    "cell_to_constant",
    "cells_carrying",
    "channel_maps",
    "class_map",
    "contrast_map",
    "cosine_similarity",
    "cumulative_share",
    "decompose",
    "decompose_through",
    "feature_contributions",
    "join",
    "linear_tail",
    "lost_map",
    "map_entropy",
    "normalising_tail",
    "reference_similarity",
    "region_embedding",
    "region_score",
    "region_weights",
    "relative_bias",
    "relative_map",
    "self_reference",
    "share_in_no_cell",
    "similarity",
    "similarity_lost",
    "similarity_map",
    "similarity_without",
    "unit_norm",
    "vector_bias",
    "vector_lost_map",
    "vector_map",
    "whitening_tail",
]
