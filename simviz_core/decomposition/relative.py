"""Relative maps: what this match asks for beyond something else.

A similarity map splits ê_i · v over the cells of i, where v is the unit embedding ê_j of another
image, or the mean one of a class. Subtracting one vector r from v before the product splits the
difference ê_i · v − ê_i · r instead: still exact, still signed, still one product. r is the mean
unit embedding of a gallery or of a class, another image's unit embedding, or the query's own,
scaled to the match (`self_reference`). Since ê_i · r is one number for all matches of a query, no
ranking changes by it.
"""

from torch import Tensor

from simviz_core.decomposition.decomposed import DecomposedImage
from simviz_core.decomposition.maps import vector_bias, vector_map


def relative_map(i: DecomposedImage, vector: Tensor, reference: Tensor) -> Tensor:
    """What each cell of image i contributes to its product with a vector beyond a reference.

    Args:
        i: The image that the map lies on.
        vector: v, (..., D): what it is compared with.
        reference: r, (..., D): what is subtracted from v.

    Returns:
        A_i · (v − r) / |e_i|, (..., H_i, W_i), signed. Its sum plus `relative_bias` is
        ê_i · v − ê_i · r.
    """
    return vector_map(i, vector - reference)


def relative_bias(i: DecomposedImage, vector: Tensor, reference: Tensor) -> Tensor:
    """The part of the difference ê_i · v − ê_i · r that belongs to no cell of i, (...)."""
    return vector_bias(i, vector - reference)


def reference_similarity(i: DecomposedImage, reference: Tensor) -> Tensor:
    """The product ê_i · r, (...): what is subtracted from the similarity."""
    return (i.unit_embedding * reference).sum(-1)


def self_reference(i: DecomposedImage, vector: Tensor) -> Tensor:
    """The reference that takes the map of an image with itself out of its map with another.

    Returns:
        s · ê_i with s = ê_i · v, (..., D). The relative map is M_i|v − s · M_i|i, whose sum with
        its bias is s − s · 1 = 0, whatever v is. With average pooling and no bias it is, up to
        a factor, what Grad-CAM of the cosine is before negative cells are set to zero.
    """
    return reference_similarity(i, vector)[..., None] * i.unit_embedding
