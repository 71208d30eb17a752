"""Relative maps: what this match asks for beyond something else.

A similarity map splits ê_i · ê_j over the cells of i. Subtracting one vector r from ê_j before the
product splits the difference ê_i · ê_j − ê_i · r instead: still exact, still signed, still one
product. r is the mean unit embedding of a gallery or of a class, another image's unit embedding, or
the query's own, scaled to the match (`self_reference`). Since ê_i · r is one number for all
matches of a query, no ranking changes by it.
"""

from torch import Tensor

from simviz_core.decomposition.decomposed import DecomposedImage
from simviz_core.decomposition.maps import similarity, vector_bias, vector_map


def relative_map(i: DecomposedImage, j: DecomposedImage, reference: Tensor) -> Tensor:
    """What each cell of image i contributes to its similarity with j beyond a reference.

    Args:
        i: The image that the map lies on.
        j: The image that it is compared with.
        reference: r, (..., D): what is subtracted from ê_j.

    Returns:
        A_i · (ê_j − r) / |e_i|, (..., H_i, W_i), signed. Its sum plus `relative_bias` is
        ê_i · ê_j − ê_i · r.
    """
    return vector_map(i, j.unit_embedding - reference)


def relative_bias(i: DecomposedImage, j: DecomposedImage, reference: Tensor) -> Tensor:
    """The part of the difference ê_i · ê_j − ê_i · r that belongs to no cell of i, (...)."""
    return vector_bias(i, j.unit_embedding - reference)


def reference_similarity(i: DecomposedImage, reference: Tensor) -> Tensor:
    """The product ê_i · r, (...): what is subtracted from the similarity."""
    return (i.unit_embedding * reference).sum(-1)


def self_reference(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """The reference that takes the map of an image with itself out of its map with another.

    Returns:
        s · ê_i with s = ê_i · ê_j, (..., D). The relative map is M_i|j − s · M_i|i, whose sum with
        its bias is s − s · 1 = 0, whatever the pair. With average pooling and no bias it is, up to
        a factor, what Grad-CAM of the cosine is before negative cells are set to zero.
    """
    return similarity(i, j)[..., None] * i.unit_embedding
